"""The processor's own instruction gives the checksum that aiokafka works out."""

import sys

import pytest
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from etapa.stream.kafka.batches.checksum import crc32c


def test_it_is_the_one_of_the_rfc() -> None:
    """Castagnoli's check value, and RFC 3720, B.4."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(range(32))) == 0x46DD794E


@given(data=st.binary(max_size=300), start=st.integers(0, 20))
def test_any_bytes_from_any_place_on_have_the_checksum_of_aiokafka(data: bytes, start: int) -> None:
    for held in (data, bytearray(data), memoryview(data)[start:]):
        assert crc32c(held) == calc_crc32c(held)


def test_what_is_not_contiguous_is_refused_and_nothing_is_kept_of_what_was_read() -> None:
    data = b"0123456789" * 100
    held = sys.getrefcount(data)
    for _ in range(50):
        crc32c(memoryview(data)[3:])
    with pytest.raises((BufferError, ValueError)):
        crc32c(memoryview(data)[::2])
    assert sys.getrefcount(data) == held
