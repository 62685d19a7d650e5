"""The queue of one target: it holds the triggers, makes attempts within the target's limits, and retries failures until each is finished.

No target waits for another, so a slow one delays only itself.
"""

import asyncio
import heapq
import itertools
import logging
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from etapa.contracts.outgoing.undelivered import Undelivered, UndeliveredReason
from etapa.deliver.attempts.backoff import next_attempt
from etapa.deliver.attempts.breaker import Breaker, State
from etapa.deliver.attempts.target_answers import Answer, verdict_of, wait_asked_for
from etapa.deliver.delivery_file.plan import Target
from etapa.deliver.dispatch.pending_trigger import PendingTrigger
from etapa.journey.duration import format_duration
from etapa.journey.units import SECOND

logger = logging.getLogger(__name__)

Attempt = Callable[[PendingTrigger], Awaitable[Answer]]


class Timer(Protocol):
    """The clocks of a queue."""

    def now(self) -> int:
        """Microseconds since 1970."""

    def monotonic(self) -> float:
        """Seconds that only ever go forward."""


class Outcomes(Protocol):
    """Receives the outcomes of deliveries. Methods are quick and do not raise."""

    def delivered(self, target: str, pending: PendingTrigger) -> None:
        """The trigger is finished."""

    def retried(self, target: str, pending: PendingTrigger) -> None:
        """A request failed, and there will be another."""

    def undeliverable(self, target: str, pending: PendingTrigger, why: Undelivered) -> None:
        """The trigger must become a dead letter; then it is finished."""

    def answered(self, target: str, seconds: float) -> None:
        """A request ended after this many seconds."""

    def breaker(self, target: str, state: State) -> None:
        """The breaker changed."""


