"""Decompresses batches within a memory limit, however they were compressed.

A batch of one mebibyte may hold a gibibyte (gzip) or thirty (zstd). aiokafka decompresses it as a whole, so its decoders are replaced by
ones that refuse to. Such a batch is then read `in_pieces`, where only the kept part of a record takes memory. This costs a few
microseconds per batch, and nothing per record.

The format of gzip: RFC 1952; of the others, see `compression_frames`.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import cramjam
import zstandard
from aiokafka import codec as codecs
from aiokafka.errors import KafkaError
from aiokafka.record import default_records, legacy_records
from aiokafka.record.default_records import DefaultRecordBase

from etapa.errors import EtapaError
from etapa.stream.kafka.batches.compression_frames import (
    MEBIBYTE,
    CannotUnpack,
    Packed,
    at_most,
    lz4_blocks,
    lz4_bounds,
    snappy_blocks,
    zstd_bounds,
)

PIECE = 256 * 1024
_ZSTD_WINDOW = 8 * MEBIBYTE
"""Every decoder should support a window of this size, according to the RFC."""
_SNAPPY_WINDOW = 64 * 1024
"""No encoder refers back further than this."""


class LargeBatch(EtapaError, KafkaError):  # type: ignore[misc]  # aiokafka has no types
    """A batch decompresses to more than may be in memory at once."""


def bound_unpacking(most: int) -> None:
    """From now on, consumers of this process raise `LargeBatch` instead of decompressing a batch to more than `most` bytes."""
    for module in _parsers():
        for name, decode in _DECODERS.items():
            if hasattr(module, f"{name}_decode"):
                setattr(module, f"{name}_decode", _bounded(name, decode, most))


def _parsers() -> list[Any]:
    parsers: list[Any] = [default_records, legacy_records]
    try:
        from aiokafka.record._crecords import default_records as compiled
        from aiokafka.record._crecords import legacy_records as compiled_legacy
    except ImportError:
        return parsers
    return [*parsers, compiled, compiled_legacy]


def _bounded(name: str, decode: Callable[[Packed, int], bytes | None], most: int) -> Callable[[Packed], bytes]:
    def bounded(packed: Packed) -> bytes:
        unpacked = decode(packed, most)
        if unpacked is None:
            message = f"a batch compressed with {name} takes more than {most:,} bytes (ETAPA_MAX_UNPACKED_BYTES)"
            raise LargeBatch(message)
        return unpacked

    return bounded


def _gzip(packed: Packed, most: int) -> bytes | None:
    unpacked: list[bytes] = []
    left: Packed = packed
    while len(left):
        inflating = zlib.decompressobj(wbits=31)
        piece = inflating.decompress(left, most + 1)
        most -= len(piece)
        if most < 0:
            return None
        unpacked.append(piece)
        if not inflating.eof:
            raise EOFError("a gzip stream ends too early")
        left = inflating.unused_data
    return unpacked[0] if len(unpacked) == 1 else b"".join(unpacked)


def _snappy(packed: Packed, most: int) -> bytes | None:
    size = 0
    for block in snappy_blocks(packed):
        size += cramjam.snappy.decompress_raw_len(block)
        if size > most:
            return None
    unpacked: bytes = codecs.snappy_decode(packed)
    return unpacked


def _lz4(packed: Packed, most: int) -> bytes | None:
    size = at_most(lz4_bounds(memoryview(packed)), most)
    return None if size is None else codecs.lz4_decode(packed)


def _zstd(packed: Packed, most: int) -> bytes | None:
    size = at_most(zstd_bounds(memoryview(packed)), most)
    return None if size is None else codecs.zstd_decode(packed)


_DECODERS: dict[str, Callable[[Packed, int], bytes | None]] = {"gzip": _gzip, "snappy": _snappy, "lz4": _lz4, "zstd": _zstd}
_NAMES = {
    DefaultRecordBase.CODEC_GZIP: "gzip",
    DefaultRecordBase.CODEC_SNAPPY: "snappy",
    DefaultRecordBase.CODEC_LZ4: "lz4",
    DefaultRecordBase.CODEC_ZSTD: "zstd",
}


def unpacked_at_once(codec: int, packed: memoryview, most: int) -> Packed | None:
    """The records of a batch, decompressed to at most `most` bytes; none if they take more, or the codec is not known.

    Raises what aiokafka raises, whose decoders these are.
    """
    if codec == DefaultRecordBase.CODEC_NONE:
        return packed
    name = _NAMES.get(codec)
    return None if name is None else _DECODERS[name](packed.tobytes(), most)


def in_pieces(codec: int, packed: bytes, most: int) -> Iterator[bytes]:
    """Decompress `packed` in pieces of at most a few mebibytes. Raises `CannotUnpack`.

    `most` limits a decoder's window, if it is more than 8 MiB.
    """
    kinds = {
        DefaultRecordBase.CODEC_NONE: _plain_pieces,
        DefaultRecordBase.CODEC_GZIP: _gzip_pieces,
        DefaultRecordBase.CODEC_SNAPPY: _snappy_pieces,
        DefaultRecordBase.CODEC_LZ4: _lz4_pieces,
    }
    pieces = kinds[codec](packed) if codec in kinds else _zstd_pieces(packed, most)
    try:
        yield from pieces
    except (zlib.error, zstandard.ZstdError, cramjam.DecompressionError, struct.error, IndexError, KeyError) as error:
        raise CannotUnpack(str(error)) from error


def _plain_pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


def _gzip_pieces(packed: bytes) -> Iterator[bytes]:
    inflating = zlib.decompressobj(wbits=31)
    # In small portions, since the unused rest is copied each time.
    for portion in range(0, len(packed), 16 * 1024):
        left = packed[portion : portion + 16 * 1024]
        while left:
            if inflating.eof:
                inflating = zlib.decompressobj(wbits=31)
            yield inflating.decompress(left, PIECE)
            left = inflating.unused_data if inflating.eof else inflating.unconsumed_tail
    while not inflating.eof:
        piece = inflating.decompress(b"", PIECE)
        if not piece:
            raise CannotUnpack("a gzip stream ends too early")
        yield piece


def _zstd_pieces(packed: bytes, most: int) -> Iterator[bytes]:
    reader = zstandard.ZstdDecompressor(max_window_size=max(_ZSTD_WINDOW, 1 << most.bit_length() - 1)).stream_reader(
        io.BytesIO(packed), read_across_frames=True
    )
    while piece := reader.read(PIECE):
        yield piece


def _lz4_pieces(packed: bytes) -> Iterator[bytes]:
    room = bytearray()
    for block, is_packed, largest in lz4_blocks(memoryview(packed)):
        if not is_packed:
            yield bytes(block)
            continue
        if len(room) < largest:
            room = bytearray(largest)
        size = cramjam.lz4.decompress_block_into(bytes(block), room)
        yield bytes(memoryview(room)[:size])


def _snappy_pieces(packed: bytes) -> Iterator[bytes]:
    for block in snappy_blocks(packed):
        if cramjam.snappy.decompress_raw_len(block) <= MEBIBYTE:
            yield bytes(cramjam.snappy.decompress_raw(block))
        else:
            yield from _snappy_block_in_pieces(bytes(block))


def _snappy_block_in_pieces(block: bytes) -> Iterator[bytes]:
    """Decode one unusually large block, element by element, as snappy's own decoder does."""
    at = 0
    while block[at] & 0x80:
        at += 1
    at += 1
    unpacked = bytearray()
    while at < len(block):
        tag = block[at]
        kind, length = tag & 3, tag >> 2
        at += 1
        if kind == 0:
            further = max(0, length - 59)
            length = int.from_bytes(block[at : at + further], "little") + 1 if further else length + 1
            at += further
            # A literal is at most as long as the packed data.
            unpacked += block[at : at + length]
            at += length
        else:
            if kind == 1:
                distance, length = (tag >> 5) << 8 | block[at], (length & 7) + 4
            else:
                distance, length = int.from_bytes(block[at : at + 2 * kind - 2], "little"), length + 1
            at += (1, 2, 4)[kind - 1]
            if not 0 < distance <= len(unpacked):
                raise CannotUnpack(f"a snappy block refers {distance:,} bytes back")
            start = len(unpacked) - distance
            if distance >= length:
                unpacked += unpacked[start : start + length]
            else:
                unpacked += (unpacked[start:] * (length // distance + 1))[:length]
        if len(unpacked) >= PIECE + _SNAPPY_WINDOW:
            yield bytes(unpacked[:-_SNAPPY_WINDOW])
            del unpacked[:-_SNAPPY_WINDOW]
    yield bytes(unpacked)
