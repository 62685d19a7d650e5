"""One HTTP port for several workers: their metrics and their readiness together, and everything else from one of them in turn."""

import asyncio
import itertools
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Protocol, Self

import msgspec
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, UnixConnector, web
from prometheus_client import CollectorRegistry

from etapa.hosting.health import Health
from etapa.serve.answer_shapes import Readiness
from etapa.serve.map_api import SLOWEST_SECONDS
from etapa.serve.operations import OF_A_WORKER, OF_EVERY_PROCESS, OPENMETRICS, STREAMS_OF_A_WORKER
from etapa.serve.ports import RequestObserver
from etapa.serve.problems import problem
from etapa.serve.readiness import HealthApi, application_of
from etapa.serve.requests import BEGAN_TO_ANSWER
from etapa.supervise.merged_metrics import MergedMetrics

ASK_SECONDS = 4.0
"""Seconds that a worker may take to report on itself; a probe of this port gives up after five."""
ANSWER_SECONDS = 15.0
"""Seconds that a worker may take to begin any other answer, before another worker is asked."""
POLL_SECONDS = 5.0
"""Seconds between two looks at the metrics. What a killed worker counted after the last look is lost."""
_PASSED_ON = ("Accept", "Accept-Encoding", "Accept-Language", "Authorization")
_PASSED_BACK = (
    "Content-Type",
    "Content-Security-Policy",
    "WWW-Authenticate",
    "Retry-After",
    "Content-Encoding",
    "Content-Language",
    "Content-Disposition",
    "Vary",
)
_FOUND_OUT = frozenset({"Accept", "Accept-Encoding", "User-Agent"})
"""Headers that the client would add by itself: an answer is passed on as whoever asks takes it."""

logger = logging.getLogger(__name__)


class AnsweringWorker(Protocol):
    """A worker that serves HTTP on a Unix socket, while its process runs."""

    @property
    def number(self) -> int: ...

    @property
    def socket(self) -> Path: ...

    @property
    def starts(self) -> int:
        """How many times it was started. A new number means a new process, whose counters begin at 0."""

    @property
    def is_running(self) -> bool: ...


