"""Targets that answer badly, byte by byte: only a complete response head counts, and no message reveals a target."""

import asyncio
import errno
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import MagicMock

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from etapa.deliver.attempts.backoff import Retry
from etapa.deliver.attempts.target_answers import Answer, verdict_of
from etapa.deliver.delivery_file.plan import Target
from etapa.deliver.delivery_file.secrets_found import Credentials
from etapa.deliver.dispatch.pending_trigger import PendingTrigger
from etapa.deliver.dispatch.target_queue import TargetQueue
from etapa.deliver.dispatch.webhook import Webhooks, _trouble
from etapa.deliver.offsets.progress import PartitionProgress
from etapa.hosting.system_clock import SystemClock
from tests.servers.local_tcp import tcp_server

GOOD = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def speaking(
    *packets: bytes, stay: bool = False, again: bool = False, until: bytes = b'{"a":1}'
) -> AsyncIterator[tuple[int, list[int]]]:
    """A server that answers a request (or several on a connection) with these packets, and then closes the connection or keeps it open.

    A request is read `until` these bytes.

    Yields its port, and a list with one entry for each connection.
    """
    connections: list[int] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while await reader.readuntil(until):
            for packet in packets:
                writer.write(packet)
                await writer.drain()
                # One by one, so that each arrives separately.
                for _ in range(20):
                    await asyncio.sleep(0)
            if not again:
                break
        if stay:
            await reader.read()

    async with tcp_server(speak) as port:
        yield port, connections


async def post(url: str, seconds: float = 30) -> Answer:
    async with Webhooks() as webhooks:
        target = Target(id="t", url=url, timeout=int(seconds * 1_000_000))
        return await webhooks.post(target, Credentials({}, {}, ()), "a", "c/1/a", b'{"a":1}', 1_700_000_000)


def answer_to(*packets: bytes, stay: bool = False) -> Answer:
    async def scenario() -> Answer:
        async with speaking(*packets, stay=stay) as (port, _):
            return await post(f"http://127.0.0.1:{port}/hook")

    return asyncio.run(scenario())


BROKEN_BODIES = {
    "a chunk whose length is no number": b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    "a chunk that is longer than it says": b"Transfer-Encoding: chunked\r\n\r\n1\r\ntoo long\r\n0\r\n\r\n",
    "a chunk that is cut off": b"Transfer-Encoding: chunked\r\n\r\nff\r\nhalf",
    "chunks without an end": b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    "less than the length says": b"Content-Length: 100\r\n\r\nhalf",
    "more than the length says": b"Content-Length: 1\r\n\r\nmuch more than that",
    "a length that is no number": b"Content-Length: many\r\n\r\nbody",
    "a negative length": b"Content-Length: -1\r\n\r\nbody",
    "two lengths": b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
    "a length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nbody",
    "what is not gzip": b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbody",
    "an encoding that nobody knows": b"Content-Encoding: hieroglyphs\r\nContent-Length: 4\r\n\r\nbody",
    "a header with a long value": b"Content-Security-Policy: " + b"x" * 20_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "nothing that says where it ends": b"\r\nbody",
    "a whole answer more": b"Content-Length: 0\r\n\r\nHTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "noise after its end": b"Content-Length: 0\r\n\r\n\x00\xff\r\n\r\n",
}


@pytest.mark.parametrize("rest", BROKEN_BODIES.values(), ids=BROKEN_BODIES.keys())
@pytest.mark.parametrize("apart", ["in one packet", "head and body apart", "byte by byte"])
def test_a_good_status_is_a_delivery_whatever_follows_its_head(rest: bytes, apart: str) -> None:
    whole = GOOD + rest
    cut = whole.index(b"\r\n\r\n") + 4
    packets = {
        "in one packet": [whole],
        "head and body apart": [whole[:cut], whole[cut:]],
        "byte by byte": [whole[:-40], *(bytes([byte]) for byte in whole[-40:])],
    }[apart]
    assert answer_to(*packets) == Answer(200)


@pytest.mark.parametrize(("status", "verdict"), [(204, "delivered"), (410, "refused"), (307, "refused"), (503, "failed")])
def test_every_status_counts_that_arrived_whole(status: int, verdict: str) -> None:
    answer = answer_to(b"HTTP/1.1 %d Whatever\r\nRetry-After:  7 \r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n" % status)
    assert answer == Answer(status, retry_after="7")
    assert verdict_of(answer) == verdict


