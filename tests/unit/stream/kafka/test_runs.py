"""What is read in runs is what aiokafka reads record by record: the same records, up to the same offsets, and the same errors."""

import random
import struct
import sys
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from etapa.stream.kafka.batches.our_records import record_of
from etapa.stream.kafka.batches.runs import READS_RUNS, FetchedRecords
from etapa.stream.kafka.reading.stretch import have_records_made
from etapa.stream.protocol.records import Record
from etapa.stream.protocol.records_in_batches import RecordsInBatches

pytestmark = pytest.mark.skipif(not READS_RUNS, reason="there are no runs where their module is not compiled")

PLACE = TopicPartition("touchpoints", 0)
PLAIN, GZIP = 0, 1
CODECS = [PLAIN, GZIP, 2, 3, 4]
MOST = 16 * 1024 * 1024
ATTRIBUTES_AT, CHECKSUM_AT, CHECKED_FROM = 21, 17, 21

Written = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]
parts = st.none() | st.binary(max_size=40)
records = st.lists(st.tuples(parts, parts, st.lists(st.tuples(st.text(max_size=5), parts), max_size=3)), min_size=1, max_size=8)


def batch_of(
    records: Sequence[Written], first: int = 0, codec: int = PLAIN, producer: int = -1, *, is_transactional: bool = False, times: int = 7
) -> bytearray:
    builder = DefaultRecordBatchBuilder(2, codec, is_transactional, producer, 0, 0, 1 << 20)
    for offset, (key, value, headers) in enumerate(records):
        builder.append(offset, 1_700_000_000_000 + times * offset, key, value, headers)
    return placed(bytearray(builder.build()), first)


def placed(batch: bytearray, first: int, attributes: int = 0) -> bytearray:
    """The batch at an offset, with more attributes, and with the checksum that belongs to it."""
    batch[:8] = first.to_bytes(8, "big")
    batch[ATTRIBUTES_AT + 1] |= attributes
    struct.pack_into(">I", batch, CHECKSUM_AT, calc_crc32c(memoryview(batch)[CHECKED_FROM:]))
    return batch


def buffered(fetched: bytes, offset: int, make: Callable[[bytes], Any], aborted: Any = None, *, in_runs: bool) -> Any:
    """Aiokafka's buffer of what was fetched, as the log reads it."""
    batches = make(fetched)
    if isinstance(batches, FetchedRecords):
        batches.most = MOST
    found = PartitionRecords(PLACE, batches, aborted, offset, None, None, True, READ_COMMITTED)
    position = Position(offset)
    assigned = SimpleNamespace(active=True, state_value=lambda place: position)
    result = FetchResult(PLACE, assignment=assigned, partition_records=found, backoff=0)
    consumer = SimpleNamespace(_fetcher=SimpleNamespace(_records={PLACE: result}))
    for _ in range(2):
        have_records_made(consumer, PLACE, record_of, in_batches=in_runs)
    return result


class Position:
    """Where the consumer is in its partition."""

    paused = False

    def __init__(self, offset: int) -> None:
        self.position = offset

    def consumed_to(self, offset: int) -> None:
        """What was before this was given to us."""
        self.position = offset


def all_of(found: Any, at_once: int) -> list[object]:
    """All records, and where reading stood after each portion, as aiokafka takes them; then the error that ended it."""
    taken: list[object] = []
    position = found._assignment.state_value(PLACE)
    try:
        while found.has_more():
            portion = found.getall(at_once)
            assert len(portion) <= at_once
            taken += [*portion, position.position]
        return taken
    except Exception as error:  # noqa: BLE001 - whatever aiokafka raises
        return [*taken, type(error), str(error)]


def see_that_both_agree(fetched: bytes, offset: int = 0, at_once: int = 3, aborted: Any = None) -> list[object]:
    ours = all_of(buffered(fetched, offset, FetchedRecords, aborted, in_runs=True), at_once)
    assert ours == all_of(buffered(fetched, offset, MemoryRecords, aborted, in_runs=False), at_once)
    return ours


def numbered(count: int, first: int = 0) -> list[Written]:
    return [(b"c-%d" % number, b"value %d" % number, [("traceparent", b"00-1")] * (number % 2)) for number in range(first, first + count)]


@settings(max_examples=300)
@given(records, st.sampled_from(CODECS), st.integers(0, 12), st.integers(1, 5), st.booleans())
def test_whatever_a_batch_holds_is_read_alike(records: list[Written], codec: int, offset: int, at_once: int, one_time: bool) -> None:
    batch = placed(batch_of(records, 5, codec), 5, attributes=8 if one_time else 0)
    see_that_both_agree(bytes(batch + batch_of(numbered(3), 5 + len(records))), offset, at_once)


