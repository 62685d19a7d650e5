"""The port that several workers share, before real HTTP servers on Unix sockets in the workers' place."""

import asyncio
import gzip
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout, web
from aiohttp.test_utils import TestServer

from etapa.metrics.http import HttpMetrics
from etapa.metrics.process import empty_registry
from etapa.serve.operations import OF_A_WORKER, STREAMS_OF_A_WORKER
from etapa.supervise import front as front_module
from etapa.supervise.front import Front

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StandIn(NamedTuple):
    """A worker whose server is this test's."""

    number: int
    socket: Path
    starts: int = 1
    is_running: bool = True


@asynccontextmanager
async def front_of(*handlers: Handler) -> AsyncIterator[TestServer]:
    """The shared port of workers that answer every path so."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="front-")))
        workers = []
        for number, handler in enumerate(handlers, start=1):
            application = web.Application()
            application.router.add_get("/{path:.*}", handler)
            runner = web.AppRunner(application, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            workers.append(StandIn(number, folder / f"{number}.sock"))
            await web.UnixSite(runner, str(workers[-1].socket)).start()
        registry = empty_registry()
        front = await stack.enter_async_context(Front(workers, registry, HttpMetrics(registry)))
        server = TestServer(front.application())
        await server.start_server()
        stack.push_async_callback(server.close)
        yield server


@asynccontextmanager
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession(timeout=ClientTimeout(total=20), auto_decompress=False, skip_auto_headers={"Accept-Encoding"}) as session:
        yield session


async def says_its_path(request: web.Request) -> web.Response:
    return web.Response(text=request.path)


def test_every_path_of_a_worker_is_there_its_streams_as_well() -> None:
    async def scenario() -> None:
        async with front_of(says_its_path) as server, client() as session:
            for operation in (*OF_A_WORKER, *STREAMS_OF_A_WORKER):
                if operation.name not in {"metrics", "healthz", "readyz"}:
                    path = operation.path.replace("{id}", "a")
                    async with session.get(server.make_url(path)) as answer:
                        assert (answer.status, await answer.text()) == (200, path)

    asyncio.run(scenario())


def test_a_stream_comes_through_piece_by_piece() -> None:
    more = asyncio.Event()

    async def streams(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"event: one\n\n")
        await more.wait()
        await response.write(b"event: two\n\n")
        return response

    async def scenario() -> None:
        async with front_of(streams) as server, client() as session, session.get(server.make_url("/v1/map/events")) as answer:
            assert answer.content_type == "text/event-stream"
            assert await answer.content.readuntil(b"\n\n") == b"event: one\n\n"
            more.set()
            assert await answer.content.read() == b"event: two\n\n"

    asyncio.run(scenario())


def test_another_worker_answers_for_one_that_hangs_until_it_shows_its_metrics_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_module, "ANSWER_SECONDS", 0.2)
    asked: list[str] = []

    async def hangs(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path == "/metrics":
            return web.Response(text="# EOF\n")
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")

    async def ask(server: TestServer, session: ClientSession, path: str) -> int:
        async with session.get(server.make_url(path)) as answer:
            return answer.status

    async def scenario() -> None:
        async with front_of(hangs, says_its_path) as server, client() as session:
            assert [await ask(server, session, "/v1/stages") for _ in range(4)] == [200] * 4
            assert asked == ["/v1/stages"], "it is left alone once it has hung"
            await ask(server, session, "/metrics")
            assert [await ask(server, session, "/v1/stages") for _ in range(2)] == [200] * 2
            assert asked == ["/v1/stages", "/metrics", "/v1/stages"]
        async with front_of(hangs) as server, client() as session:
            assert await ask(server, session, "/v1/stages") == 503

    asyncio.run(scenario())


def test_an_answer_that_breaks_off_does_not_look_whole() -> None:
    async def breaks_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"customers": [')
        # The client must have it before the connection is gone.
        await asyncio.sleep(0.1)
        assert request.transport is not None
        request.transport.abort()
        return response

    async def scenario() -> None:
        async with front_of(breaks_off) as server, client() as session, session.get(server.make_url("/v1/report")) as answer:
            with pytest.raises(ClientError):
                await answer.read()

    asyncio.run(scenario())


def test_an_answer_is_compressed_for_those_who_take_it_so_and_for_no_one_else() -> None:
    text = "many words " * 100

    async def compresses(_: web.Request) -> web.Response:
        response = web.Response(text=text, headers={"Vary": "Accept-Encoding"})
        response.enable_compression()
        return response

    async def scenario() -> None:
        async with front_of(compresses) as server, client() as session:
            async with session.get(server.make_url("/v1/map"), headers={"Accept-Encoding": "gzip"}) as answer:
                assert answer.headers["Content-Encoding"] == "gzip"
                assert answer.headers["Vary"] == "Accept-Encoding"
                assert gzip.decompress(await answer.read()).decode() == text
            async with session.get(server.make_url("/v1/map")) as answer:
                assert "Content-Encoding" not in answer.headers
                assert await answer.text() == text

    asyncio.run(scenario())
