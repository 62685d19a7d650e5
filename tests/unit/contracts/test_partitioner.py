"""Customers go to the partition that any Kafka client would choose."""

import random

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2

from etapa.contracts.partitioner import murmur2, partition_of


@pytest.mark.parametrize(
    ("data", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_the_one_of_the_java_client(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed & 0xFFFFFFFF


def test_another_client_agrees_on_every_length() -> None:
    source = random.Random(7)
    for length in range(300):
        data = source.randbytes(length)
        assert murmur2(data) == aiokafka_murmur2(bytearray(data)) & 0xFFFFFFFF


def test_a_customer_is_in_one_of_the_partitions() -> None:
    customers = [f"niño-{number}" for number in range(2000)]
    assert {partition_of(customer, 12) for customer in customers} == set(range(12))
    assert {partition_of(customer, 1) for customer in customers} == {0}
    assert partition_of("niño", 12) == (aiokafka_murmur2(bytearray("niño".encode())) & 0x7FFFFFFF) % 12
