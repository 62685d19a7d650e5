"""Files of events in all supported formats and compressions: all give the same."""

import bz2
import datetime as dt
import gzip
import io
import json
import lzma
from collections.abc import Callable
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.embedded.shoppers import ShoppingTrip, touchpoints
from etapa.journey.units import DAY
from etapa.sources.language.loading import load_source
from etapa.sources.mapping import Mapper
from etapa.sources.typed_files import parquet_records, plain
from tests.unit.cli.process import etapa

START = 1_700_000_000_000_000
PLAIN = """
source: plain
touchpoint:
  id: id
  customer_id: customer_id
  type: type
  occurred_at: occurred_at
  channel: channel
  properties: {"*": properties}
  traits: {"*": traits}
"""


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    """Half a year of a shop, without broken records."""
    found: list[dict[str, Any]] = []
    for sent in islice(touchpoints(ShoppingTrip(seed=5, start=START, end=START + 180 * DAY, pace=180 * DAY // 1_500)), 1_700):
        try:
            event = json.loads(sent.value or b"")
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("occurred_at"), str) and isinstance(event.get("id"), str):
            found.append(event)
    return found[:1_500]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("source") / "plain.yaml"
    path.write_text(PLAIN)
    return str(path)


def lines(events: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def changes(path: Path | str, *arguments: str) -> bytes:
    done = etapa("simulate", str(path), *arguments)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="module")
def expected(events: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("plain") / "events.jsonl"
    path.write_bytes(lines(events))
    found = changes(path)
    assert found.count(b"\n") > 100
    return found


@pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "bzip2", "xz", "zstd"]
)
def test_packed_files_are_unpacked(pack: Callable[[bytes], bytes], events: list[dict[str, Any]], expected: bytes, tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(pack(lines(events)))
    assert changes(path) == expected
    path.write_bytes(pack(lines(events))[:-40])
    done = etapa("simulate", str(path))
    assert done.returncode == 1
    assert b"the file is incomplete" in done.stderr or b"is damaged" in done.stderr


def test_a_folder_and_a_pattern_are_read_in_order_of_names(
    events: list[dict[str, Any]], expected: bytes, tmp_path: Path, source: str
) -> None:
    folder = tmp_path / "lake"
    for day, some in enumerate((events[:500], events[500:1_000], events[1_000:])):
        part = folder / f"day={day}" / "part.jsonl"
        part.parent.mkdir(parents=True)
        # The last line of a file needs no line feed.
        part.write_bytes(lines(some).rstrip(b"\n"))
    (folder / "_SUCCESS").write_bytes(b"")
    assert changes(folder) == expected
    assert changes(f"{folder}/*/part.jsonl") == expected
    assert changes(folder, "--source", source) == expected
    assert changes(folder, "--source", source, "--sort") == changes(folder, "--sort")


def test_parquet_and_avro_give_what_json_lines_give(events: list[dict[str, Any]], expected: bytes, tmp_path: Path, source: str) -> None:
    rows = [{**event, "properties": event.get("properties") or {}, "traits": event.get("traits") or {}} for event in events]
    keys = {name: sorted({key for row in rows for key in row[name]}) for name in ("properties", "traits")}
    table = pa.Table.from_pylist(
        [{**row, **{name: {key: _text(row[name].get(key)) for key in keys[name]} for name in keys}} for row in rows]
    )
    # Text in a column file is text in the JSON Lines for comparison, too.
    text = [{**row, **{name: {k: v for k in keys[name] if (v := _text(row[name].get(k))) is not None} for name in keys}} for row in rows]
    (tmp_path / "text.jsonl").write_bytes(lines(text))
    wanted = changes(tmp_path / "text.jsonl", "--source", source)
    at = table.schema.get_field_index("occurred_at")
    times = pa.array([dt.datetime.fromisoformat(row["occurred_at"]) for row in rows], pa.timestamp("us", "UTC"))
    parquet.write_table(table.set_column(at, "occurred_at", times), tmp_path / "events.parquet", row_group_size=200)
    assert changes(tmp_path / "events.parquet", "--source", source) == wanted
    fields = [
        {"name": name, "type": ["null", "string"], "default": None} for name in ("id", "customer_id", "type", "occurred_at", "channel")
    ]
    nested = [{"name": name, "type": {"type": "map", "values": ["null", "string"]}, "default": {}} for name in ("properties", "traits")]
    with (tmp_path / "events.avro").open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "Event", "fields": [*fields, *nested]}, text)
    assert changes(tmp_path / "events.avro", "--source", source) == wanted
    converted = etapa("sources", "convert", source, str(tmp_path / "events.parquet"), str(tmp_path / "events.avro"))
    assert converted.stdout.count(b"\n") == 2 * len(events)
    done = etapa("simulate", str(tmp_path / "events.parquet"))
    assert (done.returncode, b"it looks like Parquet" in done.stderr) == (1, True)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1" + b"x" * 100)
    done = etapa("simulate", str(tmp_path / "broken.parquet"), "--source", source)
    assert (done.returncode, b"the Parquet cannot be read" in done.stderr) == (1, True)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def test_values_that_json_does_not_have_are_written_as_it_would() -> None:
    noon = dt.datetime(2026, 1, 5, 9, 20, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    found = plain({"a": [noon, noon.replace(tzinfo=None), Decimal("1.5"), b"x", float("nan"), (1, True, None)], "d": noon.date()})
    assert found == {"a": ["2026-01-05T07:20:00Z", "2026-01-05T09:20:00", 1.5, "x", None, [1, True, None]], "d": "2026-01-05"}


@pytest.mark.parametrize(
    ("unit", "zone", "number", "text"),
    [
        ("us", "UTC", 1_767_604_800_000_001, "2026-01-05T09:20:00.000001Z"),
        ("us", "America/La_Paz", 1_767_604_800_000_000, "2026-01-05T09:20:00Z"),
        ("ns", "UTC", 1_767_604_800_123_456_789, "2026-01-05T09:20:00.123456Z"),
        ("s", None, 1_767_604_800, "2026-01-05T09:20:00"),
        ("ms", "UTC", -1, "1969-12-31T23:59:59.999000Z"),
        ("s", "UTC", 300_000_000_000, "a time outside the years 1 to 9999"),
        ("us", "UTC", None, None),
    ],
)
def test_times_of_parquet_are_text_to_the_microsecond(unit: str, zone: str | None, number: int | None, text: str | None) -> None:
    written = io.BytesIO()
    parquet.write_table(pa.table({"at": pa.array([number], pa.int64()).cast(pa.timestamp(unit, zone))}), written)
    assert list(parquet_records(written)) == [{"at": text}]


def test_of_parquet_only_the_columns_that_a_source_reads_are_read() -> None:
    written = io.BytesIO()
    parquet.write_table(pa.table({"id": ["1", "2"], "huge": [b"x", b"y"], "at": [None, 1.5]}), written)
    rows = list(parquet_records(written, ("at", "missing", "id")))
    assert rows == [(None, None, "1"), (1.5, None, "2")]
    assert list(parquet_records(written, ("missing",))) == [(None,), (None,)]


@pytest.mark.parametrize("occurred_at", ["at", "{first: [at, sent]}", "{of: at, when: {kind: a}}", "{of: at, unit: s}", "at.x"])
@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        (pa.timestamp("us", "UTC"), [1_767_604_800_000_001, None, 0]),
        (pa.timestamp("ns", "America/La_Paz"), [1_767_604_800_123_456_789, 1, None]),
        (pa.timestamp("s", "UTC"), [300_000_000_000, 1_767_604_800, None]),
        (pa.timestamp("us", "UTC"), [None, None, None]),
        (pa.timestamp("us"), [1_767_604_800_000_001, None, 0]),
        (pa.int64(), [1_767_604_800, None, 0]),
    ],
)
def test_columns_of_times_give_what_the_same_times_as_text_give(occurred_at: str, column: pa.DataType, numbers: list[int | None]) -> None:
    times = pa.array(numbers, pa.int64()).cast(column)
    table = pa.table({"id": ["1", "2", "3"], "kind": ["a", "b", "c"], "at": times, "sent": pa.array([0, 1, 2], pa.timestamp("us", "UTC"))})
    written = io.BytesIO()
    parquet.write_table(table, written)
    fields = f"{{id: {{hash: [id, at]}}, customer_id: id, type: kind, occurred_at: {occurred_at}, properties: {{at: at, sent: sent}}}}"
    source = load_source(f"source: shop\nskip: [{{at: '1970-01-01T00:00:00Z'}}]\ntouchpoint: {fields}", "shop.yaml").source
    assert source is not None
    mapper = Mapper(source)
    as_text = list(parquet_records(written, mapper.json.columns))
    as_times = list(parquet_records(written, mapper.json.columns, mapper.json.times))
    assert len(as_text) == len(as_times) == 3
    for text, time in zip(as_text, as_times, strict=True):
        assert mapper.outcomes(time, TouchpointLimits()) == mapper.outcomes(text, TouchpointLimits())
        assert mapper.items(time, TouchpointLimits(), 0) == mapper.items(text, TouchpointLimits(), 0)
        assert mapper.explain(time, 0) == mapper.explain(text, 0)