@settings(max_examples=500)
@given(st.lists(st.tuples(st.integers(61, 200), st.binary(min_size=1, max_size=2)), min_size=1, max_size=2), st.booleans())
def test_a_broken_batch_ends_with_the_same_error(changes: list[tuple[int, bytes]], checksum_fits: bool) -> None:
    batch = batch_of(numbered(5))
    for place, written in changes:
        end = min(len(batch), place + len(written))
        batch[place:end] = written[: max(0, end - place)]
    see_that_both_agree(bytes(placed(batch, 0) if checksum_fits else batch))


@pytest.mark.parametrize("codec", CODECS)
def test_most_batches_are_read_in_one_run(codec: int) -> None:
    written = bytes(batch_of(numbered(1000), codec=codec))
    fetched = FetchedRecords(written)
    fetched.gives_runs, fetched.most = True, MOST
    (run,) = fetched.next_batch()
    assert run.offset == 999
    records = RecordsInBatches()
    records.add(run.since(0))
    assert list(records) == [record_of(None, each) for each in MemoryRecords(written).next_batch()]


def test_a_batch_that_decompresses_to_too_much_is_left_to_aiokafka() -> None:
    written = bytes(batch_of([(b"c", b"x" * 100_000, [])], codec=GZIP))
    fetched = FetchedRecords(written)
    fetched.gives_runs, fetched.most = True, 100_000
    assert [type(each).__name__ for each in fetched.next_batch()] == ["DefaultRecord"]


@pytest.mark.parametrize("at_once", [1, 2, 4, 5, 7, 100])
def test_batches_of_all_kinds_are_read_up_to_the_same_offsets(at_once: int) -> None:
    marker: list[Written] = [(struct.pack(">hh", 0, 0), b"\0" * 6, [])]
    batches = [
        batch_of(numbered(4), 0),
        batch_of(numbered(3, 4), 4, GZIP),
        batch_of(numbered(5, 7), 7, producer=9, is_transactional=True),
        placed(batch_of(marker, 12, producer=9, is_transactional=True), 12, attributes=0x20),
        batch_of(numbered(4, 13), 13, producer=9, is_transactional=True),
        batch_of(numbered(2, 20), 20),
    ]
    for offset in range(22):
        # A broker begins with the batch that holds the offset, or with the next one.
        while MemoryRecords(bytes(batches[0])).next_batch().next_offset <= offset:
            del batches[0]
        taken = see_that_both_agree(b"".join(batches), offset, at_once, aborted=[(9, 7)] if offset <= 12 else [])
        offsets = [each.offset for each in taken if isinstance(each, Record)]
        assert offsets == [each for each in (*range(7), *range(13, 17), 20, 21) if each >= offset]


def test_half_a_header_name_is_found_by_aiokafka() -> None:
    batch = batch_of([*numbered(2), (b"c", b"v", [("näme", b"1")]), *numbered(2)])
    batch[batch.index("ä".encode())] = 0x80
    assert UnicodeDecodeError in see_that_both_agree(bytes(placed(batch, 0)))


def test_a_wrong_checksum_is_found_before_anything_is_read() -> None:
    batch = batch_of(numbered(5))
    batch[-3] ^= 1
    assert len(see_that_both_agree(bytes(batch))) == 2


def test_records_before_a_make_is_told_are_those_of_aiokafka() -> None:
    found = PartitionRecords(PLACE, FetchedRecords(bytes(batch_of(numbered(5)))), None, 0, None, None, True, READ_COMMITTED)
    assert [each.value for each in found] == [each[1] for each in numbered(5)]


def test_no_memory_is_kept_of_what_was_read_or_declined() -> None:
    rnd = random.Random(3)
    broken = []
    for _ in range(40):
        batch = batch_of(numbered(5))
        batch[rnd.randrange(61, len(batch))] = rnd.randrange(256)
        broken.append(bytes(placed(batch, 0)))
    every = [bytes(batch_of(numbered(20))), *broken]
    for fetched in every * 3:
        all_of(buffered(fetched, 0, FetchedRecords, in_runs=True), 3)
    before = sys.getallocatedblocks()
    for fetched in every * 20:
        all_of(buffered(fetched, 0, FetchedRecords, in_runs=True), 3)
    assert sys.getallocatedblocks() - before < 500


def test_what_is_not_compressed_is_left_where_it_was_fetched() -> None:
    written = bytes(batch_of(numbered(3)) + batch_of(numbered(4, 3), 3))
    fetched = FetchedRecords(written)
    fetched.gives_runs, fetched.most = True, MOST
    runs = [run for _ in range(2) for run in fetched.next_batch()]
    batches = [run.since(0).batch for run in runs]
    assert all(batch.content is written for batch in batches)
    assert [batch.record(2).value for batch in batches] == [b"value 2", b"value 5"]


@pytest.mark.parametrize(("first", "stop"), [(-1, 3), (2, 1), (0, 11)])
def test_nothing_is_read_outside_of_what_was_fetched(first: int, stop: int) -> None:
    from etapa.stream.kafka.batches.quick_records import read_places

    with pytest.raises(ValueError, match=f"from {first} to {stop} in 10 bytes"):
        read_places(b"x" * 10, first, stop, 1, 0, 0, False)
