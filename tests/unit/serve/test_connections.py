"""Connections to the HTTP server that idle, crowd or send nonsense: they do not affect others, and leave nothing in the log."""

import asyncio
import contextlib
import json
import logging
import resource
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiohttp import web

from etapa.hosting.sparse_log import Sparse
from etapa.serve import bounded_connections as connections
from etapa.serve import service
from etapa.serve.service import HttpService
from tests.unit.serve.asked import application, customer

_SECONDS = 20.0
GOOD = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
HALF = b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-A: "
SECRET = b"a-token-of-25-characters."


@pytest.fixture(autouse=True, params=["asyncio", "uvloop"])
def _on_each_loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers run on uvloop where it is installed, and its transports are not asyncio's classes."""
    if request.param == "uvloop":
        uvloop = pytest.importorskip("uvloop")
        monkeypatch.setattr(asyncio, "run", uvloop.run)


def serving(steps: Callable[[int], Coroutine[Any, Any, None]], app: web.Application | None = None) -> None:
    async def scenario() -> None:
        http = HttpService(app or application(customer("anna@x.org")), "127.0.0.1", 0)
        await http.on_start()
        try:
            async with asyncio.timeout(_SECONDS):
                await steps(http.port)
        finally:
            await http.on_stop()

    asyncio.run(scenario())


async def opened(port: int, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    return reader, writer


async def end_of(reader: asyncio.StreamReader) -> bytes:
    """What the server sends until it closes the connection."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@pytest.mark.parametrize("sent", [b"", HALF, GOOD])
def test_a_connection_that_sends_no_whole_request_is_closed(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "IDLE_SECONDS", 0.05)

    async def steps(port: int) -> None:
        reader, writer = await opened(port, sent)
        assert (await end_of(reader)).startswith(b"HTTP/1.1 200" if sent == GOOD else b"")
        await closed(writer)

    serving(steps)


def test_only_so_many_connections_are_open_and_the_log_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(service, "most_connections", lambda: 3)
    monkeypatch.setattr(Sparse, "filter", lambda self, record: True)

    async def steps(port: int) -> None:
        held = [await opened(port, GOOD) for _ in range(3)]
        for reader, _ in held:
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
        reader, writer = await opened(port, GOOD)
        assert await end_of(reader) == b""
        await closed(writer)
        await closed(held.pop()[1])
        answer = b""
        while not answer:  # until the server has seen that one is gone
            reader, writer = await opened(port, GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            answer = await end_of(reader)
            await closed(writer)
        assert answer.startswith(b"HTTP/1.1 200")
        for _, writer in held:
            await closed(writer)

    serving(steps)
    assert "3 HTTP connections are open, the most allowed" in caplog.text


def test_a_burst_that_is_accepted_at_once_is_held_to_the_bound_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "most_connections", lambda: 3)

    async def steps(port: int) -> None:
        loop = asyncio.get_running_loop()
        # The event loop does not run meanwhile.
        burst = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]

        async def ended(one: socket.socket) -> bool:
            one.setblocking(False)
            with contextlib.suppress(ConnectionResetError):
                return await loop.sock_recv(one, 1) == b""
            return True

        waiting = {asyncio.create_task(ended(one)): one for one in burst}
        async with asyncio.timeout(10):
            while len(waiting) > 3:
                done, _ = await asyncio.wait(waiting, return_when="FIRST_COMPLETED")
                assert all(one.result() for one in done)
                for task in done:
                    waiting.pop(task).close()
        for task, one in waiting.items():
            task.cancel()
            await asyncio.wait({task})
            await loop.sock_sendall(one, GOOD)
            assert (await loop.sock_recv(one, 100)).startswith(b"HTTP/1.1 200")
            one.close()

    serving(steps)


unreadable = pytest.mark.parametrize(
    "sent",
    [
        b"GET /v1/customers/anna@x.org HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + SECRET + b"\x01\r\n\r\n",
        b"GET /v1/customers/anna@x.org\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/customers/anna@x.org HTTP/9\r\n\r\n",
        SECRET + b" /v1/customers/anna@x.org\r\n\r\n",
        b"GET /" + SECRET * 1000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: " + SECRET + b"\r\n\r\n",
        b"GET http://[anna@x.org/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /v1/stages HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + SECRET + b"\r\n",
        b"GET /v1/stages HTTP/1.1\r\nHost: a\r\nExpect: " + SECRET + b"\r\nConnection: close\r\n\r\n",
        b"GET /v1/stages HTTP/1.1\r\nHost: a\r\nX-Anna: " + SECRET * 1000 + b"\r\n\r\n",
    ],
)


@unreadable
def test_a_request_that_cannot_be_read_leaves_nothing_of_it_in_the_log(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def steps(port: int) -> None:
        reader, writer = await opened(port, sent)
        writer.write_eof()
        await end_of(reader)
        await closed(writer)

    serving(steps)
    seen = "\n".join(logging.Formatter("%(message)s").format(record) for record in caplog.records)
    assert SECRET.decode() not in seen
    assert "anna" not in seen


@unreadable
def test_a_request_that_cannot_be_read_is_answered_as_any_other_mistake_and_not_repeated(sent: bytes) -> None:
    async def steps(port: int) -> None:
        reader, writer = await opened(port, sent)
        answer = await end_of(reader)
        await closed(writer)
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert {"Server: etapa", "Cache-Control: no-store", "Content-Type: application/problem+json"} <= set(lines)
        told = json.loads(body)
        assert lines[0].endswith(f" {told['status']} {told['title']}")
        assert told["status"] in (400, 405, 417)
        assert b"Python" not in answer
        assert SECRET not in answer
        assert b"anna" not in answer.lower()

    serving(steps)


def test_descriptors_are_left_for_kafka_and_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, most in ((1024, 128), (256, 32), (16, 4), (1_000_000, 250), (resource.RLIM_INFINITY, 250)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
        assert connections.most_connections() == most
