"""Highly compressed batches take no more memory than the docs promise, and every record comes out."""

import asyncio
import hashlib
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c, encode_varint

from etapa.contracts.outgoing.dead_letter import KEPT_BYTES, Cut, DeadLetter, decode_dead_letter
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.partition.log import KafkaLog
from etapa.stream.kafka.reading.state_topic import StateTopic
from etapa.stream.protocol.ports import Blocked
from tests.faults.trials.memory_bound import memory_bound
from tests.integration.buried_letters import run
from tests.integration.outcome import followed
from tests.integration.places import new_place, opened_log, put, read_all, started_producer
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

MEBIBYTE = 1024 * 1024
GZIP, ZSTD = 1, 4
_ATTRIBUTES_AT, _LAST_OFFSET_AT, _COUNT_AT, _HEADER = 21, 23, 57, 61

Record = tuple[bytes, Iterator[bytes], int]
"""Key, the value in pieces, and its length."""


def zeros(size: int) -> Iterator[bytes]:
    for start in range(0, size, MEBIBYTE):
        yield bytes(min(MEBIBYTE, size - start))


def touchpoint(number: int, **others: Any) -> bytes:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return msgspec.json.encode({"id": f"t-{number}", "customer_id": "ada", "type": "home", "occurred_at": now, **others})


def varint(number: int) -> bytes:
    written = bytearray()
    encode_varint(number, written.append)
    return bytes(written)


def serialized(records: list[Record]) -> Iterator[bytes]:
    for offset, (key, value, size) in enumerate(records):
        head = b"\0" + varint(0) + varint(offset) + varint(len(key)) + key + varint(size)
        yield varint(len(head) + size + 1) + head
        yield from value
        yield varint(0)


def packed(codec: int, pieces: Iterator[bytes]) -> bytes:
    compress: Any = zlib.compressobj(wbits=31) if codec == GZIP else zstandard.ZstdCompressor().compressobj()
    return b"".join([*(compress.compress(piece) for piece in pieces), compress.flush()])


async def put_batch(settings: Settings, codec: int, records: list[Record]) -> None:
    """One batch, built by hand, since clients would make several or none, and use as much memory as its records."""
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1000)
    builder.append(0, int(time.time() * 1000), b"", b"", [])
    content = builder.build()[:_HEADER] + packed(codec, serialized(records))
    struct.pack_into(">i", content, 8, len(content) - 12)
    struct.pack_into(">h", content, _ATTRIBUTES_AT, codec)
    struct.pack_into(">i", content, _LAST_OFFSET_AT, len(records) - 1)
    struct.pack_into(">i", content, _COUNT_AT, len(records))
    struct.pack_into(">I", content, 17, calc_crc32c(bytes(content[_ATTRIBUTES_AT:])))
    async with started_producer(settings, max_request_size=4 * MEBIBYTE, request_timeout_ms=120_000) as producer:
        batch = producer.create_batch()
        batch.append(timestamp=None, key=b"", value=b"")
        batch._build()
        batch._buffer = content
        await (await producer.send_batch(batch, settings.topic_touchpoints, partition=0))


