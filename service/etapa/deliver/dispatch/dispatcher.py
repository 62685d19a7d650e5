"""The dispatcher: it passes each trigger to the queue of its target, and marks it as finished once it is delivered or a dead letter."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from etapa.contracts.outgoing.campaign_trigger import decode_campaign_trigger
from etapa.contracts.outgoing.campaign_trigger_message import CampaignTriggerMessage
from etapa.contracts.outgoing.undelivered import Undelivered
from etapa.contracts.rfc3339 import microseconds_of
from etapa.deliver.attempts.breaker import State
from etapa.deliver.delivery_file.plan import Plan
from etapa.deliver.dispatch.pending_trigger import PendingTrigger
from etapa.deliver.dispatch.target_queue import TargetQueue
from etapa.deliver.offsets.progress import Admission, Kept, PartitionProgress, Skipped

DEAD_LETTERS = ""
"""The lane of records that become dead letters without a request. No target has this id."""

MOST_WAITING = 1_000
"""Records of a partition that Faust may hold before handing them over; at this number fetching pauses."""

WRITE_SECONDS = 5.0
"""How long dead letters may take that are being written when their partition is handed back."""

NotSent = Literal["holdout", "skipped"]

logger = logging.getLogger(__name__)


class TriggerRecord(msgspec.Struct, frozen=True):
    """A record of `campaign-triggers`; `timestamp` in microseconds since 1970."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class DeliveryObserver(Protocol):
    """Counts and measures deliveries. Methods are quick and do not raise."""

    def delivered(self, target: str, pending: PendingTrigger) -> None:
        """A trigger was delivered."""

    def retried(self, target: str, pending: PendingTrigger) -> None:
        """A request failed, and there will be another."""

    def dead_lettered(self, pending: PendingTrigger, why: Undelivered) -> None:
        """A trigger became a dead letter."""

    def not_sent(self, campaign: str, why: NotSent) -> None:
        """A trigger has no receiver."""

    def answered(self, target: str, seconds: float) -> None:
        """A request ended after this many seconds."""

    def breaker(self, target: str, state: State) -> None:
        """A breaker changed."""

    def gone(self, partition: int, count: int) -> None:
        """This many offsets were removed from the log before they were read."""


class Sorted(msgspec.Struct, frozen=True):
    """Where a record belongs: to a lane, or to none because nobody is to receive it."""

    lane: str | None
    campaign: str = ""
    trigger_id: str = ""
    at: int | None = None
    """The trigger's."""
    why: Undelivered | None = None
    """Why the record is in the lane of dead letters, if it is."""
    not_sent: NotSent | None = None


def sort_record(plan: Plan, value: bytes | None) -> Sorted:
    """Where a record with this value belongs."""
    try:
        trigger = decode_campaign_trigger(value or b"")
    except msgspec.DecodeError as error:
        return Sorted(DEAD_LETTERS, why=Undelivered("not_a_trigger", str(error)))
    return _sort_trigger(plan, trigger)


def _sort_trigger(plan: Plan, trigger: CampaignTriggerMessage) -> Sorted:
    if trigger.holdout:
        return Sorted(None, trigger.campaign, trigger.id, not_sent="holdout")
    route = plan.route(trigger.campaign)
    if route is None:
        why = Undelivered("no_target", f"the delivery file names no target for campaign {trigger.campaign!r}, and no default")
        return Sorted(DEAD_LETTERS, trigger.campaign, trigger.id, why=why)
    if route.target is None:
        return Sorted(None, trigger.campaign, trigger.id, not_sent="skipped")
    return Sorted(route.target, trigger.campaign, trigger.id, microseconds_of(trigger.at))


