"""Records as Kafka's client returns them, and as they go into its batches."""

from collections.abc import Sequence
from types import SimpleNamespace

import msgspec
import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from etapa.contracts.record_body import body_of, read_body, varint
from etapa.contracts.stored.packed_texts import PackedTexts, packed_bytes
from etapa.contracts.stored.written_states import WrittenStates
from etapa.stream.kafka.batches.our_records import append_records, as_records, as_state_records
from etapa.stream.kafka.batches.plain_batch import PlainBatch
from etapa.stream.kafka.batches.quick_framing import quick_frames
from etapa.stream.kafka.batches.record_buffer import frames_slowly
from etapa.stream.protocol.records import Applied, Outgoing, Record, StateRecord
from etapa.stream.protocol.stored_customers import StateRecords
from etapa.stream.protocol.written_records import WrittenRecords
from etapa.stream.redis.packing import flattened

CONSUMED = SimpleNamespace(offset=7, timestamp=1_700_000_000_123, key=b"c", value=b"{}", headers=[("a", b"b")])


def test_a_consumed_record_is_untouched_but_for_its_timestamp_in_microseconds() -> None:
    [record] = as_records([CONSUMED])
    assert record == Record(7, 1_700_000_000_123_000, b"c", b"{}", (("a", b"b"),))
    assert as_records([record]) == [record]


def test_a_consumed_state_is_its_offset_key_and_value() -> None:
    [record] = as_state_records([CONSUMED])
    assert record == StateRecord(7, b"c", b"{}")


def test_records_fill_a_batch_up_to_where_it_is_full_and_go_on_there() -> None:
    records = [Outgoing(b"k", b"x" * 400, (("h", b"v"),)) for _ in range(5)]
    position, counts = 0, []
    while position < len(records):
        batch = BatchBuilder(1_000, 0, is_transactional=1)
        position = append_records(batch, records, position)
        counts.append(batch.record_count())
    assert counts == [2, 2, 1]


def test_every_record_is_in_one_batch_whether_it_has_headers_or_not() -> None:
    records = [Outgoing(b"k%d" % number, b"x" * 400, (("h", b"v"),) * (number % 2)) for number in range(5)]
    position, built = 0, b""
    while position < len(records):
        batch = BatchBuilder(1_000, 0, is_transactional=1)
        before, position = position, append_records(batch, records, position)
        assert batch.record_count() == position - before
        built += bytes(batch._build())
    assert [built.count(one.key or b"") for one in records] == [1] * 5


def test_a_record_larger_than_a_batch_is_taken_alone() -> None:
    batch = BatchBuilder(1_000, 0, is_transactional=1)
    assert append_records(batch, [Outgoing(b"k", b"x" * 5_000), Outgoing(b"k", b"x")], 0) == 1
    assert batch.record_count() == 1


def test_customers_are_flattened_into_what_each_command_takes() -> None:
    customers = [Applied("a", "new", 5, b"12"), Applied("b", "", None, None), Applied("ç", "old", None, b"345")]
    states, *lists = map(msgspec.msgpack.decode, flattened(customers))
    assert states == ["a", "12", "ç", "345"]
    assert lists == [["a", "new", "ç", "old"], ["5", "a"], ["ç"], ["b"]]


def test_of_customers_who_stay_as_they_are_shown_only_the_state_is_sent() -> None:
    customers = [
        Applied("stays", "new", 5, b"1", moved=False, rescheduled=False),
        Applied("moves", "old", None, b"2", rescheduled=False),
        Applied("waits", "new", 7, b"3", moved=False),
        Applied("rests", "new", None, b"4", moved=False),
    ]
    states, *lists = map(msgspec.msgpack.decode, flattened(customers))
    assert states == ["stays", "1", "moves", "2", "waits", "3", "rests", "4"]
    assert lists == [["moves", "old"], ["7", "waits"], ["rests"], []]


@pytest.mark.parametrize("length", [0, 2, 1023, 1024, 70_000])
def test_a_state_of_any_length_is_packed_as_text_whatever_its_bytes_are(length: int) -> None:
    states = flattened([Applied("a", "new", None, b"\xff" * length)]).states
    assert states.endswith(b"\xdb" + length.to_bytes(4, "big") + b"\xff" * length)
    as_text = states[: len(states) - length] + b"x" * length
    assert msgspec.msgpack.decode(as_text) == ["a", "x" * length]


