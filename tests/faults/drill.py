"""A run: faults one after the other under a steady load. After each, everything must recover; at the end, everything is compared."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

import msgspec

from etapa.contracts.rfc3339 import format_time
from etapa.journey.units import DAY
from tests.faults.breaking.catalogue import AND, CATALOGUE
from tests.faults.breaking.kafka_faults import hanging, wait_until_in_sync
from tests.faults.checking.books import Books
from tests.faults.checking.follower import Follower
from tests.faults.checking.standing import differences_in_redis, processed, redis_is_up_to_date
from tests.faults.installation.installation import Installation
from tests.faults.loads.load import Load
from tests.servers.processes import ServerError, wait_until

RECOVERY_SECONDS = 120.0
"""If things do not recover from a fault within this time, that is a failure."""
_POLL = 0.1
_DRAIN_SECONDS = 120.0
_WORTH = 0.5
"""Lag counts as none if no more waits than arrives within this many seconds."""


class DrillOutcome(msgspec.Struct, frozen=True):
    """The outcome of one fault. Times are in seconds."""

    number: int
    kind: str
    what: str
    at: float
    """Since the load began."""
    lasted: float
    recovery: float | None
    """From the fault's end until lag was zero, every partition ready and Redis up to date; None if that did not happen."""
    problems: list[str]


class Failure(Exception):
    """Something is wrong; the message lists what."""


