"""What the page needs: the HTML, its script and style, the map, and the stream of figures."""

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import Final

from aiohttp import web

from etapa.contracts.stored.state import StateError
from etapa.journey.language.model import Journey
from etapa.journey.map.rules_told import RulesTold
from etapa.languages.read import languages
from etapa.page.standalone import bundled, served_page
from etapa.serve.bounded_connections import most_connections
from etapa.serve.live_map import LiveMap
from etapa.serve.map_stream import MapStream
from etapa.serve.ports import StageReader
from etapa.serve.problems import problem
from etapa.serve.report_query import report_query
from etapa.serve.requests import BEGAN_TO_ANSWER

CONTENT_SECURITY_POLICY: Final = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Only scripts and styles from this server, none inline, and connections to this server only."""

_TAKES_GZIP: Final = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")

SLOWEST_SECONDS: Final = 20.0
"""How long a client may leave an event unread before it is disconnected."""


class MapApi:
    """The handlers."""

    def __init__(self, journey: Journey, reader: StageReader, now: Callable[[], int]) -> None:
        self._journey = journey
        self._live = live = LiveMap(journey, reader, now)
        # The other half is reserved for probes, scrapes and requests by people.
        self._stream = MapStream(live.figures, most_connections() // 2)

    @property
    def rules(self) -> RulesTold:
        """The journey's rules as sentences."""
        return self._live.rules

    async def page(self, request: web.Request) -> web.Response:
        """GET /: the journey map, for people."""
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return web.Response(text=served_page(languages()), content_type="text/html", charset="utf-8", headers=headers)

    async def map_script(self, request: web.Request) -> web.Response:
        """GET /assets/map.js."""
        return _compressed(bundled("map.js"), "text/javascript")

    async def map_style(self, request: web.Request) -> web.Response:
        """GET /assets/map.css."""
        return _compressed(bundled("map.css"), "text/css")

    async def map(self, request: web.Request) -> web.Response:
        """GET /v1/map: the whole map as it is now."""
        try:
            query = report_query(request.query, self._journey)
        except ValueError as error:
            return problem(400, str(error))
        try:
            drawn = await self._live.drawn(query._replace(by=None))
        except StateError as error:
            return problem(500, f"The ledger cannot be read: {error}.")
        headers = {"Vary": "Accept-Encoding"}
        if not _TAKES_GZIP.search(request.headers.get("Accept-Encoding", "")):
            return web.Response(body=drawn.plain, content_type="application/json", headers=headers)
        return web.Response(body=drawn.gzipped, content_type="application/json", headers={**headers, "Content-Encoding": "gzip"})

    async def map_events(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/map/events: its figures whenever they change."""
        if self._stream.is_full:
            return problem(503, "All streams are taken; ask for /v1/map now and then instead.", {"Retry-After": "5"})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        # A stream may last for hours, which says nothing about how fast this server answers.
        request[BEGAN_TO_ANSWER] = asyncio.get_running_loop().time()
        events = self._stream.events()
        try:
            with contextlib.suppress(ConnectionError, TimeoutError):
                async for event in events:
                    async with asyncio.timeout(SLOWEST_SECONDS):
                        await response.write(event)
        finally:
            await events.aclose()
        return response

    async def close(self, _: web.Application) -> None:
        """End the streams, so that open pages do not delay a stopping server."""
        await self._stream.close()


def _compressed(text: str, content_type: str) -> web.Response:
    response = web.Response(text=text, content_type=content_type, charset="utf-8")
    response.enable_compression()
    return response
