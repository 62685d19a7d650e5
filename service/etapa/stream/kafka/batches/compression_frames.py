"""How much zstd, LZ4 and snappy frames may decompress to, read from the frames without decompressing them.

The formats: RFC 8878 (zstd), the LZ4 frame format, and snappy with or without the frame of its Java library.
"""

import struct
from collections.abc import Iterator

from aiokafka import codec as codecs

from etapa.errors import EtapaError

MEBIBYTE = 1024 * 1024
_LZ4_BLOCKS = {4: 64 * 1024, 5: 256 * 1024, 6: MEBIBYTE, 7: 4 * MEBIBYTE}
_LZ4_MAGIC, _ZSTD_MAGIC = 0x184D2204, 0xFD2FB528
_ZSTD_BLOCK = 128 * 1024
_XERIAL_HEADER = 16

_int32 = struct.Struct(">i").unpack_from
_uint32 = struct.Struct("<I").unpack_from

Packed = bytes | memoryview


class CannotUnpack(EtapaError):
    """A batch can be decompressed neither as a whole nor in pieces. The message says why."""


def at_most(bounds: Iterator[int], most: int) -> int | None:
    """The sum of `bounds`; none if it is more than `most`, or if they cannot be read."""
    total = 0
    try:
        for bound in bounds:
            total += bound
            if total > most:
                return None
    except (IndexError, struct.error, KeyError, CannotUnpack):
        # Reading it in pieces will show what is wrong.
        return None
    return total


def zstd_bounds(data: memoryview) -> Iterator[int]:
    """The most bytes that each block can decompress to; the size stated by a frame may be false."""
    at = 0
    while at < len(data):
        [magic] = _uint32(data, at)
        if _is_skippable(magic):
            at += 8 + _uint32(data, at + 4)[0]
            continue
        if magic != _ZSTD_MAGIC:
            raise CannotUnpack("not a zstd frame")
        descriptor = data[at + 4]
        is_single, has_checksum = descriptor >> 5 & 1, descriptor >> 2 & 1
        at += 5 + (not is_single) + (0, 1, 2, 4)[descriptor & 3] + (is_single, 2, 4, 8)[descriptor >> 6]
        is_last = 0
        while not is_last:
            header = data[at] | data[at + 1] << 8 | data[at + 2] << 16
            is_last, kind, size = header & 1, header >> 1 & 3, header >> 3
            if kind == 2:
                yield _ZSTD_BLOCK
            elif kind < 2:
                yield size
            else:
                raise CannotUnpack("not a zstd block")
            at += 3 + (1 if kind == 1 else size)
        at += 4 * has_checksum


def lz4_bounds(data: memoryview) -> Iterator[int]:
    for block, is_packed, largest in lz4_blocks(data):
        # No byte of a block can expand to more than 255.
        yield min(largest, 255 * len(block)) if is_packed else len(block)


def lz4_blocks(data: memoryview) -> Iterator[tuple[memoryview, bool, int]]:
    """Each block, whether it is compressed, and the largest size of a block."""
    at = 0
    while at < len(data):
        [magic] = _uint32(data, at)
        if _is_skippable(magic):
            at += 8 + _uint32(data, at + 4)[0]
            continue
        if magic != _LZ4_MAGIC:
            raise CannotUnpack("not an lz4 frame")
        flags, largest = data[at + 4], _LZ4_BLOCKS[data[at + 5] >> 4 & 7]
        if not flags >> 5 & 1:
            raise CannotUnpack("its lz4 blocks depend on one another, which Kafka does not allow")
        checksum = 4 * (flags >> 4 & 1)
        at += 7 + 8 * (flags >> 3 & 1) + 4 * (flags & 1)
        while True:
            [size] = _uint32(data, at)
            at += 4
            if not size:
                break
            is_packed, size = not size >> 31, size & 0x7FFFFFFF
            if at + size > len(data):
                raise CannotUnpack("an lz4 block ends too early")
            yield data[at : at + size], is_packed, largest
            at += size + checksum
        at += 4 * (flags >> 2 & 1)


def _is_skippable(magic: int) -> bool:
    return magic & 0xFFFFFFF0 == 0x184D2A50


def snappy_blocks(packed: Packed) -> Iterator[memoryview]:
    data = memoryview(packed)
    if not codecs._detect_xerial_stream(data):
        yield data
        return
    at = _XERIAL_HEADER
    while at < len(data):
        [size] = _int32(data, at)
        yield data[at + 4 : at + 4 + size]
        at += 4 + max(size, 0)
