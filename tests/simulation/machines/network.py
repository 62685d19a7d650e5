"""What the seed decides about calls between processes and servers: how long they take, which get lost, where a process dies."""

import asyncio
from collections import Counter
from random import Random
from typing import Literal

import msgspec

from tests.simulation.machines.process import Process, When

Lost = Literal["request", "answer"]
Server = Literal["log", "view", "group"]


def server_of(call: str) -> Server:
    """Which server a call goes to."""
    if call in ("mark", "load", "apply", "counts", "scan", "reclassification", "note"):
        return "view"
    return "group" if call in ("join", "sync", "heartbeat", "leave") else "log"


class Weather(msgspec.Struct, frozen=True):
    """How bad it is. Chances are per call, delays are seconds."""

    delay: float = 0.002
    slow: float = 0.0
    """Chance that a call takes up to `slowest`."""
    slowest: float = 0.0
    lost: float = 0.0
    kill: float = 0.0


class SeededNetwork:
    """Calls under random weather."""

    def __init__(self, random: Random, weather: Weather) -> None:
        self.weather = weather
        self.stalled: dict[Server, float] = {}
        """Servers that do not answer at the moment, and by how many seconds that delays a call."""
        self.cut: dict[tuple[str, Server], Lost] = {}
        """The processes and servers between which nothing gets through, and in which direction."""
        self._random = random
        self._watched: dict[str, list[asyncio.Future[Process]]] = {}

    def next_call(self, call: str) -> asyncio.Future[Process]:
        """A future for the process that next sends a call of this name."""
        future: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
        self._watched.setdefault(call, []).append(future)
        return future

    def delays(self, process: Process, call: str) -> tuple[float, float]:
        for watcher in self._watched.pop(call, ()):
            if not watcher.done():
                watcher.set_result(process)
        return self._delay() + self.stalled.get(server_of(call), 0.0), self._delay()

    def lost(self, process: Process, call: str) -> Lost | None:
        way = self.cut.get((process.name, server_of(call)))
        if way is not None:
            return way
        if self._random.random() >= self.weather.lost:
            return None
        return self._random.choice(("request", "answer"))

    def kills(self, process: Process, call: str, number: int, when: When) -> bool:
        return self._random.random() < self.weather.kill / 2

    def survives(self, process: Process, call: str) -> bool:
        return self._random.random() < 0.5

    def _delay(self) -> float:
        if self._random.random() < self.weather.slow:
            return self._random.uniform(0, self.weather.slowest)
        return self._random.uniform(0, self.weather.delay)


class OneCrash(SeededNetwork):
    """No faults, except that the process `name` dies before or after its call number `at` (from 0).

    `survives`: a call that is on its way at that moment takes effect nevertheless.
    """

    def __init__(self, random: Random, at: int | None = None, when: When = "before", *, survives: bool = False, name: str = "w1") -> None:
        super().__init__(random, Weather())
        self.calls: Counter[str] = Counter()
        """Calls of the process by name, until it died."""
        self._name = name
        self._at = at
        self._when = when
        self._survives = survives

    def kills(self, process: Process, call: str, number: int, when: When) -> bool:
        if process.name != self._name:
            return False
        if when == "before":
            self.calls[call] += 1
        return (number, when) == (self._at, self._when)

    def survives(self, process: Process, call: str) -> bool:
        return self._survives
