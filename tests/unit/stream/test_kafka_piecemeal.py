from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from etapa.stream.kafka.piecemeal import Batches, is_about_a_header

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
