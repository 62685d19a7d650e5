"""The partition owner's share of a request to reclassify all customers: who is next, and when.

It scans the states in the view in portions, and picks those of an older version. Each tenure starts the scan again, because a scan
position means nothing to another Redis; customers already done cost next to nothing. Whoever comes from another partition may come
after the scan has passed, and is judged on arrival.
"""

import logging
from collections import deque
from collections.abc import Sequence

import msgspec

from etapa.contracts.stored.forwarding import is_forwarding
from etapa.contracts.stored.reclassification import ReclassifyProgress, ReclassifyRequest
from etapa.contracts.stored.state import decode_standing
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.partition import Partition
from etapa.stream.protocol.batch import Pause
from etapa.stream.protocol.ports import View
from etapa.stream.protocol.task_context import TaskContext

logger = logging.getLogger(__name__)

LOOK_EVERY = 2.0
"""Seconds between two checks for a request."""
PORTION = 500
"""Customers that are scanned, or carried over, at a time."""
NOTE_EVERY = 0.5
"""Seconds between two notes of the progress."""


class Portion(msgspec.Struct, frozen=True):
    """Customers to carry over now, as one batch."""

    request: ReclassifyRequest
    customer_ids: Sequence[str]


async def carry_over(portion: Portion, engine: Partition, around: TaskContext, pause: Pause) -> tuple[int, int, int]:
    """Carry customers, who are in memory, over to this version of the journey.

    Returns how many are of this version now, how many of them changed their stage, and how many failed. Who is gone by now is none of these.
    """
    moved = failed = 0
    here = [customer_id for customer_id in portion.customer_ids if engine.knows(customer_id)]
    for count, customer_id in enumerate(here, start=1):
        try:
            while (has_moved := engine.reclassify(customer_id, publish=portion.request.publish)) is None:
                await pause()
            moved += has_moved
        except EvaluationFailed as failure:
            failed += 1
            who = {"customer_id": customer_id}
            logger.warning("partition %d: a customer was not reclassified: %s", around.partition, failure, extra=who)
        if count % around.options.pause_every == 0:
            await pause()
    return len(here) - failed, moved, failed


class Reclassifier:
    """Times are seconds of a monotonic clock, read by the caller."""

    def __init__(self, view: View, version: int, pause: Pause) -> None:
        self._view = view
        self._version = version
        self._pause = pause
        self._look_at = 0.0
        self._asked: ReclassifyRequest | None = None
        """The last request to carry everybody over to our version, even if all who were here are done: whoever arrives is meant, too."""
        self._came: list[bool | None] = []
        """Of those who were judged on arrival since the last count: whether their stage changed; none if they could not be judged."""
        self._request: ReclassifyRequest | None = None
        self._finished: str | None = None
        self._cursor: int | None = 0
        """Where to continue the scan; none when it is finished."""
        self._waiting: deque[str] = deque()
        self._allowed_at = 0.0
        """When the requested rate allows the next customer to be carried over."""
        self._note_at = 0.0
        self._progress = ReclassifyProgress(request="", customers=0, looked_at=0, carried_over=0, moved=0, failed=0, done=False)

    def idle_for(self, now: float) -> float:
        """Seconds until there is something to do here."""
        if self._request is None:
            return max(0.0, self._look_at - now)
        return max(0.0, self._allowed_at - now) if self._waiting else 0.0

    async def next(self, now: float) -> Portion | None:
        """Customers to carry over now; none when there is no request, or it is too early. Raises `ViewError` or `StateError`."""
        await self._look(now)
        request = self._request
        if request is None:
            return None
        if not self._waiting and self._cursor is not None:
            await self._look_on(self._cursor)
        if not self._waiting:
            if self._cursor is None:
                await self._finish()
            elif now >= self._note_at:
                await self._note(now)
            return None
        if now < self._allowed_at:
            return None
        count = max(1, min(PORTION, len(self._waiting), int(request.rate)))
        # Unused time is not made up for, so the rate is never exceeded.
        self._allowed_at = now + count / request.rate
        return Portion(request, [self._waiting.popleft() for _ in range(count)])

    async def carried_over(self, now: float, count: int, moved: int, failed: int) -> None:
        """Count customers who were carried over, in a portion or on arrival. It is committed and shown by the view."""
        done = self._progress
        self._progress = msgspec.structs.replace(
            done, carried_over=done.carried_over + count, moved=done.moved + moved, failed=done.failed + failed
        )
        if done.done or now >= self._note_at:
            # Once all are done, there may be no other occasion.
            await self._note(now)

    async def judge_who_came(self, engine: Partition, customer_id: str, now: float) -> None:
        """Carry somebody over who has just arrived, in the same batch: the search may be past here, and not have begun where they were.

        Raises `ViewError`.
        """
        customer = engine.customer(customer_id)
        if customer is None or customer.version >= self._version:
            return
        await self._look(now)
        request = self._asked
        if request is None:
            return
        try:
            while (has_moved := engine.reclassify(customer_id, publish=request.publish)) is None:
                await self._pause()
            self._came.append(has_moved)
        except EvaluationFailed as failure:
            self._came.append(None)
            logger.warning(
                "a customer who came from another partition was not reclassified: %s", failure, extra={"customer_id": customer_id}
            )

    def nobody_came(self) -> None:
        """The batch in which they arrived is begun anew."""
        self._came = []

    async def count_who_came(self, now: float) -> None:
        """The batch in which they arrived is committed and shown by the view."""
        if self._came:
            came, self._came = self._came, []
            failed = came.count(None)
            self._progress = msgspec.structs.replace(self._progress, looked_at=self._progress.looked_at + len(came))
            await self.carried_over(now, len(came) - failed, came.count(True), failed)

    async def _look(self, now: float) -> None:
        """Check for a request, if it is time."""
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        request, noted = await self._view.reclassification()
        self._asked = request if request is not None and request.version == self._version else None
        if request is None or self._asked is None or request.id == self._finished:
            self._request = None
        elif noted is not None and noted.request == request.id and noted.done:
            self._request, self._finished, self._progress = None, request.id, noted
        elif self._request is None or request.id != self._request.id:
            self._begin(request, noted)
        else:
            self._request = request

    def _begin(self, request: ReclassifyRequest, noted: ReclassifyProgress | None) -> None:
        self._request = request
        self._cursor, self._allowed_at, self._note_at = 0, 0.0, 0.0
        self._waiting.clear()
        carried_over = moved = 0
        if noted is not None and noted.request == request.id:
            carried_over, moved = noted.carried_over, noted.moved
        self._progress = ReclassifyProgress(
            request=request.id, customers=0, looked_at=0, carried_over=carried_over, moved=moved, failed=0, done=False
        )

    async def _look_on(self, cursor: int) -> None:
        scanned = await self._view.scan(cursor, PORTION)
        self._cursor = scanned.cursor
        living = {customer_id: state for customer_id, state in scanned.states if not is_forwarding(state)}
        self._progress = msgspec.structs.replace(
            self._progress, customers=scanned.customers, looked_at=min(scanned.customers, self._progress.looked_at + len(living))
        )
        for customer_id, state in living.items():
            if decode_standing(state).version < self._version:
                self._waiting.append(customer_id)
        await self._pause()

    async def _finish(self) -> None:
        self._progress = msgspec.structs.replace(self._progress, looked_at=self._progress.customers, done=True)
        await self._view.note(self._progress)
        self._finished, self._request = self._progress.request, None

    async def _note(self, now: float) -> None:
        self._note_at = now + NOTE_EVERY
        await self._view.note(self._progress)
