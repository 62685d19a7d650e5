import asyncio
import threading
from typing import Any, Literal

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from etapa.settings import Settings
from etapa.stream.kafka.batches.compression_frames import CannotUnpack
from etapa.stream.kafka.batches.lenient_batch import UNBOUNDED, Batches
from etapa.stream.kafka.batches.piecemeal import Piecemeal, _record_of, is_about_a_header
from etapa.stream.kafka.batches.unpacking import bound_unpacking

NONE, GZIP = 0, 1

texts = st.text(max_size=20)
blobs = st.none() | st.binary(max_size=200)
records = st.tuples(st.integers(0, 2**41), blobs, blobs, st.lists(st.tuples(texts, blobs), max_size=3))


def encoded(records: list[Any], compression: int, is_transactional: bool = False) -> bytes:
    builder = DefaultRecordBatchBuilder(2, compression, is_transactional, 7 if is_transactional else -1, 0, 0, 1_000_000)
    for offset, (timestamp, key, value, headers) in enumerate(records):
        builder.append(offset, timestamp, key, value, headers)
    return bytes(builder.build())


def read(batches: Any) -> list[Any]:
    found = []
    while batches.has_next():
        batch = batches.next_batch()
        assert batch.validate_crc()
        facts = batch.base_offset, batch.next_offset, batch.is_transactional, batch.is_control_batch, batch.producer_id
        found += [(*facts, one.offset, one.timestamp, one.key, one.value, one.headers) for one in batch]
    return found


@given(st.lists(st.lists(records, min_size=1, max_size=5), min_size=1, max_size=3), st.sampled_from([NONE, GZIP]), st.booleans())
def test_what_aiokafka_can_read_is_read_as_aiokafka_reads_it(batches: list[list[Any]], compression: int, is_transactional: bool) -> None:
    fetched = b"".join(encoded(batch, compression, is_transactional) for batch in batches)
    assert read(Batches(fetched)) == read(MemoryRecords(fetched))


@given(st.lists(records, min_size=1, max_size=3), st.data())
def test_a_batch_that_is_cut_off_is_left_for_the_next_fetch(records: list[Any], data: st.DataObject) -> None:
    whole = encoded(records, NONE)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    assert len(read(Batches(whole + cut))) == len(records)


def test_only_the_name_of_a_header_is_forgiven() -> None:
    with pytest.raises(UnicodeDecodeError) as odd:
        b"\xff".decode()
    wrapped = ValueError("a record that cannot be read")
    wrapped.__cause__ = odd.value
    assert is_about_a_header(odd.value)
    assert is_about_a_header(wrapped)
    assert not is_about_a_header(ValueError("something else"))


def legacy(magic: Literal[0, 1], values: list[bytes], compression: int) -> bytes:
    """The record format of Kafka before 0.11, which brokers still serve."""
    builder = LegacyRecordBatchBuilder(magic, compression, 2**30)
    for offset, value in enumerate(values):
        builder.append(offset, 1234, b"ada", value)
    return bytes(builder.build())


def piecemeal_of(fetched: bytes) -> Piecemeal:
    batches = Batches(fetched, UNBOUNDED)
    records = PartitionRecords(TopicPartition("touchpoints", 0), batches, [], 0, None, None, True, READ_COMMITTED)
    records._consumer_record = _record_of
    return Piecemeal(records, batches, threading.Event())


@pytest.mark.parametrize(("magic", "timestamp"), [(0, -1000), (1, 1_234_000)])
@pytest.mark.parametrize("compression", [NONE, GZIP])
def test_what_old_kafka_wrote_is_read_on_the_way(magic: Literal[0, 1], timestamp: int, compression: int) -> None:
    taken = asyncio.run(piecemeal_of(legacy(magic, [b"a", b"b"], compression)).take(10, 1_000))
    assert [(one.offset, one.timestamp, one.key, one.value) for one in taken] == [
        (0, timestamp, b"ada", b"a"),
        (1, timestamp, b"ada", b"b"),
    ]


@pytest.mark.parametrize("magic", [0, 1])
def test_what_old_kafka_wrote_and_takes_too_much_memory_is_refused_in_words_with_its_place(magic: Literal[0, 1]) -> None:
    bound_unpacking(100_000)
    try:
        piecemeal = piecemeal_of(legacy(magic, [b"a", bytes(200_000), b"c"], GZIP))
        with pytest.raises(CannotUnpack, match=r"takes more than 100,000 bytes .* is of a format from before Kafka 0\.11"):
            asyncio.run(piecemeal.take(10, 1_000))
        assert piecemeal.position == 0
    finally:
        bound_unpacking(Settings().max_unpacked_bytes)
