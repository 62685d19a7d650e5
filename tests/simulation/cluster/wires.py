"""The connections between clients and brokers, and what happens to each request and response on them.

A connection replaces aiokafka's own. A request may arrive long after its connection was closed and its client has asked again over
another; only the responses are lost with the connection.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Protocol

import msgspec
from aiokafka.conn import CloseReason
from aiokafka.errors import KafkaConnectionError

from tests.simulation.cluster.loop import RUNNING, ProcessLoop, TaskedProcess

KINDS = {
    0: "Produce",
    1: "Fetch",
    3: "Metadata",
    10: "FindCoordinator",
    18: "ApiVersions",
    22: "InitProducerId",
    24: "AddPartitionsToTxn",
    25: "AddOffsetsToTxn",
    26: "EndTxn",
    28: "TxnOffsetCommit",
}
END_TXN, END_KNOWS_ITS_TRANSACTION = 26, 5
VICTIMS_BELATED = 0.4
BEHIND = ("Produce", "Produce", "Produce", "AddPartitionsToTxn", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn", "InitProducerId")
MOST_BETWEEN = 3
"""A belated request arrives right after a request of one of these kinds: up to this many of them after its sender gave it up."""
ENDS_BETWEEN_WRITES = 0.8
"""The share of belated EndTxn requests that arrive where they do most harm: right after the first write since their sender went on."""
BREAKS, ENDS_BREAK = 0.5, 0.9
"""How often the connection of a belated request, and of such an EndTxn, breaks, so that its sender gives up at once."""


class WireWeather(msgspec.Struct, frozen=True):
    """How bad it is. Chances are per request, delays are seconds."""

    delay: float = 0.002
    held: float = 0.0
    """Chance that a request or response takes up to `longest`."""
    longest: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    broken: float = 0.0
    """Chance that the connection breaks before the response arrives."""
    belated: float = 0.0
    """Chance that a request arrives only after its sender gave up and went on: some requests later, however long that takes."""
    victim: str = ""
    """The kind of request that this happens to far more often."""
    ordered: bool = True
    """Whether what is sent over one connection arrives in that order, as with TCP."""


class Brokers(Protocol):
    """What is at the other end."""

    def is_up(self, node: int) -> bool:
        """Whether a broker listens."""

    def versions(self) -> dict[int, tuple[int, int]]:
        """Which versions of each request it understands."""

    def handle(self, node: int, request: Any) -> Any:
        """What it answers."""

    def stale(self, request: Any) -> None:
        """Marks a request whose sender no longer waits for a response."""


class Wire:
    """One connection, as aiokafka's client knows it."""

    def __init__(
        self, wires: "Wires", node: int, timeout: float, on_close: Callable[..., object] | None, owner: TaskedProcess | None
    ) -> None:
        self.node = node
        self.owner = owner
        self.arrives_after = self.answers_after = 0.0
        self._wires = wires
        self._timeout = timeout
        self._on_close = on_close
        self._open = True
        # A dict for its order.
        self._waiting: dict[asyncio.Future[Any], None] = {}

    def connected(self) -> bool:
        return self._open

    def send(self, request: Any, expect_response: bool = True) -> "asyncio.Future[Any]":
        if not self._open:
            raise KafkaConnectionError(f"no connection to node {self.node}")
        loop = self._wires.loop
        negotiated = request.prepare(self._wires.brokers.versions())
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting[answer] = None
        answer.add_done_callback(lambda done: self._waiting.pop(done, None))
        self._wires.carry(self, negotiated, answer)
        expiry = loop.call_later(self._timeout, _expire, answer)
        answer.add_done_callback(lambda _: expiry.cancel())
        return answer

    def close(self, reason: CloseReason | None = None) -> "asyncio.Future[None]":
        self.end(reason)
        closed = self._wires.loop.create_future()
        closed.set_result(None)
        return closed

    def end(self, reason: CloseReason | None) -> None:
        """Close it: only what is already on its way still arrives."""
        if self._open:
            self._open = False
            for answer in list(self._waiting):
                if not answer.done():
                    answer.set_exception(KafkaConnectionError(f"connection to node {self.node} closed"))
            if self._on_close is not None and (self.owner is None or self.owner.alive):
                self._on_close(self, reason)


@dataclass
class _Belated:
    behind: str
    between: int
    answer: "asyncio.Future[Any]"
    arrive: Callable[[], None]
    event: str


