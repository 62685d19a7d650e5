"""A real HTTP server that receives deliveries and is slow, fails or dies as a test demands."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple, Self

from aiohttp import web

Behaviour = Literal["good", "lost", "reset"] | int
"""Answer 200; accept the request and break the connection instead of answering; break it at once; or answer with this status."""


class ReceivedRequest(NamedTuple):
    """A request that arrived completely."""

    path: str
    key: str
    headers: dict[str, str]
    body: bytes


Behave = Callable[[ReceivedRequest], Awaitable[Behaviour]]


async def good(request: ReceivedRequest) -> Behaviour:
    return "good"


class Receiver:
    """Listens on a port of 127.0.0.1 that stays the same after it dies and comes back."""

    def __init__(self, behave: Behave = good) -> None:
        self.behave = behave
        self.requests: list[ReceivedRequest] = []
        """All requests that arrived, whatever the answer."""
        self.answered: Counter[str] = Counter()
        """How often each key was answered with 200."""
        self.lost: Counter[str] = Counter()
        """How often each key was accepted and its answer lost."""
        self.under_way: Counter[str] = Counter()
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.die()

    async def start(self) -> None:
        app = web.Application()
        app.add_routes([web.route("*", "/{path:.*}", self._receive)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def die(self) -> None:
        """Close the port and every connection, whatever is in flight."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def keys(self, path: str) -> set[str]:
        """The keys that arrived at a path."""
        return {request.key for request in self.requests if request.path == path}

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Idempotency-Key", "")
        arrived = ReceivedRequest(request.match_info["path"], key, dict(request.headers), await request.read())
        self.requests.append(arrived)
        self.under_way[key] += 1
        try:
            behaviour = await self.behave(arrived)
        finally:
            self.under_way[key] -= 1
        if behaviour == "good":
            # Flushed before it is counted, so that what counts as answered was answered.
            response = web.Response()
            try:
                await response.prepare(request)
                await response.write_eof()
            except ConnectionError:
                # The client is gone.
                self.lost[key] += 1
                raise asyncio.CancelledError from None
            self.answered[key] += 1
            return response
        if isinstance(behaviour, int):
            headers = {"Retry-After": "0"} if behaviour in (429, 503) else {"Location": "/elsewhere"} if 300 <= behaviour < 400 else {}
            return web.Response(status=behaviour, headers=headers)
        self.lost[key] += behaviour == "lost"
        if request.transport is not None:
            request.transport.abort()
        raise asyncio.CancelledError
