"""Records as Kafka's client returns them, and as they go into its batches."""

from types import SimpleNamespace

import msgspec
import pytest
from aiokafka.producer.message_accumulator import BatchBuilder

from etapa.stream.kafka.batches.our_records import append_records, as_records, as_state_records
from etapa.stream.protocol.records import Applied, Outgoing, Record, StateRecord, total_size
from etapa.stream.redis.packing import flattened

CONSUMED = SimpleNamespace(offset=7, timestamp=1_700_000_000_123, key=b"c", value=b"{}", headers=[("a", b"b")])


def test_a_consumed_record_is_untouched_but_for_its_timestamp_in_microseconds() -> None:
    [record] = as_records([CONSUMED])
    assert record == Record(7, 1_700_000_000_123_000, b"c", b"{}", (("a", b"b"),))
    assert as_records([record]) == [record]


def test_a_consumed_state_is_its_offset_key_and_value() -> None:
    [record] = as_state_records([CONSUMED])
    assert record == StateRecord(7, b"c", b"{}")


def test_the_size_of_records_is_that_of_keys_and_values() -> None:
    assert total_size([Record(0, 0, b"key", b"value"), Record(1, 0, None, None)]) == 8


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
    states, *lists = flattened(customers)
    assert msgspec.msgpack.decode(states) == ["a", "12", "ç", "345"]
    assert lists == [["a", "new", "ç", "old"], ["5", "a"], ["ç"], ["b"]]


def test_of_customers_who_stay_as_they_are_shown_only_the_state_is_sent() -> None:
    customers = [
        Applied("stays", "new", 5, b"1", moved=False, rescheduled=False),
        Applied("moves", "old", None, b"2", rescheduled=False),
        Applied("waits", "new", 7, b"3", moved=False),
        Applied("rests", "new", None, b"4", moved=False),
    ]
    states, *lists = flattened(customers)
    assert msgspec.msgpack.decode(states) == ["stays", "1", "moves", "2", "waits", "3", "rests", "4"]
    assert lists == [["moves", "old"], ["7", "waits"], ["rests"], []]


@pytest.mark.parametrize("length", [0, 2, 1023, 1024, 70_000])
def test_a_state_of_any_length_is_packed_as_text_whatever_its_bytes_are(length: int) -> None:
    states = flattened([Applied("a", "new", None, b"\xff" * length)]).states
    assert states.endswith(b"\xdb" + length.to_bytes(4, "big") + b"\xff" * length)
    as_text = states[: len(states) - length] + b"x" * length
    assert msgspec.msgpack.decode(as_text) == ["a", "x" * length]