class TargetQueue:
    """Delivers to one target from start to stop."""

    def __init__(self, target: Target, attempt: Attempt, outcomes: Outcomes, clock: Timer, chance: Callable[[], float]) -> None:
        """`chance` returns random numbers from 0 (inclusive) to 1 (exclusive)."""
        self.target = target
        self._attempt = attempt
        self._outcomes = outcomes
        self._clock = clock
        self._chance = chance
        self._ready: deque[PendingTrigger] = deque()
        self._later: list[tuple[int, int, PendingTrigger]] = []
        self._order = itertools.count()
        self._running: dict[asyncio.Task[Answer], PendingTrigger] = {}
        self._breaker = Breaker(target.breaker)
        self._paused_until = 0
        self._news = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Start. The task ends with `stop`, or with an error if there is a bug."""
        self._work = asyncio.create_task(self._deliver(), name=f"etapa queue of {self.target.id}")
        return self._work

    def put(self, pending: PendingTrigger) -> None:
        """Deliver this as soon as possible."""
        self._ready.append(pending)
        self._news.set()

    @property
    def state(self) -> State:
        """The state of the breaker."""
        return self._breaker.state

    def drop(self, partitions: set[int] | None = None) -> list[asyncio.Task[Answer]]:
        """Forget what is waiting, in these partitions or in all. Returns the requests under way, whose answers still count."""

        def goes(pending: PendingTrigger) -> bool:
            return partitions is None or pending.partition in partitions

        self._ready = deque(each for each in self._ready if not goes(each))
        self._later = [entry for entry in self._later if not goes(entry[2])]
        heapq.heapify(self._later)
        leaving = [(task, pending) for task, pending in self._running.items() if goes(pending)]
        for _, pending in leaving:
            pending.dropped = True
        return [task for task, _ in leaving]

    def abandon(self, partitions: set[int] | None = None) -> None:
        """Give up the requests in progress, in these partitions or in all; their answers are ignored."""
        for task, pending in list(self._running.items()):
            if partitions is None or pending.partition in partitions:
                task.cancel()

    async def stop(self) -> None:
        """End at once, and cancel everything under way."""
        self.drop()
        self.abandon()
        if self._running:
            await asyncio.wait(set(self._running))
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait({self._work})

    async def _deliver(self) -> None:
        while True:
            self._news.clear()
            now = self._now()
            while self._later and self._later[0][0] <= now:
                self._ready.append(heapq.heappop(self._later)[2])
            while self._ready:
                if self._is_too_old(self._ready[0]):
                    self._give_up_old(self._ready.popleft())
                elif self._may_begin(now):
                    self._begin(self._ready.popleft(), now)
                else:
                    break
            await self._until(self._next_time(now), now)

    def _is_too_old(self, pending: PendingTrigger) -> bool:
        return pending.at is not None and self._clock.now() - pending.at > self.target.max_age

    def _give_up_old(self, pending: PendingTrigger) -> None:
        if not pending.dropped:
            pending.troubles.append(f"the trigger's `at` is longer ago than the target's max_age, {format_duration(self.target.max_age)}")
            self._give_up(pending, "too_old")

    def _may_begin(self, now: int) -> bool:
        return len(self._running) < self.target.parallel and now >= self._paused_until and self._breaker.lets_pass(now)

    def _next_time(self, now: int) -> int | None:
        """The next time at which something may change without an event."""
        times = [self._later[0][0]] if self._later else []
        if self._ready and len(self._running) < self.target.parallel:
            if now < self._paused_until:
                times.append(self._paused_until)
            elif self._breaker.state == "open":
                times.append(self._breaker.until)
        return min(times, default=None)

    async def _until(self, at: int | None, now: int) -> None:
        try:
            async with asyncio.timeout(None if at is None else max(0, at - now) / SECOND):
                await self._news.wait()
        except TimeoutError:
            pass

    def _begin(self, pending: PendingTrigger, now: int) -> None:
        self._replace_breaker(self._breaker.begun())
        pending.requests += 1
        if pending.requests == 1:
            pending.first_at = now
        task = asyncio.ensure_future(self._timed(pending))
        self._running[task] = pending
        task.add_done_callback(self._ended)

    async def _timed(self, pending: PendingTrigger) -> Answer:
        began = self._clock.monotonic()
        try:
            return await self._attempt(pending)
        finally:
            self._outcomes.answered(self.target.id, self._clock.monotonic() - began)

    def _ended(self, task: "asyncio.Task[Answer]") -> None:
        pending = self._running.pop(task)
        self._news.set()
        if task.cancelled():
            self._replace_breaker(self._breaker.abandoned(self._now()))
            return
        error = task.exception()
        if error is not None:
            # The error is ours, not the target's. It counts as a failure, or the trigger would be stuck for ever. The log shows where it
            # came from, without its message, which may contain the target's address.
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("a bug in Etapa: a delivery to %s failed (%s)\n%s", self.target.id, type(error).__name__, where)
        answer = task.result() if error is None else Answer(None, f"an error in Etapa ({type(error).__name__})")
        self._judge(pending, answer)

    def _judge(self, pending: PendingTrigger, answer: Answer) -> None:
        now = self._now()
        verdict = verdict_of(answer)
        # A target that asks us to slow down is healthy.
        well = verdict != "failed" or answer.status == 429
        self._replace_breaker(self._breaker.succeeded() if well else self._breaker.failed(now))
        if verdict == "delivered":
            self._outcomes.delivered(self.target.id, pending)
            return
        if pending.dropped:
            return
        pending.failed(answer.told)
        if verdict == "refused":
            self._give_up(pending, "refused")
            return
        asked = wait_asked_for(answer.retry_after, self._clock.now())
        if asked is not None:
            # The target asks for no requests at all, so this holds for every trigger.
            self._paused_until = max(self._paused_until, now + min(asked, self.target.retry.longest_pause))
        at = next_attempt(self.target.retry, pending.requests, pending.first_at, now, asked, self._chance())
        if at is None:
            self._give_up(pending, "gave_up")
            return
        self._outcomes.retried(self.target.id, pending)
        heapq.heappush(self._later, (at, next(self._order), pending))

    def _give_up(self, pending: PendingTrigger, reason: UndeliveredReason) -> None:
        why = Undelivered(reason, pending.history, self.target.id, pending.requests)
        self._outcomes.undeliverable(self.target.id, pending, why)

    def _replace_breaker(self, breaker: Breaker) -> None:
        before, self._breaker = self._breaker.state, breaker
        if breaker.state != before:
            self._outcomes.breaker(self.target.id, breaker.state)
            if breaker.state == "open":
                logger.warning("target %s failed %d times in a row and is left alone for a while", self.target.id, breaker.failures)
            elif breaker.state == "closed":
                logger.info("target %s answers again", self.target.id)

    def _now(self) -> int:
        return int(self._clock.monotonic() * SECOND)
