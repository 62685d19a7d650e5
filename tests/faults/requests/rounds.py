"""Trials in rounds: one act against the producer of each partition, all at once; then all output is compared."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from random import Random
from types import TracebackType
from typing import Self

import msgspec

from tests.faults.requests.acts import Act, Moment
from tests.faults.requests.frames import ApiKey
from tests.faults.requests.outcome import Reader, differences, simulated
from tests.faults.requests.saboteur import Saboteur
from tests.faults.requests.site import Site
from tests.faults.requests.touchpoints import Feed
from tests.servers.processes import ServerError, wait_until

TRIAL_SECONDS = 60.0
"""A trial that takes longer, including recovery, is a failure."""
_DRAIN_SECONDS = 60.0
_POLL = 0.02
_LOOK_AT_READINESS = 0.25
_MOST_AT_ONCE = 12
_MOST_SKIPPED = 3
_SLOWEST = 0.3
"""The most seconds between two portions of touchpoints for a partition."""


class RequestTrial(msgspec.Struct, frozen=True):
    """The outcome of one trial."""

    number: int
    act: Act
    partition: int
    recovery: float | None
    """Seconds from the end of the act until all touchpoints sent by then were processed, and the partition was ready."""
    problems: list[str]

    @property
    def kind(self) -> str:
        return self.act.kind

    @property
    def moment(self) -> Moment:
        return self.act.moment


class _Attempt:
    """A trial in progress."""

    def __init__(self, number: int, partition: int, saboteur: Saboteur, random: Random) -> None:
        self.number = number
        self.partition = partition
        self.saboteur = saboteur
        self.random = random
        self.next_portion = 0.0
        self.end: int | None = None
        """The offset after the last touchpoint sent before the act was over."""
        self.recovery: float | None = None
        self.problems: list[str] = []

    def look(self, end: int, through: int, ready: set[int]) -> None:
        """Record its progress."""
        over_at = self.saboteur.over_at
        if over_at is None or self.recovery is not None:
            return
        if self.end is None:
            self.end = end
        if through >= self.end and self.partition in ready:
            self.recovery = time.monotonic() - over_at

    def told(self) -> RequestTrial:
        return RequestTrial(self.number, self.saboteur.act, self.partition, self.recovery, self.problems)


class Rounds(AbstractContextManager["Rounds"]):
    """Trials on a site whose workers are ready."""

    def __init__(self, site: Site, seed: int) -> None:
        self._site = site
        self._random = Random(seed)
        servers, settings = site.kafka.bootstrap_servers, site.settings
        self._feed = Feed(servers, settings)
        self._changes = Reader(servers, settings, settings.topic_stage_changes)
        self._triggers = Reader(servers, settings, settings.topic_campaign_triggers)
        self._hands = ThreadPoolExecutor(4, "fencing")
        self._round = 0
        self._tried = 0
        self.touchpoints = 0
        self.changes = 0
        self.triggers = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._hands.shutdown()
        self._changes.close()
        self._triggers.close()

    def run(self, acts: Sequence[Act], told: Callable[[RequestTrial], None]) -> None:
        """Run them all. Raises `ServerError` if what was broken does not work again."""
        partitions = self._site.settings.partitions
        for begin in range(0, len(acts), partitions):
            for trial in self._try(acts[begin : begin + partitions]):
                told(trial)

    def _try(self, acts: Sequence[Act]) -> Sequence[RequestTrial]:
        self._round += 1
        self._feed.begin(f"c{self._round}")
        settings = self._site.settings
        attempts = {}
        for partition, act in zip(self._random.sample(range(settings.partitions), len(acts)), acts, strict=True):
            self._tried += 1
            random = Random(self._random.getrandbits(64))
            # Only a takeover sends that request, and only once.
            skip = 0 if act.api == ApiKey.InitProducerId else random.randrange(_MOST_SKIPPED)
            topics = settings.topic_customer_state, settings.topic_stage_changes
            saboteur = Saboteur(act, *topics, settings.session_timeout / 1_000_000, random, skip)
            attempts[partition] = _Attempt(self._tried, partition, saboteur, Random(self._random.getrandbits(64)))
        self._sabotage(attempts)
        self._drain(attempts)
        self._compare(attempts)
        return [attempt.told() for attempt in attempts.values()]

    def _sabotage(self, attempts: Mapping[int, _Attempt]) -> None:
        """Wait until every act is over and recovered from."""
        site = self._site
        site.crossings.watchers.update({site.client_of(partition): one.saboteur for partition, one in attempts.items()})
        to_fence = [partition for partition, one in attempts.items() if one.saboteur.act.api == ApiKey.InitProducerId]
        fencing = [self._hands.submit(site.fence, partition) for partition in to_fence]
        ready: set[int] = set()
        looked = 0.0
        deadline = time.monotonic() + TRIAL_SECONDS
        while any(one.recovery is None for one in attempts.values()) and time.monotonic() < deadline:
            now = time.monotonic()
            for one in attempts.values():
                if one.recovery is None and now >= one.next_portion:
                    self._feed.send(one.partition, one.random.randint(1, _MOST_AT_ONCE))
                    one.next_portion = now + one.random.uniform(0, _SLOWEST)
            self._feed.poll()
            if now >= looked + _LOOK_AT_READINESS:
                looked, ready = now, site.ready()
            ends, through = self._feed.ends, site.through()
            for one in attempts.values():
                one.look(ends[one.partition], through[one.partition], ready)
            time.sleep(_POLL)
        site.crossings.watchers.clear()
        for one in attempts.values():
            one.problems += _what_is_missing(one)
        _check(fencing)

    def _drain(self, attempts: Mapping[int, _Attempt]) -> None:
        """Wait until all touchpoints are processed and everything works as before."""
        for partition in attempts:
            # The last transactions are undisturbed: they reveal what a late request left behind.
            self._feed.send(partition, 1)
        self._feed.flush()
        ends, every = self._feed.ends, set(range(self._site.settings.partitions))

        def is_drained() -> bool:
            through = self._site.through()
            return all(through[number] >= end for number, end in ends.items()) and self._site.ready() == every

        try:
            wait_until(is_drained, _DRAIN_SECONDS, "the processing of every touchpoint", 0.1)
            wait_until(lambda: not self._site.hanging(), _DRAIN_SECONDS, "the end of every transaction", 0.2)
        except ServerError as error:
            through, hanging = self._site.through(), self._site.hanging()
            behind = {number: end - through[number] for number, end in ends.items() if through[number] < end}
            acts = [f"{one.partition}: {one.saboteur.act.kind} {one.saboteur.act.moment}" for one in attempts.values()]
            message = f"{error}; behind: {behind}; transactions hang in {hanging}; acts: {acts}\n{self._site.last_words()}"
            raise ServerError(message) from error

    def _compare(self, attempts: Mapping[int, _Attempt]) -> None:
        site, settings = self._site, self._site.settings
        values = [value for partition in attempts for value in self._feed.sent[partition]]
        changes, triggers = self._changes.more(), self._triggers.more()
        wrong = [
            (what, differences(published, simulated(settings.journey_path, values, triggers=what == "triggers"), settings.partitions))
            for what, published in (("changes", changes), ("triggers", triggers))
        ]
        for what, by_partition in wrong:
            for partition, problems in by_partition.items():
                attempts[partition].problems += [f"{what} of {problem}" for problem in problems]
        self.touchpoints += len(values)
        self.changes += sum(len(some) for customers in changes.values() for some in customers.values())
        self.triggers += sum(len(some) for customers in triggers.values() for some in customers.values())
        problem = site.verified()
        if problem is not None:
            for one in attempts.values():
                one.problems.append(problem)


def _what_is_missing(one: _Attempt) -> list[str]:
    if one.recovery is not None:
        return []
    if one.saboteur.struck_at is None:
        return [f"no {one.saboteur.act.api.name} came by"]
    return ["not recovered" if one.saboteur.over_at is not None else "the moment never came"]


def _check(done: Sequence["Future[None]"]) -> None:
    for one in done:
        one.result()
