"""Records of several systems in one topic go through the source that their header names."""

import asyncio
import json
from typing import Any

import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.registry.confluent import Registered
from etapa.registry.kept import KeptSchemas
from etapa.sources import presets
from etapa.sources.decoding import SourceDecoder
from etapa.sources.language.loading import load_source
from etapa.sources.mapping import Mapper
from etapa.sources.several import SOURCE_HEADER, SeveralSources

LATEST = 2**62
CALL = {"type": "track", "event": "Order Completed", "messageId": "m-1", "userId": "ada", "timestamp": "2026-01-05T09:20:00Z"}
ORDER = {"id": 7, "created_at": "2026-01-05T09:20:00Z", "total_price": "12.50", "customer": {"id": "ada"}}
OWN = {"id": "t-1", "customer_id": "ada", "type": "visit", "occurred_at": "2026-01-05T09:20:00Z"}


class Shelf:
    """A registry in memory, which counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def schema(self, number: int) -> Registered:
        self.asked.append(number)
        return Registered("AVRO", '{"type": "record", "name": "Visit", "fields": [{"name": "page", "type": "string"}]}')


def several(*names: str, registry: Shelf | None = None) -> SeveralSources:
    schemas = None if registry is None else KeptSchemas(registry)
    decoders = {}
    for name in names:
        source = load_source(presets.text_of(name), name).source
        assert source is not None
        decoders[name] = SourceDecoder(Mapper(source), TouchpointLimits(), schemas)
    return SeveralSources(decoders, TouchpointLimits())


def named(name: str) -> list[tuple[str, bytes]]:
    return [("trace", b"1"), (SOURCE_HEADER, name.encode())]


def types(decoder: SeveralSources, record: dict[str, Any], headers: list[tuple[str, bytes]]) -> list[str]:
    found = decoder.items(b"ada", json.dumps(record).encode(), headers, 0, LATEST)
    return [item.type if isinstance(item, Touchpoint) else str(item) for item in found]


def test_each_record_goes_through_the_source_that_its_header_names() -> None:
    decoder = several("segment", "shopify", "touchpoints")
    assert types(decoder, CALL, named("segment")) == ["Order Completed"]
    assert types(decoder, ORDER, named("shopify")) == ["purchase"]
    assert types(decoder, OWN, named("touchpoints")) == ["visit"]


def test_a_record_without_the_header_goes_through_the_first() -> None:
    assert types(several("segment", "shopify"), CALL, []) == ["Order Completed"]
    assert "expected text" in types(several("shopify", "segment"), CALL, [])[0]


def test_of_several_such_headers_the_last_counts() -> None:
    assert types(several("segment", "shopify"), ORDER, [*named("segment"), *named("shopify")]) == ["purchase"]


@pytest.mark.parametrize("name", ["ga4", "", "Segment", "\udcff"])
def test_a_header_that_names_no_source_makes_a_dead_letter_that_says_which_there_are(name: str) -> None:
    decoder = several("segment", "shopify")
    headers = [(SOURCE_HEADER, name.encode(errors="surrogateescape"))]
    assert decoder.items(b"ada", json.dumps(CALL).encode(), headers, 0, LATEST) == [
        Rejected("invalid", "the header `etapa.source` names another source; the worker has `segment` and `shopify`")
    ]
    assert decoder.customer_of(json.dumps(CALL).encode(), headers) is None


def test_the_customer_of_a_dead_letter_is_found_by_the_source_of_its_header() -> None:
    decoder = several("segment", "shopify")
    assert decoder.customer_of(json.dumps(ORDER).encode(), named("shopify")) == "ada"
    first = decoder.read(json.dumps(CALL).encode(), None, LATEST)
    assert isinstance(first, Touchpoint)
    assert first.customer_id == "ada"


def test_all_of_them_learn_schemas_from_one_registry() -> None:
    registry = Shelf()
    decoder = several("segment", "debezium", registry=registry)
    asyncio.run(decoder.learn(8))
    found = decoder.items(b"ada", b"\0\0\0\0\x08\x08home", named("debezium"), 0, LATEST)
    assert isinstance(found[0], Rejected)
    assert found[0].reason == "invalid"
    assert registry.asked == [8]