class Wires:
    """All connections. `create` replaces aiokafka's function that opens one."""

    def __init__(
        self, loop: ProcessLoop, random: Random, brokers: Brokers, weather: WireWeather, events: Counter[str], note: Callable[[str], None]
    ) -> None:
        self.loop = loop
        self.brokers = brokers
        self.weather = weather
        self.slow: dict[int, float] = {}
        """Nodes that are slow at the moment, and by how many seconds."""
        self._random = random
        self._events = events
        self._note = note
        self._wires: list[Wire] = []
        self._watched: dict[str, list[asyncio.Future[TaskedProcess]]] = {}
        self._belated: list[_Belated] = []
        # A request on its way belongs to no process: it arrives even if its sender is dead or frozen.
        self._outside = copy_context()
        self._outside.run(RUNNING.set, None)

    async def create(
        self, host: str, port: int, *, request_timeout_ms: int, on_close: Callable[..., object] | None = None, **_: object
    ) -> Wire:
        """Open a connection to the node that listens at `port`. Raises OSError."""
        owner = RUNNING.get()
        await asyncio.sleep(self._delay(port))
        if (owner is not None and not owner.alive) or not self.brokers.is_up(port):
            raise ConnectionRefusedError(f"nobody listens at {host}:{port}")
        wire = Wire(self, port, request_timeout_ms / 1000, on_close, owner)
        self._wires = [one for one in self._wires if one.connected()]
        self._wires.append(wire)
        return wire

    def next_request(self, kind: str) -> "asyncio.Future[TaskedProcess]":
        """A future for the process that next sends a request of this kind."""
        future: asyncio.Future[TaskedProcess] = self.loop.create_future()
        self._watched.setdefault(kind, []).append(future)
        return future

    def cut(self, node: int | None = None, owner: TaskedProcess | None = None) -> None:
        """Break all connections to a node, or of a process."""
        for wire in self._wires:
            if wire.connected() and (wire.node == node or (owner is not None and wire.owner is owner)):
                wire.end(CloseReason.CONNECTION_BROKEN)

    def let_go(self) -> None:
        """Let everything arrive that was held up until its sender went on."""
        for belated in self._belated:
            self._after(0, belated.arrive)
        self._belated.clear()

    def carry(self, wire: Wire, request: Any, answer: "asyncio.Future[Any]") -> None:
        """Decide what happens to a request and its response."""
        kind = KINDS[request.API_KEY]
        weather, random = self.weather, self._random
        for watcher in self._watched.pop(kind, ()):
            if not watcher.done() and wire.owner is not None:
                watcher.set_result(wire.owner)
        there, back = self._delay(wire.node), self._delay(wire.node)
        lost = random.choice(("request", "answer")) if random.random() < weather.lost else None
        if random.random() < weather.broken:
            self._events["connection broken"] += 1
            self._after(random.uniform(0, there + back), lambda: wire.end(CloseReason.CONNECTION_BROKEN))
        if weather.ordered:
            there = max(there, wire.arrives_after - self.loop.time())
            wire.arrives_after = self.loop.time() + there
        if random.random() < (VICTIMS_BELATED if kind == weather.victim else weather.belated):
            arrive = partial(self._arrive, wire, kind, request, answer, back, lost="")
            between_writes = request.API_KEY == END_TXN and random.random() < ENDS_BETWEEN_WRITES
            behind, between = ("Produce", 0) if between_writes else (random.choice(BEHIND), random.randrange(MOST_BETWEEN))
            event = "belated EndTxn behind a write" if between_writes else "belated"
            self._belated.append(_Belated(behind, between, answer, arrive, event))
            if random.random() < (ENDS_BREAK if between_writes else BREAKS):
                self._after(there, lambda: wire.end(CloseReason.CONNECTION_BROKEN))
        elif lost == "request":
            self._lose(kind, "request", wire)
        else:
            self._after(there, lambda: self._arrive(wire, kind, request, answer, back, lost="answer" if lost else ""))
        if random.random() < weather.doubled:
            self._after(there + random.uniform(0, weather.longest or 1.0), lambda: self._arrive_again(wire, kind, request, answer))

    def _arrive(self, wire: Wire, kind: str, request: Any, answer: "asyncio.Future[Any]", back: float, lost: str) -> None:
        if answer.done():
            self._events[f"late: {kind}"] += 1
            self.brokers.stale(request)
        given = self._handle(wire, kind, request, "late" if answer.done() else "")
        if given is None:
            return
        if lost:
            self._lose(kind, "answer", wire)
            return
        if self.weather.ordered:
            back = max(back, wire.answers_after - self.loop.time())
            wire.answers_after = self.loop.time() + back
        self._after(back, lambda: _answer(answer, given))

    def _arrive_again(self, wire: Wire, kind: str, request: Any, answer: "asyncio.Future[Any]") -> None:
        answered = answer.done() and not answer.cancelled() and answer.exception() is None
        if answered and request.API_KEY == END_TXN and request.API_VERSION < END_KNOWS_ITS_TRANSACTION:
            # No client could guard against this, and no network does it: what is sent over one connection arrives in order,
            # and the next transaction begins after the response.
            return
        self._events[f"doubled: {kind}"] += 1
        if answer.done():
            self.brokers.stale(request)
        self._handle(wire, kind, request, "again")

    def _handle(self, wire: Wire, kind: str, request: Any, how: str) -> Any:
        if not self.brokers.is_up(wire.node):
            return None
        given = self.brokers.handle(wire.node, request)
        if how != "again":
            # A second copy of a request does not mean that its sender has gone on.
            self._go_on(kind)
        self._note(f"{wire.owner.name if wire.owner else '-'} {kind} at {wire.node}{how and ' ' + how}")
        return given

    def _go_on(self, kind: str) -> None:
        """A request has arrived; those held up until then may arrive now."""
        for belated in self._belated:
            if belated.answer.done() and belated.behind == kind:
                belated.between -= 1
        for belated in [one for one in self._belated if one.between < 0]:
            self._belated.remove(belated)
            self._events[belated.event] += 1
            self._after(0, belated.arrive)

    def _lose(self, kind: str, way: str, wire: Wire) -> None:
        self._events[f"{way} lost: {kind}"] += 1
        self._note(f"{kind} at {wire.node}: {way} lost")

    def _after(self, seconds: float, do: Callable[[], object]) -> None:
        self.loop.call_later(seconds, do, context=self._outside)

    def _delay(self, node: int) -> float:
        slow = self.slow.get(node, 0.0)
        if self._random.random() < self.weather.held:
            self._events["held"] += 1
            return slow + self._random.uniform(0, self.weather.longest)
        return slow + self._random.uniform(0, self.weather.delay)


def _expire(answer: "asyncio.Future[Any]") -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


def _answer(answer: "asyncio.Future[Any]", given: Any) -> None:
    if not answer.done():
        answer.set_result(given)
