"""Touchpoints that wait as rows are, in every respect, those that wait as objects."""

import asyncio
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.quick_reader import new_rows
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import format_time
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.partition import Partition
from etapa.journey.units import DAY, HOUR, MINUTE
from etapa.stream.protocol.arrivals import arrivals_of
from etapa.stream.protocol.batch import decode
from etapa.stream.protocol.records import Record
from etapa.stream.protocol.records_in_batches import Records, RecordsInBatches, RecordStretch, UnpackedBatch, with_headers
from etapa.stream.protocol.waiting import Waiting
from tests.unit.engine.shops import program_of

START = 1_760_000_000_000_000
WALL = START + 90 * DAY
TRACE = (("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),)
ODD_ENDS = ("", ',"channel":"\\u0061pp"', ',"properties":{"a":[1]}', ',"other":1', ',"channel":', ',"traits":null')


@st.composite
def records(draw: st.DrawFn) -> list[Record]:
    """Of a few customers; some cannot be used, some are not written as usual, some come too early or too late."""
    made = []
    for offset in range(draw(st.integers(0, 12))):
        customer_id = draw(st.sampled_from(["c-1", "c-2", "d-1", "ñu"]))
        at = START + draw(st.integers(-2, 100)) * draw(st.sampled_from([MINUTE, HOUR, DAY]))
        kind = draw(st.sampled_from(["ad", "view", "buy"]))
        end = (
            draw(st.sampled_from(ODD_ENDS))
            if draw(st.booleans())
            else ',"channel":"web","properties":{"amount":2.5,"x":"y"},"traits":{"vip":true}'
        )
        value = (
            f'{{"id":"e-{draw(st.integers(0, 9))}","customer_id":"{customer_id}","type":"{kind}","occurred_at":"{format_time(at)}"{end}}}'
        )
        key = draw(st.sampled_from([customer_id.encode()] * 6 + [b"other", None]))
        timestamp = draw(st.sampled_from([0, WALL + 5 * MINUTE]))
        headers: Any = (
            TRACE if draw(st.booleans()) else draw(st.sampled_from([(), (("etapa.request", b"forget"),), (("sender", None), *TRACE)]))
        )
        made.append(Record(offset, timestamp, key, value.encode(), headers))
    return made


async def no_pause() -> None:
    pass


def left_in_batches(these: Sequence[Record], most: int) -> RecordsInBatches:
    """The same in batches of up to `most` records; the first batch begins with a record that was read before, every other is an object."""
    found = RecordsInBatches()
    for start in range(0, len(these), most):
        batch = unpacked([Record(-1, 0, b"x", None), *these[start : start + most]])
        found.add(
            RecordStretch(batch, [], 1, len(batch))
            if start % 2 == 0
            else RecordStretch(None, list(these), start, min(start + most, len(these)))
        )
    return found


def unpacked(these: Sequence[Record]) -> UnpackedBatch:
    content, places = b"\0", b""
    times: list[tuple[int, int]] = []
    for number, one in enumerate(these):
        parts = []
        for part in (one.key, one.value):
            parts += [len(content), -1 if part is None else len(part)]
            content += part or b""
        places += struct.pack("=6q", one.offset, one.timestamp, *parts)
        if not times or times[-1][1] != one.timestamp:
            times.append((number, one.timestamp))
    return UnpackedBatch(content, places, times, {number: one.headers for number, one in enumerate(these) if one.headers})


def waiting(these: Records, *, in_rows: bool) -> Waiting:
    return asyncio.run(decode(these, decoder_within(TouchpointLimits(), ("amount",)), WALL, 5, no_pause, START, in_rows=in_rows))


@pytest.fixture(scope="module")
def program() -> Program:
    return program_of("- {id: idles, from: new, to: lost, when: {idle: 2d}}\n- {id: back, from: lost, to: warm, when: {event: view}}")


def admit(partition: Partition, customer_ids: Sequence[str]) -> None:
    for customer_id in customer_ids:
        partition.admit(customer_id, None)


def judged(partition: Partition, those: Waiting, taken: int) -> tuple[object, ...]:
    """What comes of judging the first of those, in two portions."""
    unusable: list[tuple[Record, Rejected]] = []
    half = taken // 2
    reached = those.take(partition, 0, half, WALL, unusable)
    reached = those.take(partition, half, taken, WALL, unusable) if reached == half else reached
    work = partition.collect()
    return reached, unusable, work.changes, list(work.changed), work.applied, work.duplicates, work.timers_fired, partition.stream_time


@settings(max_examples=300, deadline=None)
@given(records(), st.sampled_from([None, 1, 3, 20]), st.data())
def test_a_batch_comes_to_the_same_in_rows_and_in_objects(these: list[Record], at_once: int | None, data: st.DataObject) -> None:
    program = program_of("- {id: idles, from: new, to: lost, when: {idle: 2d}}\n- {id: back, from: lost, to: warm, when: {event: view}}")
    rows, objects = waiting(these, in_rows=True), waiting(these, in_rows=False)
    if at_once is not None:
        rows = waiting(left_in_batches(these, at_once), in_rows=True)
    partitions = Partition(program, None), Partition(program, None)
    while len(objects):
        most = data.draw(st.integers(1, len(objects)))
        bound, stream_time = START + data.draw(st.integers(-1, 100)) * DAY, data.draw(st.sampled_from([None, START, START + 9 * DAY]))
        for wall in (WALL, START + DAY):
            assert rows.stream_time_after(most, stream_time, wall) == objects.stream_time_after(most, stream_time, wall)
            assert rows.count_before(bound, most, stream_time, wall) == objects.count_before(bound, most, stream_time, wall)
        missing = rows.find(partitions[0], most), objects.find(partitions[1], most)
        assert sorted(missing[0]) == sorted(missing[1])
        for partition in partitions:
            admit(partition, missing[1])
        if data.draw(st.booleans()):
            position = data.draw(st.integers(0, most - 1))
            rows, objects = (each.with_rejected(position, rejected("evaluation_failed", "")) for each in (rows, objects))
            missing = rows.find(Partition(program, None), most), objects.find(Partition(program, None), most)
            assert sorted(missing[0]) == sorted(missing[1])
            assert rows.stream_time_after(most, None, WALL) == objects.stream_time_after(most, None, WALL)
        if data.draw(st.booleans()):
            assert rows.item(0) == objects.item(0)
            assert rows.item(0) is rows.item(0)
        assert judged(partitions[0], rows, most) == judged(partitions[1], objects, most)
        assert rows.traces(most) == objects.traces(most)
        rows, objects = rows.without_first(most), objects.without_first(most)
    assert len(rows) == 0


@settings(max_examples=100, deadline=None)
@given(records(), st.integers(1, 9), st.integers(0, 13), st.integers(0, 13))
def test_records_in_batches_are_those_records(these: list[Record], at_once: int, first: int, second: int) -> None:
    left = left_in_batches(these, at_once)
    first, second = min(first, len(these)), min(second, len(these))
    assert list(left) == [left[position] for position in range(len(left))] == [left[position] for position in range(-len(left), 0)] == these
    assert list(left.after(first)) == these[first:]
    assert list(left.after(first).after(second)) == these[first:][second:]
    assert with_headers(left, second) == with_headers(these, second)
    assert with_headers(left.after(first), second - first) == with_headers(these[first:], second - first)
    both = RecordsInBatches()
    both.extend(left.after(first))
    both.extend(left)
    assert list(both) == these[first:] + these
    assert left.size() >= sum(record.size() for record in these)
    for count in (first, second, len(these)):
        told, expected = arrivals_of(left, count), arrivals_of(these, count)
        assert (told.first, told.last, told.timestamps, told.sample) == (
            expected.first,
            expected.last,
            expected.timestamps,
            expected.sample,
        )
    for none in (-len(these) - 1, len(these)):
        with pytest.raises(IndexError):
            left[none]


@settings(max_examples=100, deadline=None)
@given(records(), st.integers(0, 12))
def test_whoever_asks_for_all_items_is_given_objects(these: list[Record], first: int) -> None:
    rows, objects = waiting(these, in_rows=True), waiting(these, in_rows=False)
    first = min(first, len(these))
    rest = rows.without_first(first)
    assert rest.items == objects.items[first:]
    assert rest.items is rest.items or not rest.items
    assert list(map(repr, rest.items)) == list(map(repr, objects.items[first:]))
    assert rest.stream_time_after(len(rest), None, WALL) == objects.without_first(first).stream_time_after(len(rest), None, WALL)


def usual(count: int, customer_id: str = "c-1") -> list[Record]:
    value = '{{"id":"e-{0}","customer_id":"{1}","type":"view","occurred_at":"{2}"}}'
    return [
        Record(offset, 0, customer_id.encode(), value.format(offset, customer_id, format_time(START + offset * MINUTE)).encode())
        for offset in range(count)
    ]


@pytest.mark.parametrize("how", ["dropped", "forgotten to make room", "left"])
def test_a_customer_who_went_after_the_look_up_is_looked_up_again(program: Program, how: str) -> None:
    partition = Partition(program, None)
    admit(partition, ["c-1"])
    waiting(usual(1), in_rows=True).take(partition, 0, 1, WALL, [])
    partition.collect()
    those = waiting(usual(3), in_rows=True)
    assert those.find(partition, 3) == []
    if how == "dropped":
        partition.drop("c-1")
    elif how == "left":
        partition.leave("c-1")
    else:
        partition.forget(0, ())
    admit(partition, ["c-1"])
    those.take(partition, 1, 3, WALL, [])
    work = partition.collect()
    # She is new here: what she was before is gone.
    assert [(change.source, change.to) for change in work.changes] == [(None, "new")]
    assert partition.customer("c-1") is work.changed["c-1"]


def test_customers_found_in_one_memory_are_not_taken_for_those_of_another(program: Program) -> None:
    before, after = Partition(program, None), Partition(program, None)
    those = waiting(usual(2), in_rows=True)
    for partition in (before, after):
        admit(partition, ["c-1"])
    those.find(before, 2)
    those.take(after, 0, 2, WALL, [])
    assert (before.customer("c-1"), after.customer("c-1") is None) == (None, False)


def test_touchpoints_that_are_judged_share_the_id_of_their_customer(program: Program) -> None:
    partition = Partition(program, None)
    admit(partition, ["c-1"])
    those = waiting(usual(2), in_rows=True)
    those.take(partition, 0, 1, WALL, [])
    those.find(partition, 2)
    item, other = those.item(1), those.item(0)
    assert isinstance(item, Touchpoint)
    assert isinstance(other, Touchpoint)
    assert (item.customer_id, other.customer_id) == ("c-1", "c-1")
    if new_rows is not None:
        assert item.customer_id is other.customer_id


@pytest.mark.skipif(new_rows is None, reason="there are no rows where they are not compiled")
def test_rows_refuse_what_they_do_not_have() -> None:
    assert new_rows is not None
    rows = new_rows(bytes([1] * 128), None, 2)
    [record] = usual(1)
    assert record.key is not None
    assert record.value is not None
    assert rows.add(record.value, record.key, WALL, START)
    assert not rows.add(record.value, record.key, START - 1, START - 2)
    assert not rows.add(record.value, record.key, WALL, START + 1)
    assert not rows.add(record.value, b"other", WALL, START)
    rows.leave_out()
    assert (len(rows), rows.odd) == (2, 1)
    for refused in (
        lambda: rows.add(record.value or b"", record.key or b"", WALL, START),
        rows.leave_out,
        lambda: rows.fields(1, None),
        lambda: rows.fields(2, None),
        lambda: rows.fields(-1, None),
        lambda: rows.latest(0, 3),
        lambda: rows.first_from(0, -1, 2),
        lambda: rows.look_up({}, 2, 1),
        lambda: rows.give_up_first(3),
    ):
        with pytest.raises(IndexError):
            refused()
    rows.give_up_first(1)
    with pytest.raises(IndexError):
        rows.fields(0, None)
    assert rows.latest(0, 2) is None


@pytest.mark.skipif(new_rows is None, reason="there are no rows where they are not compiled")
def test_rows_look_only_into_the_bytes_that_there_are() -> None:
    assert new_rows is not None
    batch = unpacked(usual(2))
    times, bounds = (WALL, 0, START), (1_000, 1_000)
    offset, at, key, key_length, value, value_length = struct.unpack_from("=6q", batch.places)
    size = len(batch.content)
    for wrong in (
        (key, key_length, size - value_length + 1, value_length),
        (key, key_length, -1, value_length),
        (key, key_length, value, -1),
        (key, -1, value, value_length),
        (size, 1, value, value_length),
        (2**62, 2**62, value, value_length),
        (key, key_length, value, 2**63 - 1),
    ):
        rows = new_rows(bytes([1] * 128), None, 2)
        assert rows.add_all(batch.content, struct.pack("=6q", offset, at, *wrong), 0, 1, times, bounds) == 0
    rows = new_rows(bytes([1] * 128), None, 2)
    for start, stop in ((-1, 1), (0, 3)):
        with pytest.raises(IndexError):
            rows.add_all(batch.content, batch.places, start, stop, times, bounds)
    assert rows.add_all(batch.content, batch.places, 0, 2, times, (value_length - 1, 1_000)) == 0
    assert rows.add_all(batch.content, batch.places, 0, 2, times, (1_000, 1)) == 1
    with pytest.raises(IndexError):
        rows.add_all(batch.content, batch.places, 0, 2, times, bounds)
    assert rows.add_all(batch.content, batch.places, 1, 2, times, bounds) == 1


def test_a_header_without_a_value_is_no_reason_to_refuse_a_touchpoint() -> None:
    nothing: Any = None
    [plain] = usual(1)
    record = Record(plain.offset, plain.timestamp, plain.key, plain.value, (("sender", nothing), ("traceparent", nothing)))
    for these in ([record], left_in_batches([record], 1)):
        for in_rows in (True, False):
            those = waiting(these, in_rows=in_rows)
            assert isinstance(those.item(0), Touchpoint)
            assert those.traces(1) == {}