class Dispatcher:
    """There is one for all partitions of this process. Its queues report the outcome of each trigger to it."""

    def __init__(
        self,
        plan: Plan,
        window: int,
        write_dead_letter: Callable[[PendingTrigger, Undelivered], Awaitable[None]],
        observer: DeliveryObserver,
    ) -> None:
        """`window` is how many deliveries of a target are held for each partition."""
        self._plan = plan
        self.routing = plan.routing
        """Identifies which campaign goes to which target."""
        self._window = window
        self._write_dead_letter = write_dead_letter
        self._observer = observer
        self._queues: Mapping[str, TargetQueue] = {}
        self._writing: dict[asyncio.Task[None], PendingTrigger] = {}
        self._kept: dict[int, Kept] = {}
        self.progress: dict[int, PartitionProgress] = {}
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Holds an error when work must not go on; a restart may help."""

    def use_queues(self, queues: Mapping[str, TargetQueue]) -> None:
        """Pass deliveries to these queues from now on, by target."""
        self._queues = queues

    def assigned(self, partition: int, begin: int, before: Kept | None, *, everywhere: bool, topic_id: str | None = None) -> None:
        """A partition is ours, and is read from `begin`. `before` is its stored progress; `everywhere`: all places that store it agree.

        `topic_id` is the id of its topic.
        """
        if partition in self.progress:
            # What is under way in it would be forgotten, and a commit could skip it.
            self.fail(
                RuntimeError(f"partition {partition} was assigned twice without a revocation between; it is read again after a restart")
            )
            return
        if before is not None and everywhere:
            self._kept[partition] = before
        self.progress[partition] = PartitionProgress(self._window, begin, before.through if before is not None else None, topic_id)

    def fetched(self, partition: int, offsets: Iterable[int]) -> None:
        """Records were fetched: from now on none of them can get lost unnoticed."""
        if partition in self.progress:
            self.progress[partition].fetched(offsets)

    def has_room(self, partition: int) -> bool:
        """Whether more may be fetched. Slow targets do not matter here: their lanes fall behind instead."""
        progress = self.progress.get(partition)
        return progress is not None and progress.waiting < MOST_WAITING and bool(progress.room(DEAD_LETTERS))

    def take(self, record: TriggerRecord) -> None:
        """The agent handed over a record."""
        progress = self.progress.get(record.partition)
        try:
            if progress is None or not progress.take(record.offset):
                return
        except Skipped as error:
            self.fail(RuntimeError(f"partition {record.partition}: {error}; nothing is lost, it is read again after a restart"))
            return
        found = sort_record(self._plan, record.value)
        if found.lane is None:
            if found.not_sent is not None and not progress.was_through(DEAD_LETTERS, record.offset):
                self._observer.not_sent(found.campaign, found.not_sent)
        elif progress.admit(found.lane, record.offset) == "open":
            self._begin(progress, record, found)

    def look(self, lane: str, record: TriggerRecord) -> Admission:
        """A record was read for a lane that is behind."""
        progress = self.progress.get(record.partition)
        if progress is None:
            return "through"
        found = sort_record(self._plan, record.value)
        admission = progress.look(lane, record.offset, mine=found.lane == lane)
        if admission == "open":
            self._begin(progress, record, found)
        return admission

    def _begin(self, progress: PartitionProgress, record: TriggerRecord, found: Sorted) -> None:
        pending = PendingTrigger(
            progress=progress,
            lane=found.lane or DEAD_LETTERS,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            value=record.value,
            headers=record.headers,
            published_at=record.timestamp,
            trigger_id=found.trigger_id,
            campaign=found.campaign,
            at=found.at,
        )
        if found.why is not None:
            self.undeliverable("", pending, found.why)
        else:
            self._queues[pending.lane].put(pending)

    def fail(self, error: Exception) -> None:
        """Work here must not go on."""
        if not self.failed.done():
            self.failed.set_exception(error)

    # Reports of the queues.

    def delivered(self, target: str, pending: PendingTrigger) -> None:
        """The trigger is finished."""
        self._observer.delivered(target, pending)
        pending.progress.settle(pending.lane, pending.offset)

    def retried(self, target: str, pending: PendingTrigger) -> None:
        """The trigger will be tried again."""
        self._observer.retried(target, pending)

    def undeliverable(self, target: str, pending: PendingTrigger, why: Undelivered) -> None:
        """The trigger is finished when its dead letter is written."""
        logger.warning(
            "trigger at %d/%d becomes a dead letter (%s%s): %s",
            pending.partition,
            pending.offset,
            why.reason,
            f", target {target}" if target else "",
            why.detail,
        )
        task = asyncio.ensure_future(self._write_dead_letter(pending, why))
        self._writing[task] = pending

        def written(done: asyncio.Task[None]) -> None:
            del self._writing[done]
            if done.cancelled():
                return
            error = done.exception()
            if isinstance(error, Exception):
                self.fail(error)
                return
            self._observer.dead_lettered(pending, why)
            pending.progress.settle(pending.lane, pending.offset)

        task.add_done_callback(written)

    def answered(self, target: str, seconds: float) -> None:
        """A request ended."""
        self._observer.answered(target, seconds)

    def breaker(self, target: str, state: State) -> None:
        """A breaker changed."""
        self._observer.breaker(target, state)

    # Storing progress.

    def to_keep(self, progress: Mapping[int, PartitionProgress] | None = None) -> dict[int, Kept]:
        """The progress to store, by partition, without what is stored already."""
        points = {}
        for partition, each in (self.progress if progress is None else progress).items():
            point = each.kept()
            if self._kept.get(partition) != point:
                points[partition] = point
        return points

    def kept(self, points: Mapping[int, Kept]) -> None:
        """This progress is stored. Partitions handed back meanwhile belong to another process now."""
        self._kept.update({partition: point for partition, point in points.items() if partition in self.progress})

    async def hand_back(self, partitions: set[int], seconds: float) -> dict[int, PartitionProgress]:
        """Take nothing more from these partitions. What is under way has `seconds` to end; the rest is left to the next owner.

        Returns their progress, which is to be stored.
        """
        leaving = {number: self.progress.pop(number) for number in partitions if number in self.progress}
        requests = {task for queue in self._queues.values() for task in queue.drop(partitions)}
        if requests:
            await asyncio.wait(requests, timeout=seconds)
        for queue in self._queues.values():
            queue.abandon(partitions)
        # Queues report outcomes in callbacks, which run in the loop's next turn.
        await asyncio.sleep(0)
        writing = {task for task, pending in self._writing.items() if pending.partition in partitions}
        if writing:
            _, late = await asyncio.wait(writing, timeout=min(seconds, WRITE_SECONDS))
            for task in late:
                task.cancel()
            await asyncio.sleep(0)
        for number in leaving:
            self._kept.pop(number, None)
        return leaving