def test_an_interim_answer_is_not_the_answer() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    assert answer_to(early + b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n") == Answer(201)
    assert answer_to(early, b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n") == Answer(500)
    assert answer_to(early).status is None


@pytest.mark.parametrize(
    "part",
    [b"HTTP/1.1 200", GOOD, GOOD + b"Content-Length: 0\r\n", GOOD[:-2] + b"\r\nX: " + b"x" * 300_000, b"220 smtp\r\n\r\n", b"\x16\x03\x01"],
)
def test_a_head_that_did_not_arrive_whole_delivers_nothing(part: bytes) -> None:
    answer = answer_to(part)
    assert answer.status is None
    assert verdict_of(answer) == "failed"


def test_an_answer_whose_body_never_ends_is_not_waited_for() -> None:
    """Otherwise it would occupy one of the target's slots for as long as the time-out allows."""
    answered = answer_to(GOOD + b"Content-Length: 10\r\n\r\nhalf", stay=True)
    assert answered == Answer(200)


def test_connections_are_used_again_when_answers_are_read_to_their_end() -> None:
    async def scenario() -> int:
        packets = (GOOD, b"Transfer-Encoding: chunked\r\n\r\n2\r\nok", b"\r\n0\r\n\r\n")
        async with speaking(*packets, again=True) as (port, connections), Webhooks() as webhooks:
            for _ in range(3):
                target = Target(id="t", url=f"http://127.0.0.1:{port}/")
                assert await webhooks.post(target, Credentials({}, {}, ()), "a", "c/1/a", b'{"a":1}', 0) == Answer(200)
            return len(connections)

    assert asyncio.run(scenario()) == 1


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


FAILURES = {
    "refused": ("http://{host}:{closed}/hook?t=hush", None),
    "refused at several addresses": ("http://localhost:{closed}/hook?t=hush", None),
    "no such name": ("http://no-such-host.invalid:{closed}/hook?t=hush", None),
    "no TLS": ("https://{host}:{port}/hook?t=hush", GOOD + b"\r\n"),
    "no answer": ("http://{host}:{port}/hook?t=hush", b"HTTP/1.1 "),
    "closed": ("http://{host}:{port}/hook?t=hush", b""),
    "not HTTP": ("http://{host}:{port}/hook?t=hush", b"220 smtp.target.example ESMTP\r\n"),
    "half an answer": ("http://{host}:{port}/hook?t=hush", GOOD),
    "redirect": ("http://{host}:{port}/hook?t=hush", b"HTTP/1.1 302 to target.example\r\nLocation: http://target.example/\r\n\r\n"),
    "error": ("http://{host}:{port}/hook?t=hush", b"HTTP/1.1 500 at target.example\r\n\r\ntarget.example"),
    "broken body": ("http://{host}:{port}/hook?t=hush", GOOD + b"Transfer-Encoding: chunked\r\n\r\ntarget.example\r\n"),
    "not a port": ("http://{host}:0/hook?t=hush", None),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_whatever_fails_neither_the_answer_nor_the_log_tells_where_the_target_is(failure: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url, packet = FAILURES[failure]
    closed = closed_port()

    async def scenario() -> tuple[Answer, int]:
        until = b"\x01" if failure == "no TLS" else b'{"a":1}'
        async with speaking(*([packet] if packet else []), stay=failure == "no answer", until=until) as (port, _):
            return await post(url.format(host="127.0.0.1", port=port, closed=closed), 1 if failure == "no answer" else 30), port

    answer, port = asyncio.run(scenario())
    assert answer.told
    for told in (answer.told, caplog.text):
        found = re.findall(rf"127\.0\.0\.1|::1|localhost|invalid|target\.example|hush|hook|\b(?:{port}|{closed})\b", told)
        assert found == [], told


KEY: Any = ConnectionKey("target.example", 8443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)
ADDRESS = OSError(errno.ECONNREFUSED, "Connect call failed ('10.1.2.3', 8443)")
ERRORS = [
    aiohttp.ClientConnectorError(KEY, ADDRESS),
    aiohttp.ClientConnectorError(KEY, OSError("Multiple exceptions: [Errno 111] Connect call failed ('10.1.2.3', 8443)")),
    aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "target.example: Name or service not known")),
    aiohttp.ClientConnectorSSLError(KEY, OSError(1, "handshake with target.example failed")),
    aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError("certificate is not valid for 'target.example'")),
    ssl.SSLCertVerificationError("certificate is not valid for 'target.example'"),
    aiohttp.ServerDisconnectedError("target.example"),
    aiohttp.ClientPayloadError("target.example"),
    aiohttp.InvalidURL("https://target.example:8443/"),
    aiohttp.ClientOSError(errno.ECONNRESET, "reset by 10.1.2.3"),
    ADDRESS,
    ValueError("target.example"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_no_error_is_told_in_words_that_hold_an_address(error: Exception) -> None:
    told = _trouble(error)
    assert told
    assert not re.search(r"target|example|10\.1|8443", told)


def test_an_error_of_ours_is_logged_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(delivery: PendingTrigger) -> Answer:
        raise KeyError("https://target.example:8443/")

    async def scenario() -> None:
        observer = MagicMock()
        queue = TargetQueue(
            Target(id="crm", url="https://target.example/", retry=Retry(attempts=1)), fail, observer, SystemClock(), lambda: 0.5
        )
        work = queue.start()
        progress = PartitionProgress(1, 0)
        queue.put(PendingTrigger(progress=progress, lane="crm", partition=0, offset=0, key=b"", value=b"", headers=(), published_at=0))
        while not observer.undeliverable.called:
            await asyncio.sleep(0)
        await queue.stop()
        assert work.cancelled()

    asyncio.run(scenario())
    assert "a bug in Etapa: a delivery to crm failed (KeyError)" in caplog.text
    assert "in fail" in caplog.text
    assert "target.example" not in caplog.text.replace('raise KeyError("https://target.example:8443/")', "")
