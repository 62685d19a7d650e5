"""Answers of brokers are read in place: whole and in order, however they come; and the end of a connection is noticed."""

import asyncio
import ssl
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.errors import CorrelationIdError, KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.metadata import MetadataResponse_v1

from etapa.hosting.event_loop import loop_factory
from etapa.settings import Settings
from etapa.stream.kafka.clients.access import Access
from etapa.stream.kafka.clients.found_again import find_again
from etapa.stream.kafka.clients.frames import AT_ONCE, Frames, read_in_place
from etapa.stream.kafka.requests.pieces import PieceWriter
from tests.servers.certificates import Authority
from tests.servers.local_tcp import tcp_server

NUMBERS = [0, 1, 500, 30_000, 2, (AT_ONCE - 14) // 6, 0, 3_000]
"""How many versions the answers name, in six bytes each. One of them fills exactly what is read at once."""
LOOPS = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, loop_factory()], ids=["asyncio", "of a worker"])

_T = TypeVar("_T")
NewLoop = Callable[[], asyncio.AbstractEventLoop]
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(correlation: int, number: int) -> bytes:
    versions = b"".join(struct.pack(">hhh", 18, 0, each % 30_000) for each in range(number))
    body = struct.pack(">ihi", correlation, 0, number) + versions
    return struct.pack(">i", len(body)) + body


async def correlation_of_next(reader: asyncio.StreamReader) -> int:
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    correlation: int = struct.unpack_from(">i", await reader.readexactly(size), 4)[0]
    return correlation


async def connected(port: int, tls: ssl.SSLContext | None) -> Any:
    protocol = "PLAINTEXT" if tls is None else "SSL"
    connection = await create_conn("127.0.0.1", port, request_timeout_ms=20_000, security_protocol=protocol, ssl_context=tls)
    read_in_place(connection, bytearray(AT_ONCE))
    assert isinstance(connection._writer.transport.get_protocol(), Frames)
    return connection


def with_broker(new_loop: NewLoop, answering: Answer, work: Callable[[Any], Awaitable[_T]], folder: Path | None = None) -> _T:
    """What `work` does with a connection that is read in place. `answering` answers what is asked after the first question, which aiokafka asks."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await correlation_of_next(reader), 1))
        await answering(reader, writer)

    async def scenario() -> _T:
        theirs = ours = None
        if folder is not None:
            authority = Authority(folder, "authority")
            own = authority.issue("server", "127.0.0.1")
            theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(authority.certificate))
            theirs.load_cert_chain(own.certificate, own.key)
        async with tcp_server(serve, theirs) as port:
            connection = await connected(port, ours)
            try:
                return await work(connection)
            finally:
                await connection.close()

    async def in_time() -> _T:
        # Whoever is not told of a connection's end waits for ever, also while it is closed.
        async with asyncio.timeout(30):
            return await scenario()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(in_time())


def in_pieces_of(size: int) -> Answer:
    """Answers as many requests as there are numbers, all at once, in pieces of `size` bytes."""

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        written = b"".join([answer(await correlation_of_next(reader), number) for number in NUMBERS])
        for start in range(0, len(written), size):
            writer.write(written[start : start + size])
            await writer.drain()
            await asyncio.sleep(0)

    return answering


async def ask_for_all(connection: Any) -> list[list[tuple[int, int, int]]]:
    answers = await asyncio.gather(*(connection.send(ApiVersionRequest()) for _ in NUMBERS))
    return [one.api_versions for one in answers]


EXPECTED = [[(18, 0, each % 30_000) for each in range(number)] for number in NUMBERS]


@LOOPS
@pytest.mark.parametrize("size", [97, 4_000, AT_ONCE, 10_000_000])
def test_answers_are_whole_and_in_order_however_they_come(new_loop: NewLoop, size: int) -> None:
    assert with_broker(new_loop, in_pieces_of(size), ask_for_all) == EXPECTED


@LOOPS
def test_answers_that_come_byte_by_byte_are_put_together(new_loop: NewLoop) -> None:
    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for each in b"".join([answer(await correlation_of_next(reader), number) for number in (0, 2)]):
            writer.write(bytes([each]))
            await writer.drain()
            await asyncio.sleep(0.001)

    async def ask_twice(connection: Any) -> list[int]:
        answers = await asyncio.gather(*(connection.send(ApiVersionRequest()) for _ in range(2)))
        return [len(one.api_versions) for one in answers]

    assert with_broker(new_loop, answering, ask_twice) == [0, 2]


@LOOPS
def test_it_is_the_same_over_tls(new_loop: NewLoop, tmp_path: Path) -> None:
    assert with_broker(new_loop, in_pieces_of(10_000_000), ask_for_all, tmp_path) == EXPECTED


@LOOPS
@pytest.mark.parametrize("kept", [0, 3, 100, 5_000, 30_000])
def test_who_waits_for_an_answer_is_told_that_the_connection_broke_on_the_way(new_loop: NewLoop, kept: int) -> None:
    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await correlation_of_next(reader), 10_000)[:kept])

    async def ask(connection: Any) -> bool:
        with pytest.raises(KafkaConnectionError):
            await connection.send(ApiVersionRequest())
        return bool(connection.connected())

    assert with_broker(new_loop, answering, ask) is False


@LOOPS
@pytest.mark.parametrize("odd", [answer(7, 1), struct.pack(">i", -4), b"\xff" * 40_000], ids=["to nothing", "negative", "noise"])
def test_what_is_no_answer_ends_the_connection(new_loop: NewLoop, odd: bytes) -> None:
    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await correlation_of_next(reader), 1) + odd)
        await reader.read()

    async def ask(connection: Any) -> bool:
        await connection.send(ApiVersionRequest())
        async with asyncio.timeout(10):
            await connection._closed_fut
        return bool(connection.connected())

    assert with_broker(new_loop, answering, ask) is False


@LOOPS
def test_an_answer_to_another_question_ends_the_connection(new_loop: NewLoop) -> None:
    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await correlation_of_next(reader) + 7, 1) * 2)
        await reader.read()

    async def ask(connection: Any) -> bool:
        with pytest.raises(CorrelationIdError):
            await connection.send(ApiVersionRequest())
        return bool(connection.connected())

    assert with_broker(new_loop, answering, ask) is False


def test_every_connection_of_a_client_is_read_in_place_and_written_in_pieces() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await correlation_of_next(reader), 1))
        await reader.read()

    async def scenario() -> tuple[bool, bool]:
        async with tcp_server(serve) as port:
            client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{port}")
            find_again(client, Access(Settings()))
            client.cluster.update_metadata(MetadataResponse_v1([(1, "127.0.0.1", port, None)], 1, []))
            connection = await client._get_conn(1)
            is_as_ours = isinstance(connection._writer.transport.get_protocol(), Frames), isinstance(connection._writer, PieceWriter)
            assert await client._get_conn(1) is connection
            await client.close()
            return is_as_ours

    assert asyncio.run(scenario()) == (True, True)