content = st.one_of(
    st.none(), st.binary(max_size=80), st.sampled_from([b"", b"x" * 63, b"x" * 64, b"x" * 8191, b"x" * 8192, b"x" * 70_000])
)
headers = st.lists(st.tuples(st.sampled_from(["ce_id", "", "ä", "h" * 100]) | st.text(max_size=3).filter(str.isalnum), content), max_size=4)
records = st.lists(st.builds(Outgoing, content, content, headers), min_size=1, max_size=12)


def written(some: Sequence[Outgoing]) -> WrittenRecords:
    bodies, ends = bytearray(), []
    for one in some:
        bodies += body_of(one.key, one.value, one.headers)
        ends.append(len(bodies))
    return WrittenRecords(bodies, ends)


def theirs(some: Sequence[Outgoing], most_bytes: int, batch: PlainBatch) -> tuple[int, bytes]:
    """How many records aiokafka's builder takes, and the batch that it makes of them at the time and by the producer of `batch`."""
    builder = _DefaultRecordBatchBuilderPy(2, 0, batch._is_transactional, *batch._producer, most_bytes)
    count = 0
    for one in some:
        if builder.append(count, batch._timestamp, one.key, one.value, list(one.headers)) is None:
            break
        count += 1
    return count, bytes(builder.build())


def in_portions(*portions: Sequence[tuple[bytes, bytes]]) -> StateRecords:
    """Records of these ids and states, followed by a record of another kind."""
    none = PackedTexts(0, b"")
    written = [WrittenStates(packed_bytes([part for pair in pairs for part in pair]), none, none, none) for pairs in portions]
    return StateRecords(written, [Outgoing(b"ledger", b"page", [("h", b"v")])])


states = st.lists(st.lists(st.tuples(content.map(lambda told: told or b""), content.map(lambda told: told or b"")), max_size=5), max_size=4)


@settings(max_examples=150, deadline=None)
@given(states, st.sampled_from([0, 100, 500, 9_000, 1_000_000]))
def test_states_in_portions_fill_batches_as_their_records_do(some: list[list[tuple[bytes, bytes]]], most_bytes: int) -> None:
    together = in_portions(*some)
    each = list(together)
    assert [(one.key, one.value) for one in each[:-1]] == [pair for pairs in some for pair in pairs]
    assert (len(together), together[0], together[-1]) == (len(each), each[0], each[-1])
    position = 0
    while position < len(each):
        batches = [PlainBatch(most_bytes, is_transactional=True) for _ in range(2)]
        ends = append_records(batches[0], together, position), append_records(batches[1], each, position)
        batches[1]._timestamp = batches[0]._timestamp
        assert batches[0]._build() == batches[1]._build()
        assert batches[0].size() == batches[1].size()
        assert ends[0] == ends[1] > position
        position = ends[0]


def test_thousands_of_states_fill_a_batch_as_their_records_do() -> None:
    pairs = [(b"c-%d" % number, b"v" * (number % 300)) for number in range(20_000)]
    together = in_portions(*[pairs[start : start + 500] for start in range(0, 20_000, 500)])
    batches = [PlainBatch(10_000_000, is_transactional=True) for _ in range(2)]
    assert [append_records(batch, one, 0) for batch, one in zip(batches, (together, list(together)), strict=True)] == [20_001] * 2
    batches[1]._timestamp = batches[0]._timestamp
    assert batches[0]._build() == batches[1]._build()


@settings(max_examples=150, deadline=None)
@given(records, st.sampled_from([0, 100, 500, 9_000, 1_000_000]), st.booleans(), st.integers(0, 2**40), st.integers(0, 2**30))
def test_a_batch_is_to_the_byte_what_aiokafka_writes(
    some: list[Outgoing], most_bytes: int, is_transactional: bool, producer_id: int, sequence: int
) -> None:
    batch = PlainBatch(most_bytes, is_transactional=is_transactional)
    taken = append_records(batch, some, 0)
    batch._set_producer_state(producer_id, 7, sequence)
    assert (taken, bytes(batch._build())) == theirs(some, most_bytes, batch)
    assert batch.size() == len(batch._build())
    assert batch.record_count() == taken


@settings(max_examples=150, deadline=None)
@given(records, st.lists(st.sampled_from([0, 100, 500, 9_000, 1_000_000]), min_size=1, max_size=4))
def test_records_that_are_written_already_fill_batches_like_any_others(some: list[Outgoing], sizes: list[int]) -> None:
    position = 0
    for size in sizes * len(some):
        ours, theirs_ = (PlainBatch(size, is_transactional=True) for _ in range(2))
        ours._timestamp = theirs_._timestamp
        taken = append_records(ours, written(some), position)
        assert taken == append_records(theirs_, some, position)
        assert (ours.record_count(), ours.size(), ours._build()) == (theirs_.record_count(), theirs_.size(), theirs_._build())
        position = taken
    assert position == len(some)