class Front:
    """Answers the supervisor's HTTP requests. Used with `async with`, which opens the connections to the workers."""

    def __init__(self, workers: Sequence[AnsweringWorker], registry: CollectorRegistry, requests: RequestObserver) -> None:
        """`registry` holds the supervisor's own metrics; those of the workers are added to it."""
        self._workers = workers
        self._merged = MergedMetrics()
        registry.register(self._merged)
        self._health = HealthApi(self, registry, requests)
        self._requests = requests
        self._turns = itertools.cycle(range(len(workers)))
        self._sessions: dict[int, ClientSession] = {}
        self._silent: set[int] = set()
        """Workers that did not answer when they were last asked; they are asked last until the next look at their metrics."""
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for worker in self._workers:
            session = ClientSession(
                "http://worker/",
                # A stream takes a connection for as long as its page is open; the worker limits how many there are.
                connector=UnixConnector(str(worker.socket), limit=0),
                timeout=ClientTimeout(total=None, connect=ASK_SECONDS),
                skip_auto_headers=_FOUND_OUT,
                auto_decompress=False,
            )
            self._sessions[worker.number] = await self._open.enter_async_context(session)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def application(self) -> web.Application:
        """The application with all its routes."""
        own = {operation.name for operation in OF_EVERY_PROCESS}
        operations = (*OF_A_WORKER, *STREAMS_OF_A_WORKER)
        passed_on = _PassedOn(self, [operation.name for operation in operations if operation.name not in own])
        return application_of(operations, [self, self._health, passed_on], self._requests)

    async def poll(self) -> None:
        """Read the workers' metrics every few seconds, for ever, so that a worker's counts are known when it ends."""
        while True:
            await self._look()
            await asyncio.sleep(POLL_SECONDS)

    async def metrics(self, request: web.Request) -> web.Response:
        """GET /metrics: those of all workers together, and the supervisor's own."""
        await self._look()
        return await self._health.metrics(request)

    async def health(self) -> Sequence[Health]:
        """What each worker says about itself, named by its number."""
        told = await asyncio.gather(*(self._health_of(worker) for worker in self._workers))
        return [check for checks in told for check in checks]

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """Have a worker answer; if it does not, try the next one."""
        first = next(self._turns)
        in_turn = [*self._workers[first:], *self._workers[:first]]
        for worker in sorted(in_turn, key=lambda each: each.number in self._silent):
            if not worker.is_running:
                continue
            try:
                answer = await self._asked(worker, request)
            except (ClientError, OSError, TimeoutError):
                self._silent.add(worker.number)
                continue
            return await _passed_back(request, answer)
        return problem(503, "No worker answers at the moment; /readyz says why.", {"Retry-After": "1"})

    async def _asked(self, worker: AnsweringWorker, request: web.Request) -> ClientResponse:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        # The raw path: an id in it may contain a percent-encoded slash.
        async with asyncio.timeout(ANSWER_SECONDS):
            return await self._sessions[worker.number].get(request.rel_url, headers=headers, allow_redirects=False)

    async def _look(self) -> None:
        await asyncio.gather(*(self._look_at(worker) for worker in self._workers))

    async def _look_at(self, worker: AnsweringWorker) -> None:
        if not worker.is_running:
            self._merged.gone(worker.number)
            return
        start = worker.starts
        try:
            async with asyncio.timeout(ASK_SECONDS):
                async with self._sessions[worker.number].get("/metrics", headers={"Accept": OPENMETRICS}) as answer:
                    text = await answer.text()
            self._merged.tell(worker.number, start, text)
            self._silent.discard(worker.number)
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            # It is starting, or busy with something long; its last report stays valid.
            logger.debug("worker %d does not answer with its metrics: %s", worker.number, error)
            self._silent.add(worker.number)

    async def _health_of(self, worker: AnsweringWorker) -> Sequence[Health]:
        name = f"worker {worker.number}"
        if not worker.is_running:
            return [Health(name, ready=False, detail="it is not running; it will be restarted in a moment, and the log says how it ended")]
        try:
            async with asyncio.timeout(ASK_SECONDS):
                async with self._sessions[worker.number].get("/readyz") as answer:
                    told = msgspec.json.decode(await answer.read(), type=Readiness)
        except (ClientError, OSError, TimeoutError, msgspec.MsgspecError):
            return [Health(name, ready=False, detail="it does not answer; it may be starting")]
        details = {check.name: check.detail for check in (*told.not_ready, *told.remarks)}
        wrong = {check.name for check in told.not_ready}
        return [Health(f"{name}: {check}", ready=check not in wrong, detail=details.get(check, "")) for check in told.checked]


class _PassedOn:
    """Handlers for the operations that any worker can answer."""

    def __init__(self, front: Front, names: Sequence[str]) -> None:
        for name in names:
            setattr(self, name, front.pass_on)


async def _passed_back(request: web.Request, answer: ClientResponse) -> web.StreamResponse:
    async with answer:
        response = web.StreamResponse(
            status=answer.status, headers={name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
        )
        # Whoever asked may have gone, and the worker may end in the middle: then the answer ends here.
        with suppress(ClientError, ConnectionError, TimeoutError):
            await response.prepare(request)
            # Passed on piece by piece: an answer may be a stream without an end, which says nothing about how fast this server answers.
            request[BEGAN_TO_ANSWER] = asyncio.get_running_loop().time()
            async for piece in answer.content.iter_any():
                async with asyncio.timeout(SLOWEST_SECONDS):
                    await response.write(piece)
            await response.write_eof()
            return response
        if request.transport is not None:
            # Not ended as if it were whole.
            request.transport.abort()
        return response
