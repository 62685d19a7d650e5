"""Compressed batches before aiokafka's parser: refused before they take too much memory, and still read in pieces."""

import hashlib
import random
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import cramjam
import pytest
import zstandard
from aiokafka import codec as codecs
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from etapa.contracts.outgoing.dead_letter import KEPT_BYTES, Cut
from etapa.settings import Settings
from etapa.stream.kafka.batches.compression_frames import CannotUnpack
from etapa.stream.kafka.batches.lenient_batch import Batches, Bounds
from etapa.stream.kafka.batches.unpacking import LargeBatch, bound_unpacking, in_pieces
from etapa.stream.kafka.cluster import Cluster

MEBIBYTE = 1024 * 1024
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
CODECS = {"gzip": GZIP, "snappy": SNAPPY, "lz4": LZ4, "zstd": ZSTD}
WORDS = [b"touchpoint", b"purchase", b"customer", b"0000000000", b"\x00\xff"]


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Restore the bound on memory, which a test sets for the whole process."""
    yield
    bound_unpacking(Settings().max_unpacked_bytes)


def text_of(size: int, seed: int = 1) -> bytes:
    """A text that compresses, but not as well as zeros."""
    chance = random.Random(seed)
    return b" ".join(chance.choices(WORDS, k=size // 6 + 1))[:size]


def raw_snappy(data: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(data))


def two_frames(encode: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda data: encode(data[: len(data) // 3]) + encode(data[len(data) // 3 :])


ENCODERS: list[tuple[str, int, Callable[[bytes], bytes]]] = [
    ("gzip", GZIP, codecs.gzip_encode),
    ("gzip, two members", GZIP, two_frames(codecs.gzip_encode)),
    ("snappy", SNAPPY, codecs.snappy_encode),
    ("snappy without a frame", SNAPPY, raw_snappy),
    ("lz4", LZ4, codecs.lz4_encode),
    ("zstd", ZSTD, codecs.zstd_encode),
    ("zstd, level 19", ZSTD, lambda data: codecs.zstd_encode(data, 19)),
    ("zstd, size and checksum", ZSTD, zstandard.ZstdCompressor(write_checksum=True).compress),
    ("zstd, two frames", ZSTD, two_frames(codecs.zstd_encode)),
]
any_encoder = pytest.mark.parametrize(("codec", "encode"), [pytest.param(codec, encode, id=name) for name, codec, encode in ENCODERS])
any_codec = pytest.mark.parametrize("codec", list(CODECS.values()), ids=list(CODECS))


def unpacked_by_aiokafka(codec: int) -> Callable[[bytes], bytes]:
    from aiokafka.record._crecords import default_records as compiled  # the parser in use

    name = next(name for name, number in CODECS.items() if number == codec)
    decode: Callable[[bytes], bytes] = getattr(compiled, f"{name}_decode")
    return decode


@any_encoder
@pytest.mark.parametrize("size", [1, 100, 70_000, MEBIBYTE])
def test_within_the_bound_everything_is_unpacked_as_before_and_in_pieces_too(
    codec: int, encode: Callable[[bytes], bytes], size: int
) -> None:
    data = text_of(size)
    bound_unpacking(8 * MEBIBYTE)
    assert unpacked_by_aiokafka(codec)(encode(data)) == data
    pieces = list(in_pieces(codec, encode(data), 8 * MEBIBYTE))
    assert b"".join(pieces) == data
    assert all(len(piece) <= 4 * MEBIBYTE for piece in pieces)


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=2000), st.sampled_from(ENCODERS), st.integers(1, 200))
def test_pieces_are_the_whole(data: bytes, encoder: tuple[str, int, Callable[[bytes], bytes]], repeated: int) -> None:
    _, codec, encode = encoder
    whole = data * repeated
    assert b"".join(in_pieces(codec, encode(whole), 8 * MEBIBYTE)) == whole


@any_encoder
def test_beyond_the_bound_it_is_refused_and_read_in_pieces(codec: int, encode: Callable[[bytes], bytes]) -> None:
    packed = encode(bytes(12 * MEBIBYTE))
    bound_unpacking(8 * MEBIBYTE)
    tracemalloc.start()
    with pytest.raises(LargeBatch, match=r"takes more than 8,388,608 bytes \(ETAPA_MAX_UNPACKED_BYTES\)"):
        unpacked_by_aiokafka(codec)(packed)
    digest, size = hashlib.sha256(), 0
    for piece in in_pieces(codec, packed, 8 * MEBIBYTE):
        digest.update(piece)
        size += len(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (size, digest.hexdigest()) == (12 * MEBIBYTE, hashlib.sha256(bytes(12 * MEBIBYTE)).hexdigest())
    # A gzip stream does not give its size: as much as is allowed is unpacked and assembled.
    assert peak < 17 * MEBIBYTE


def test_what_a_frame_says_of_its_size_is_not_believed() -> None:
    honest = bytearray(zstandard.ZstdCompressor().compress(bytes(12 * MEBIBYTE)))
    assert honest[4] >> 6 == 2, "the frame says its size in four bytes"
    honest[6:10] = (1000).to_bytes(4, "little") if not honest[4] >> 5 & 1 else honest[6:10]
    if honest[4] >> 5 & 1:
        honest[5:9] = (1000).to_bytes(4, "little")
    bound_unpacking(8 * MEBIBYTE)
    with pytest.raises(LargeBatch):
        unpacked_by_aiokafka(ZSTD)(bytes(honest))


def test_a_decoder_that_would_look_back_on_too_much_is_refused_in_words() -> None:
    compressor = zstandard.ZstdCompressor(level=22).compressobj()
    packed = compressor.compress(bytes(12 * MEBIBYTE)) + compressor.flush()
    with pytest.raises(CannotUnpack, match="too much memory"):
        list(in_pieces(ZSTD, packed, 8 * MEBIBYTE))


@any_codec
def test_what_is_no_compressed_data_is_refused_in_words(codec: int) -> None:
    for packed in (b"nothing of the kind", codecs.gzip_encode(b"x" * 1000)[:-9], b"\x04\x22\x4d\x18\x60\x40", bytes(40)):
        if codec == SNAPPY and packed == bytes(40):
            continue  # nothing, and literals
        with pytest.raises(CannotUnpack):
            list(in_pieces(codec, packed, MEBIBYTE))


def batch_of(records: list[Any], codec: int) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, 0, 0, 2**30)
    for offset, (key, value, headers) in enumerate(records):
        builder.append(offset, 1_000, key, value, headers)
    return bytes(builder.build())


@any_codec
def test_every_parser_refuses_and_what_is_read_piecemeal_is_what_they_would_have_read(codec: int) -> None:
    records = [(b"k%d" % number, text_of(90_000, number), [("h", b"%d" % number), ("none", None)]) for number in range(30)]
    fetched = batch_of(records, codec)
    bound_unpacking(MEBIBYTE)
    for parser in (DefaultRecordBatch, _DefaultRecordBatchPy):
        with pytest.raises(LargeBatch):
            list(parser(fetched))
    read = list(Batches(fetched, Bounds(MEBIBYTE, MEBIBYTE)).next_batch())
    assert [(one.offset, one.key, one.value, one.headers, one.cut) for one in read] == [
        (offset, *record, None) for offset, record in enumerate(records)
    ]
    bound_unpacking(16 * MEBIBYTE)
    assert [(one.offset, one.value) for one in MemoryRecords(fetched).next_batch()] == [(one.offset, one.value) for one in read]


@any_codec
def test_of_a_record_that_is_too_large_its_beginning_length_and_digest_are_kept(codec: int) -> None:
    large = text_of(3 * MEBIBYTE)
    records: list[Any] = [
        (b"ada", b"small", [("h", b"1")]),
        (b"ada", large, [("h", b"1")]),
        (large, b"small", []),
        (b"ada", b"small", [("h", large), ("later", b"1")]),
        (large, large, [("h", large)]),
        (None, None, []),
    ]
    read = list(Batches(batch_of(records, codec), Bounds(MEBIBYTE, 8 * MEBIBYTE)).next_batch())
    of_large, of_small = (hashlib.sha256(value).hexdigest() for value in (large, b"small"))
    assert [(one.key, one.value, one.headers, one.cut) for one in read] == [
        (b"ada", b"small", [("h", b"1")], None),
        (b"ada", large[:KEPT_BYTES], [("h", b"1")], Cut(["value"], len(large), of_large)),
        (None, b"small", [], Cut(["key"], 5, of_small)),
        (b"ada", b"small", [], Cut(["headers"], 5, of_small)),
        (None, large[:KEPT_BYTES], [], Cut(["key", "headers", "value"], len(large), of_large)),
        (None, None, [], None),
    ]


@any_codec
def test_a_gigantic_record_takes_no_more_memory_than_a_piece(codec: int) -> None:
    size = 24 * MEBIBYTE
    fetched = batch_of([(b"ada", bytes(size), []), (b"bob", b"small", [])], codec)
    tracemalloc.start()
    read = list(islice(Batches(fetched, Bounds(MEBIBYTE, 8 * MEBIBYTE)).next_batch(), 2))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(len(one.value), one.cut.size if one.cut else None) for one in read] == [(KEPT_BYTES, size), (5, None)]
    assert peak < 4 * MEBIBYTE + 3 * len(fetched)


def test_whoever_opens_clients_sets_the_bound() -> None:
    Cluster(Settings(max_unpacked_bytes=MEBIBYTE))
    with pytest.raises(LargeBatch, match="1,048,576"):
        unpacked_by_aiokafka(GZIP)(codecs.gzip_encode(bytes(2 * MEBIBYTE)))