def peak_of(worker: StartedWorker) -> int:
    """Its peak memory in bytes."""
    status = Path(f"/proc/{worker.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def small(number: int) -> Record:
    value = touchpoint(number)
    return b"ada", iter([value]), len(value)


LARGE: list[tuple[str, int, Callable[[], list[Record]], list[int]]] = [
    (
        "900 MB in a gzip batch",
        GZIP,
        lambda: [small(1), *((b"ada", zeros(1_000_000), 1_000_000) for _ in range(900)), small(2)],
        [1_000_000] * 900,
    ),
    ("a record of 300 MB in gzip", GZIP, lambda: [small(1), (b"ada", zeros(300_000_000), 300_000_000), small(2)], [300_000_000]),
    ("a record of 1 GB in zstd", ZSTD, lambda: [small(1), (b"ada", zeros(10**9), 10**9), small(2)], [10**9]),
]


@pytest.mark.parametrize(("codec", "records", "sizes"), [pytest.param(*rest, id=name) for name, *rest in LARGE])
def test_what_compression_made_small_takes_bounded_memory_and_each_record_comes_out(
    kafka_server: KafkaServer,
    redis_server: RedisServer,
    tmp_path: Path,
    codec: int,
    records: Callable[[], list[Record]],
    sizes: list[int],
) -> None:
    async def scenario() -> None:
        settings = await new_place(
            kafka_server.bootstrap_servers, redis_server.url, partitions=1, session_timeout=10_000_000, customers_in_memory=1000
        )
        await put_batch(settings, codec, records())
        await put(settings, settings.topic_touchpoints, [(b"ada", touchpoint(3))])
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await progress.wait_through()
        peak, bound = peak_of(worker), memory_bound(settings, 1, compressed=True)
        assert peak < bound
        assert worker.total("etapa_touchpoints_total") == len(sizes) + 3
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        letters = [decode_dead_letter(one.key, one.value, one.headers) for one in await read_all(settings, settings.topic_dead_letters)]
        assert [letter.offset for letter in letters] == list(range(1, len(sizes) + 1))
        assert [size_of(letter) for letter in letters] == sizes

    asyncio.run(scenario())


def size_of(letter: DeadLetter) -> int:
    """Of the original's value, which was of zeros."""
    value = letter.value or b""
    assert not value.strip(b"\0")
    if letter.cut is None:
        assert letter.reason == "not_json"
        return len(value)
    digest = hashlib.sha256()
    for piece in zeros(letter.cut.size):
        digest.update(piece)
    assert letter.cut == Cut(["value"], letter.cut.size, digest.hexdigest())
    assert (letter.reason, len(value)) == ("too_large", KEPT_BYTES)
    return letter.cut.size


def test_reading_in_pieces_stops_and_goes_on_where_it_was(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, partitions=1, max_unpacked_bytes=MEBIBYTE)
        many = [touchpoint(number, properties={"text": "x" * 10_000}) for number in range(300)]
        await put(settings, settings.topic_touchpoints, [(b"ada", b"before")])
        await put_batch(settings, GZIP, [(b"ada", iter([value]), len(value)) for value in many])
        await put(settings, settings.topic_touchpoints, [(b"ada", b"after")])
        wanted = [b"before", *many, b"after"]
        async with opened_log(settings) as log:
            for start in (0, 150):
                log.seek(start)
                read: list[bytes | None] = []
                async with asyncio.timeout(30):
                    while len(read) < len(wanted) - start:
                        fetched = await log.fetch(40, 200_000, 0.5)
                        assert sum(len(record.value or b"") for record in fetched.records) < 200_000 + 11_000
                        read += [record.value for record in fetched.records]
                assert read == wanted[start:]
                async with asyncio.timeout(30):
                    while not (await log.fetch(1, 1000, 0.5)).caught_up:
                        pass

    asyncio.run(scenario())


def test_whoever_else_reads_refuses_in_words(kafka_server: KafkaServer) -> None:
    async def scenario() -> Settings:
        settings = await new_place(kafka_server.bootstrap_servers, partitions=1, max_unpacked_bytes=MEBIBYTE)
        for topic in (settings.topic_customer_state, settings.topic_dead_letters):
            async with started_producer(settings, compression_type="gzip", max_request_size=4 * MEBIBYTE) as producer:
                await producer.send_and_wait(topic, bytes(2 * MEBIBYTE), b"ada", partition=0)
        async with StateTopic(Cluster(settings), 0) as states:
            with pytest.raises(
                Blocked, match=r"takes more than 1,048,576 bytes \(ETAPA_MAX_UNPACKED_BYTES\); raise it to read these records"
            ):
                [chunk async for chunk in states.states(*(await states.state_range()))]
        return settings

    settings = asyncio.run(scenario())
    listed = run(settings, "list")
    assert listed.returncode == 1
    assert b"ETAPA_MAX_UNPACKED_BYTES" in listed.stderr


async def fetch_until_it_fails(log: KafkaLog) -> None:
    async with asyncio.timeout(30):
        while True:
            await log.fetch(10, MEBIBYTE, 0.5)


def test_a_batch_that_cannot_be_read_within_the_bound_has_its_partition_refused_in_words(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, partitions=1, max_unpacked_bytes=MEBIBYTE)
        async with started_producer(settings) as producer:
            # It refers back further than a decoder may look.
            batch = producer.create_batch()
            batch.append(timestamp=None, key=b"", value=b"")
            content = batch._build()
            compress = zstandard.ZstdCompressor(level=22).compressobj()
            content[_HEADER:] = b"".join(
                [*map(compress.compress, serialized([(b"ada", zeros(9 * MEBIBYTE), 9 * MEBIBYTE)])), compress.flush()]
            )
            struct.pack_into(">i", content, 8, len(content) - 12)
            struct.pack_into(">h", content, _ATTRIBUTES_AT, ZSTD)
            struct.pack_into(">I", content, 17, calc_crc32c(bytes(content[_ATTRIBUTES_AT:])))
            await (await producer.send_batch(batch, settings.topic_touchpoints, partition=0))
        async with opened_log(settings) as log:
            log.seek(0)
            with pytest.raises(Blocked) as refusal:
                await fetch_until_it_fails(log)
        said = str(refusal.value)
        assert said.startswith(
            f"the batch at offsets 0 to 0 of {settings.topic_touchpoints} 0 cannot be read within ETAPA_MAX_UNPACKED_BYTES"
        )
        assert '"offset": 1}' in said

    asyncio.run(scenario())
