"""Decoding only what a source reads gives what decoding everything gives."""

import json
from typing import Any

import msgspec
import pytest

from etapa.sources import presets
from etapa.sources.finding import Element, Finders, WholeRecord
from etapa.sources.json_records import JsonRecords
from etapa.sources.language.loading import load_source
from etapa.sources.language.model import Source
from etapa.sources.language.paths import parse_path
from etapa.sources.mapping import Mapper

RECORD: dict[str, Any] = {
    "userId": "u-1",
    "first name": None,
    "context": {"page": {"url": "/shoes", "title": "Shoes"}, "ip": "::1"},
    "line_items": [{"sku": "A", "tags": ["x", "y"], "kind": "a"}, {"quantity": 1}, None, {"sku": "B", "tags": ["z"], "kind": "b"}],
    "event_params": [{"key": "source", "value": {"string_value": "mail", "extra": [1]}}, {"key": "value", "value": {"int_value": 3}}],
    "nested": [{"list": [{"key": "a", "in": {"deep": 1}}]}, {"list": None}],
}


def source_of(*paths: str) -> Source:
    fields = {"id": "userId", "customer_id": "userId", "type": "userId", "occurred_at": "userId"}
    text = json.dumps({"source": "some", "touchpoint": {**fields, "properties": {f"p{i}": path for i, path in enumerate(paths)}}})
    loaded = load_source(text, "some.yaml")
    assert loaded.source is not None, loaded.findings
    return loaded.source


@pytest.mark.parametrize(
    "paths",
    [
        ["userId", "first name", "missing"],
        ["context.page.url", "context.nothing.url", "context.ip"],
        ["context.page", "context.page.url", "context.page.url.x"],
        ["line_items[].sku", "line_items[].tags[]", "line_items[].missing"],
        ["line_items[]", "line_items[].sku"],
        ["event_params[key=value].value.int_value", "event_params[key=source].value.string_value", "event_params[key=no].value"],
        ["event_params[key=source]", "event_params[key=source].value.extra[]", "event_params[].key"],
        ["line_items[kind=b].sku", "line_items[kind=b].tags[]"],
        ["nested[].list[].key", "nested[].list[key=a].in.deep", "nested[].list[].in"],
    ],
)
@pytest.mark.parametrize("cut", [None, "context", "line_items", "event_params", "nested"])
def test_paths_find_in_parts_what_they_find_in_the_whole(paths: list[str], cut: str | None) -> None:
    record = {key: value for key, value in RECORD.items() if key != cut}
    records = JsonRecords(source_of(*paths))
    assert records.finders is not None
    part = records.decode(json.dumps(record).encode())
    assert type(part) is tuple
    for path in map(parse_path, paths):
        expected = Finders().of(path).find(Element(record, 0, WholeRecord(record)))
        assert records.finders.of(path).find(Element(part, 0, WholeRecord(part))) == expected, path.text


@pytest.mark.parametrize(
    ("paths", "field", "value"),
    [
        (["context.page.url"], "context", "text"),
        (["context.page.url"], "context", {"page": [1]}),
        (["line_items[].sku"], "line_items", {"sku": 1}),
        (["line_items[].sku"], "line_items", [1, {"sku": 2}]),
        (["event_params[key=a].value.int_value"], "event_params", [{"key": "a", "value": 5}]),
    ],
)
def test_a_record_of_another_shape_is_decoded_whole(paths: list[str], field: str, value: Any) -> None:
    record = {**RECORD, field: value}
    assert JsonRecords(source_of(*paths)).decode(json.dumps(record).encode()) == record


@pytest.mark.parametrize("paths", [["line_items", "line_items[].sku"], ["context.page", "context[].ip"], ["^.userId"]])
def test_a_source_that_reads_a_list_in_two_ways_decodes_all(paths: list[str]) -> None:
    assert JsonRecords(source_of(*paths)).decode(json.dumps(RECORD).encode()) == RECORD


@pytest.mark.parametrize("value", [b'{"other": "\xff", "userId": "u"}', b'{"\xff": 1}', b'{"userId": "u", "other": [1,]}', b"nonsense"])
def test_what_is_not_read_must_be_json_too(value: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        JsonRecords(source_of("userId")).decode(value)


def test_the_largest_sources_decode_in_parts_and_their_tests_give_the_same() -> None:
    in_parts = set()
    for name in presets.names():
        source = load_source(presets.text_of(name), name).source
        assert source is not None
        mapper = Mapper(source)
        for trial in source.trials:
            record = mapper.json.decode(json.dumps(trial.given).encode())
            if not isinstance(record, dict):
                in_parts.add(name)
            assert [row[1:] for row in mapper.explain(record, 0)] == [row[1:] for row in mapper.explain(trial.given, 0)]
    assert in_parts >= {"ga4", "segment", "snowplow", "posthog"}
