"""Requests to a real HTTP server on this machine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from etapa.deliver.attempts.target_answers import Answer
from etapa.deliver.delivery_file.plan import Target
from etapa.deliver.delivery_file.secrets_found import Credentials
from etapa.deliver.dispatch.webhook import Webhooks
from etapa.settings.values import Secret
from tests.servers.local_tcp import tcp_server

NO_SECRETS = Credentials({}, {}, ())
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.route("*", "/{path:.*}", handler)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def post(url: str, credentials: Credentials = NO_SECRETS, microseconds: int = 5_000_000, trigger_id: str = "c/1/a") -> Answer:
    async with Webhooks() as webhooks:
        return await webhooks.post(Target(id="t", url=url, timeout=microseconds), credentials, "a", trigger_id, b'{"a":1}', 1_700_000_000)


def answer_of(handler: Handler, microseconds: int = 5_000_000) -> Answer:
    async def scenario() -> Answer:
        async with serving(handler) as base:
            return await post(f"{base}/hook", microseconds=microseconds)

    return asyncio.run(scenario())


def test_a_request_carries_the_body_the_keys_and_the_headers() -> None:
    seen: list[tuple[str, dict[str, str], bytes]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((f"{request.method} {request.path_qs}", dict(request.headers), await request.read()))
        return web.Response(status=204)

    async def scenario() -> Answer:
        credentials = Credentials({"Authorization": Secret("Bearer x")}, {"a": {"X-Template": Secret("hi")}}, ())
        async with serving(handler) as base:
            return await post(f"{base}/hook%2Fa?x=%20y", credentials, trigger_id="ana@x.org/1/a")

    assert asyncio.run(scenario()) == Answer(204)
    ((request, headers, body),) = seen
    assert request == "POST /hook%2Fa?x=%20y"
    assert body == b'{"a":1}'
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == "ana@x.org/1/a"
    assert headers["webhook-id"] == "ana@x%2Eorg/1/a"
    assert headers["webhook-timestamp"] == "1700000000"
    assert (headers["Authorization"], headers["X-Template"]) == ("Bearer x", "hi")


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    paths = []

    async def handler(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    assert answer_of(handler).status == 307
    assert paths == ["/hook"]


def test_cookies_are_not_kept() -> None:
    cookies = []

    async def handler(request: web.Request) -> web.Response:
        cookies.append(dict(request.cookies))
        response = web.Response()
        response.set_cookie("session", "1")
        return response

    async def scenario() -> None:
        async with serving(handler) as base, Webhooks() as webhooks:
            for _ in range(2):
                await webhooks.post(Target(id="t", url=base), NO_SECRETS, "a", "c/1/a", b"", 0)

    asyncio.run(scenario())
    assert cookies == [{}, {}]


def test_a_proxy_from_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    assert answer_of(handler) == Answer(200)


def test_retry_after_comes_along() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "7"})

    assert answer_of(handler) == Answer(503, retry_after="7")


def test_an_endless_answer_counts_by_its_status_and_is_not_read_to_its_end() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=200)
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)
            await asyncio.sleep(0)

    assert answer_of(handler) == Answer(200)


def test_no_answer_in_time_is_told() -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    assert answer_of(handler, microseconds=1_000_000) == Answer(None, "no answer within 1s")


def test_a_connection_that_breaks_is_told() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    answer = answer_of(handler)
    assert answer.status is None
    assert answer.trouble.startswith("connection ")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1/?token=hush", "no connection"),
        ("http://no-such-host.invalid/?token=hush", "its name cannot be resolved"),
    ],
)
def test_trouble_is_told_without_the_url(url: str, expected: str) -> None:
    answer = asyncio.run(post(url))
    assert answer.status is None
    assert answer.trouble.startswith(expected)
    assert "hush" not in answer.trouble


def test_an_https_target_that_speaks_no_tls_is_trouble() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    async def scenario() -> Answer:
        async with serving(handler) as base:
            return await post(base.replace("http:", "https:"))

    answer = asyncio.run(scenario())
    assert answer.status is None
    assert answer.trouble.startswith("no TLS connection")


def test_what_is_not_http_is_trouble() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"220 smtp.example.com ESMTP\r\n")
        await writer.drain()

    async def scenario() -> Answer:
        async with tcp_server(speak) as port:
            return await post(f"http://127.0.0.1:{port}/")

    answer = asyncio.run(scenario())
    assert answer.status is None
    assert answer.trouble


def test_a_request_names_the_trace_that_its_trigger_belongs_to() -> None:
    seen: list[dict[str, str]] = []
    trace = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "baggage": "shop=1"}

    async def handler(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return web.Response(status=204)

    async def scenario() -> None:
        async with serving(handler) as base, Webhooks() as webhooks:
            await webhooks.post(Target(id="t", url=f"{base}/hook"), NO_SECRETS, "a", "c/1/a", b"{}", 0, trace)
            await webhooks.post(Target(id="t", url=f"{base}/hook"), NO_SECRETS, "a", "c/1/a", b"{}", 0)

    asyncio.run(scenario())
    assert trace.items() <= seen[0].items()
    assert not trace.keys() & seen[1].keys()
