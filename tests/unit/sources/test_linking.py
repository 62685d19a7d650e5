"""A source's `link`: records that hold two ids of one person."""

from typing import Any

import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint import read_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.sources.language.loading import load_source
from etapa.sources.mapping import Mapper
from etapa.sources.record_outcome import Mapped

SOURCE = """
source: shop
skip: [{type: alias}]
touchpoint: {id: id, customer_id: {first: [user, device]}, type: type, occurred_at: at}
link: {when: {type: {in: [alias, login]}}, same_as: user, customer_id: device}
"""
IN_FILES = TouchpointLimits(takes_links=True)


def items(limits: TouchpointLimits = IN_FILES, source: str = SOURCE, **fields: Any) -> list[Any]:
    found = load_source(source, "shop.yaml")
    assert found.findings == ()
    assert found.source is not None
    mapper = Mapper(found.source)
    record = {"id": "r-1", "at": "2026-01-01T00:00:00Z", "user": "ada", "device": "d-7", "type": "login"} | fields
    return mapper.items(record, mapper.limits(limits), 100)


def test_a_record_makes_a_link_beside_its_touchpoint() -> None:
    touchpoint, link = items()
    assert (touchpoint.customer_id, touchpoint.type) == ("ada", "login")
    assert (link.customer_id, link.type, link.properties, link.id) == ("d-7", "$link", {SAME_AS: "ada"}, "r-1")
    assert link.at == touchpoint.at


def test_a_record_that_is_skipped_may_be_a_link() -> None:
    (link,) = items(type="alias")
    assert link.type == "$link"


@pytest.mark.parametrize("fields", [{"type": "page"}, {"user": None}, {"device": ""}, {"device": "ada"}])
def test_a_record_that_lacks_one_of_two_different_ids_makes_no_link(fields: dict[str, Any]) -> None:
    (touchpoint,) = items(**fields)
    assert isinstance(touchpoint, Touchpoint)


def test_in_a_worker_a_link_is_counted_beside_its_touchpoint_and_refused_alone() -> None:
    touchpoint, link = items(TouchpointLimits())
    assert isinstance(touchpoint, Touchpoint)
    assert link == SkippedRecord("link: the journey has no `identity`")
    (alone,) = items(TouchpointLimits(), type="alias")
    assert isinstance(alone, Rejected)
    assert alone.reason == "not_linked"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"device": "null"}, "placeholder_id"), ({"device": {"no": "text"}}, "invalid"), ({"device": "d" * 257}, "invalid")],
)
def test_a_link_that_cannot_be_used_says_why_and_the_touchpoint_stays(fields: dict[str, Any], reason: str) -> None:
    touchpoint, link = items(**fields)
    assert isinstance(touchpoint, Touchpoint)
    assert isinstance(link, Rejected)
    assert link.reason == reason


def test_the_json_of_a_link_is_that_link() -> None:
    found = load_source(SOURCE, "shop.yaml").source
    assert found is not None
    record = {"id": "r-1", "at": "2026-01-01T00:00:00Z", "user": "ada", "device": "d-7", "type": "alias"}
    (written,) = Mapper(found).outcomes(record, IN_FILES)
    assert isinstance(written, Mapped)
    assert read_touchpoint(written.json, IN_FILES, None) == written.touchpoint


def test_no_record_can_pass_itself_off_as_a_link() -> None:
    (refused,) = items(source=SOURCE.partition("link:")[0], type="$link")
    assert isinstance(refused, Rejected)
    assert "`$link` is no type of records" in refused.detail


def test_what_a_link_reads_is_decoded_even_if_nothing_else_reads_it() -> None:
    source = load_source(SOURCE.replace("{first: [user, device]}", "user"), "shop.yaml").source
    assert source is not None
    mapper = Mapper(source)
    record = mapper.json.decode(b'{"id": "r-1", "at": "2026-01-01T00:00:00Z", "user": "ada", "device": "d-7", "type": "login", "more": 1}')
    assert [each.type for each in mapper.items(record, IN_FILES, 100) if isinstance(each, Touchpoint)] == ["login", "$link"]