class Drill(AbstractContextManager["Drill"]):
    """An installation under load, as a context manager."""

    def __init__(self, folder: Path, *, seed: int, workers: int, partitions: int = 4, rate: float = 400, customers: int = 1500) -> None:
        self._random = Random(seed)
        self.installation = Installation(folder, workers, partitions)
        settings = self.installation.settings
        servers = self.installation.kafka.bootstrap_servers
        self.books = Books(self.installation.journey, partitions)
        self._follower = Follower(servers, settings, self.books)
        self._load = Load(servers, settings.topic_touchpoints, partitions, rate, seed, customers)
        # Lives as long as the run: processes end with the thread that started them.
        self._hands = ThreadPoolExecutor(2, "faults")
        self._began = 0.0
        self.outcomes: list[DrillOutcome] = []

    def __enter__(self) -> Self:
        try:
            self.installation.start()
            self._follower.start()
            self._load.start()
            self._began = time.monotonic()
            wait_until(self._is_good, RECOVERY_SECONDS, "the first touchpoints' being processed")
        except BaseException:
            self.installation.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._load.stop()
        self._follower.stop()
        self.installation.stop()
        self._hands.shutdown()

    def run(self, kinds: Iterable[str], told: Callable[[DrillOutcome], None]) -> None:
        """Inject faults, each once the previous one is over. Raises `Failure` at the first that does harm."""
        for kind in kinds:
            outcome = self._inject(kind)
            self.outcomes.append(outcome)
            told(outcome)
            if outcome.problems:
                raise Failure("\n".join(outcome.problems))
            wait_until_in_sync(self.installation)
            self.installation.redis.wait_replicated()

    def _inject(self, kind: str) -> DrillOutcome:
        # At any moment of a batch, and of occasional work.
        time.sleep(self._random.uniform(0.1, 1.5))
        # Every fault has its own randomness, so that it is the same whatever came before.
        random = Random(self._random.getrandbits(64))
        began = time.monotonic()
        what = self._break(kind, random)
        ended = time.monotonic()
        ends = self._load.ends
        problems: list[str] = []
        recovery: float | None = None
        try:
            wait_until(lambda: self._is_good(ends), RECOVERY_SECONDS, f"recovery from {kind} ({what})", _POLL)
            recovery = time.monotonic() - ended
        except ServerError as error:
            problems.append(f"{error}: {self._standing()}")
        problems += self.books.violations
        for slot in self.installation.slots:
            problems += [f"worker {slot.number} ended by itself:\n{words}" for words in slot.ends]
        return DrillOutcome(len(self.outcomes) + 1, kind, what, began - self._began, ended - began, recovery, problems)

    def _break(self, kind: str, random: Random) -> str:
        """Inject a fault, or several at once."""
        faults = [(CATALOGUE[name], Random(random.getrandbits(64))) for name in kind.split(AND)]
        done = [self._hands.submit(fault, self.installation, its_random) for fault, its_random in faults]
        return AND.join(one.result() for one in done)

    def _is_good(self, ends: Mapping[int, int] | None = None) -> bool:
        """Whether touchpoints up to `ends` and almost all later ones are processed, Redis shows it, and the workers are ready."""
        if self._follower.error is not None:
            raise Failure(f"the follower failed: {self._follower.error!r}")
        for slot in self.installation.slots:
            slot.look_after()
        through = self._through()
        if any(through[partition] < end for partition, end in (ends or {}).items()):
            return False
        lag = sum(max(0, end - through[partition]) for partition, end in self._load.ends.items())
        return lag <= self._load.rate * _WORTH and self._redis_is_up_to_date() and self.installation.is_ready()

    def _through(self) -> Mapping[int, int]:
        return processed(self.books, self.installation.settings.partitions)

    def _redis_is_up_to_date(self) -> bool:
        return redis_is_up_to_date(self.books, self.installation.settings, self.installation.redis.primary)

    def _standing(self) -> str:
        through = self._through()
        lag = {number: end - through[number] for number, end in self._load.ends.items()}
        ready = [slot.running().ask("readyz").get("not_ready", "no answer") for slot in self.installation.slots]
        return f"behind by partition {lag}; Redis is {'' if self._redis_is_up_to_date() else 'not '}up to date; not ready: {ready}"

    def check(self) -> None:
        """Pause the load, let everything be processed, and compare what can be compared on the way. Raises `Failure`."""
        self._load.pause()
        self._drain()
        problems = [*self.books.violations, *self.books.behind(), *self._differences_in_redis()]
        problems += [f"a transaction hangs in {place[0]}/{place[1]}" for place in hanging(self.installation)]
        if problems:
            raise Failure("\n".join(problems))
        self._load.start()

    def finish(self) -> dict[str, int]:
        """End the load and compare everything. Returns how much there was. Raises `Failure`."""
        self.check()
        self._load.pause()
        self._drain()
        problems = self._uncounted()
        until = self._load.latest + 200 * DAY
        for key, value in self.installation.closing_touchpoints(format_time(until + self.installation.journey.grace)):
            self._load.send(key, value)
        self._load.flush()
        self._drain()
        problems += self.books.close(until)
        problems += self._differences_in_redis()
        problems += [f"a transaction hangs in {place[0]}/{place[1]}" for place in hanging(self.installation)]
        if problems:
            raise Failure("\n".join(problems))
        books = self.books
        return {
            "touchpoints": books.touchpoints,
            "stage_changes": books.changes,
            "by_timer": books.causes["timer"],
            "campaign_triggers": books.triggers,
            "dead_letters": books.letters,
            "customers": len(books.states),
        }

    def _drain(self) -> None:
        topic = self.installation.settings.topic_touchpoints
        ends = self._load.ends

        def is_drained() -> bool:
            all_read = all(self._follower.read[topic, number] >= end for number, end in ends.items())
            return all_read and self._is_good(ends) and self._redis_is_up_to_date()

        wait_until(is_drained, _DRAIN_SECONDS, "every touchpoint's being processed", _POLL)
        # What was committed with the last mark may reach the follower a moment after it.
        wait_until(self._follower.is_through, _DRAIN_SECONDS, "the follower's reading every topic to its end", _POLL)

    def _differences_in_redis(self) -> list[str]:
        return differences_in_redis(self.books, self.installation.settings, self.installation.redis.primary)

    def _uncounted(self) -> list[str]:
        """Whether new workers count every record that they read as applied, as a duplicate or as a dead letter."""
        for slot in self.installation.slots:
            slot.stop()
        for slot in self.installation.slots:
            slot.start()
        for slot in self.installation.slots:
            slot.running().wait_ready()
        before = sum(self._load.ends.values())
        self._load.start()
        wait_until(lambda: sum(self._load.ends.values()) > before + 4 * self._load.rate, _DRAIN_SECONDS, "some more load")
        self._load.pause()
        self._drain()
        sent = sum(self._load.ends.values()) - before
        counted = sum(slot.running().total("etapa_touchpoints_total") for slot in self.installation.slots)
        return [] if counted == sent else [f"{sent} touchpoints were read, but {counted:g} counted as applied, duplicate or dead letter"]