def test_written_records_fill_a_batch_to_its_last_byte() -> None:
    told = written([Outgoing(b"k%d" % number, b"x" * 100) for number in range(3)])
    whole = PlainBatch(1_000_000, is_transactional=True)
    assert append_records(whole, told, 0) == 3
    for less, taken in ((0, 3), (1, 2)):
        assert append_records(PlainBatch(whole.size() - less, is_transactional=True), told, 0) == taken


@settings(max_examples=150, deadline=None)
@given(records, st.integers(0, 11), st.integers(0, 20_000), st.integers(-100, 100_000))
@pytest.mark.skipif(quick_frames is None, reason="there is no quick way where it is not compiled")
def test_records_made_quickly_are_those_made_slowly(some: list[Outgoing], start: int, position: int, room: int) -> None:
    assert quick_frames is not None
    told = written(some)
    if start < len(some):
        assert quick_frames(told.bodies, told.ends, start, position, room) == frames_slowly(told.bodies, told.ends, start, position, room)


@pytest.mark.skipif(quick_frames is None, reason="there is no quick way where it is not compiled")
def test_bodies_that_end_nowhere_are_refused() -> None:
    assert quick_frames is not None
    for ends, start in (([5, 3], 1), ([5, 11], 0), ([5, 11], 1), ([-1], 0)):
        with pytest.raises(ValueError, match="do not end in order, or beyond"):
            quick_frames(b"x" * 10, ends, start, 0, 100)
    for ends, start, position in (([], 0, 0), ([5], 1, 0), ([5], -1, 0), ([5], 0, -1)):
        with pytest.raises(ValueError, match="no such record"):
            quick_frames(b"x" * 10, ends, start, position, 100)


@given(records)
def test_written_records_are_those_that_they_were_made_of(some: list[Outgoing]) -> None:
    told = written(some)
    as_sent = [Outgoing(one.key, one.value, list(one.headers)) for one in some]
    assert list(told) == as_sent
    assert told == as_sent
    assert (told[-1], told[1:], len(told)) == (as_sent[-1], as_sent[1:], len(some))
    assert [read_body(body_of(one.key, one.value, one.headers)) for one in some] == [(one.key, one.value, one.headers) for one in as_sent]
    with pytest.raises(IndexError):
        told[len(some)]
    assert WrittenRecords(bytearray(), []) == []


def test_a_batch_of_many_records_is_read_as_it_was_written() -> None:
    some = [Outgoing(b"c-%d" % number, b"v" * (number % 200), [("ce_id", b"%d" % number)] * (number % 3)) for number in range(20_000)]
    batch = PlainBatch(10_000_000, is_transactional=True)
    assert append_records(batch, some, 0) == len(some)
    batch._set_producer_state(5, 1, 0)
    read = MemoryRecords(bytes(batch._build())).next_batch()
    assert read is not None
    assert read.validate_crc()
    assert [(one.offset, one.key, one.value, one.headers) for one in read] == [
        (number, one.key, one.value, list(one.headers)) for number, one in enumerate(some)
    ]


def test_both_kinds_of_batches_are_full_at_the_same_record() -> None:
    some = [Outgoing(b"k%d" % number, b"x" * (37 * number % 400), [("h", b"v")] * (number % 2)) for number in range(100)]
    ours = theirs_ = 0
    while ours < len(some):
        ours = append_records(PlainBatch(1_000, is_transactional=True), some, ours)
        theirs_ = append_records(BatchBuilder(1_000, 0, is_transactional=1), some, theirs_)
        assert ours == theirs_


@pytest.mark.parametrize(("number", "written"), [(0, "00"), (1, "02"), (63, "7e"), (64, "8001"), (8191, "fe7f"), (8192, "808001")])
def test_numbers_are_written_in_as_few_bytes_as_they_need(number: int, written: str) -> None:
    assert varint(number).hex() == written


def test_nothing_but_filling_adds_records_to_a_batch() -> None:
    batch = PlainBatch(1_000, is_transactional=True)
    assert batch.closed()
    batch.append(timestamp=None, key=b"k", value=b"v")
    assert batch.record_count() == 0
