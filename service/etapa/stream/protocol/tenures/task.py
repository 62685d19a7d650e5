"""The task of one partition: take it over, process it, and after any doubt take it over again.

It uses only the ports. The protocol and its safeguards are described in the package's docstring; the steps are in `takeover` and
`tenure`. This module holds what surrounds them: why a tenure ended, how long to wait, and when to give up.
"""

import logging

from etapa.contracts.incoming.schemas import SchemasAway
from etapa.contracts.stored.mark import Mark
from etapa.contracts.stored.state import StateError
from etapa.journey.engine.judging.program import Program
from etapa.stream.protocol.belonging import OF_ANOTHER_VERSION, AllRefused, MayPass, PartitionRefused
from etapa.stream.protocol.observer import TaskObserver
from etapa.stream.protocol.ports import (
    Blocked,
    Clock,
    Fenced,
    Log,
    LogError,
    OutcomeUnknown,
    TakeoverReason,
    Transfers,
    View,
    ViewError,
)
from etapa.stream.protocol.takeover import InDoubt, TakenOver, take_over
from etapa.stream.protocol.task_context import TaskContext
from etapa.stream.protocol.task_options import TaskOptions
from etapa.stream.protocol.tenures.gathering_tenure import GatheringTenure
from etapa.stream.protocol.tenures.linking_tenure import LinkingTenure
from etapa.stream.protocol.tenures.tenure import Tenure

__all__ = ["AllRefused", "PartitionRefused", "PartitionTask", "TaskOptions"]

logger = logging.getLogger(__name__)

NAP = 0.1
"""Seconds between checks whether we are asked to leave, while waiting to take over again."""
ATTEMPTS_TO_PASS = 5
"""How many times a problem that may go away by itself is seen before it is believed."""


class PartitionTask:
    """Owns one partition from `run()` to `request_stop()`, or until it is cancelled.

    One task may run per partition in a process. It does no harm if another process believes that it owns the partition too.
    """

    def __init__(
        self,
        partition: int,
        program: Program,
        log: Log,
        view: View,
        clock: Clock,
        observer: TaskObserver,
        options: TaskOptions,
        transfers: Transfers | None = None,
    ) -> None:
        """`transfers` is used if the log reports that there is such a topic."""
        self._around = TaskContext(partition, program, log, view, clock, observer, options, transfers)
        self._stop_requested = False
        self._ready = self._was_ready = False
        self._trouble = self._damage = ""
        self._schema_needed: int | None = None
        """The schema that the last tenure could not go on without."""
        self._tenure: Tenure | None = None
        self._done_up_to: int | None = None

    @property
    def partition(self) -> int:
        return self._around.partition

    @property
    def ready(self) -> bool:
        """Whether the partition is taken over: the view is complete and touchpoints are processed."""
        return self._ready

    @property
    def was_ready(self) -> bool:
        """Whether the partition has ever been ready."""
        return self._was_ready

    @property
    def done_up_to(self) -> int | None:
        """The offset of the first touchpoint that may still be waiting, as last known; none before the first takeover is finished."""
        return self._done_up_to if self._tenure is None else self._tenure.done_up_to

    @property
    def trouble(self) -> str:
        """Why the partition is being taken over again, in words; empty the first time, and while it is ready."""
        return self._trouble

    @property
    def damage(self) -> str:
        """What the last takeover found of half a transaction, in words; empty when it found nothing."""
        return self._damage

    def request_stop(self) -> None:
        """Finish the current batch, show it in the view, and return from `run`. Takeovers and pauses end at once."""
        self._stop_requested = True

    async def run(self) -> None:
        """Process the partition until asked to stop. Raises `PartitionRefused` when an operator has to act first.

        After errors of the ports it takes over again, with growing pauses. Any other error is a bug, and is raised.
        """
        around, options = self._around, self._around.options
        reason: TakeoverReason = "assigned"
        failures = unclear = 0
        try:
            while not self._stop_requested:
                try:
                    await self._hold(reason)
                    break
                except MayPass as refusal:
                    unclear += 1
                    if unclear == ATTEMPTS_TO_PASS:
                        raise
                    failures += 1
                    reason, cause = "log_error", str(refusal)
                except Blocked as error:
                    raise PartitionRefused(f"partition {self.partition}: {error}") from error
                except (InDoubt, LogError, ViewError, SchemasAway) as error:
                    unclear = 0
                    self._schema_needed = error.number if isinstance(error, SchemasAway) else None
                    failures = 1 if self._tenure is not None and self._tenure.sound else failures + 1
                    reason, cause = reason_of(error), str(error) or type(error).__name__
                await self._leave(reason, cause, failures, options.patient_backoff if reason == "fenced" or unclear else 0.0)
        except PartitionRefused as refusal:
            logger.error("refusing to process: %s", refusal)
            around.observer.refused(around.partition, str(refusal))
            raise
        finally:
            try:
                await around.log.close()
            finally:
                # Even if closing took too long and was cancelled: from here on another worker reports on the partition.
                around.observer.released(around.partition)

    async def _hold(self, reason: TakeoverReason) -> None:
        """Take the partition over and process it until we are asked to leave."""
        around = self._around
        self._done_up_to = self.done_up_to
        self._tenure = None
        around.observer.takeover_started(around.partition, reason)
        if self._schema_needed is not None:
            # Otherwise the partition would be ready for a moment each time.
            await around.options.decoder.learn(self._schema_needed)
            self._schema_needed = None
        started = around.clock.monotonic()
        taken = await take_over(around.log, around.view, around.observer, around.partition, around.options, self._pause, around.transfers)
        if taken is None:
            return
        self._damage = "; ".join(one.message for one in taken.damage)
        counts = await around.view.counts()
        seconds = around.clock.monotonic() - started
        logger.info(
            "partition %d: taken over (%s) in %.3f s, %d states applied; going on at offset %d",
            around.partition,
            reason,
            seconds,
            taken.customers,
            taken.next_offset,
        )
        _tell_of_another_version(around.partition, taken.mark, around.program)
        around.observer.takeover_finished(around.partition, reason, seconds, taken.customers, counts)
        self._tenure = self._begin(taken)
        self._ready = self._was_ready = True
        self._trouble = ""
        try:
            await self._tenure.process(lambda: self._stop_requested)
        except StateError as error:
            raise PartitionRefused(
                f"partition {around.partition}: Redis holds a customer that this version cannot read: {error}. {OF_ANOTHER_VERSION}"
            ) from error
        finally:
            self._ready = False

    def _begin(self, taken: TakenOver) -> Tenure:
        around = self._around
        if around.transfers is not None and taken.topics.transfers > around.partition:
            moving = None if taken.mark is None else taken.mark.moving
            # Once ids are linked here, touchpoints of them have to find their people.
            follows_links = around.options.follows_links or (moving is not None and moving.follows_links)
            return (LinkingTenure if follows_links else GatheringTenure)(around, taken, around.transfers)
        if taken.mark is not None and taken.mark.moving is not None:
            name = taken.topics.names.get("transfers", "transfers")
            raise MayPass(
                f"partition {around.partition}: customers have moved through the topic {name}, and Kafka has no such topic, or not so many"
                " partitions of it, or access control hides it from Etapa. Set its name back if it was changed (ETAPA_TOPIC_TRANSFERS)"
            )
        return Tenure(around, taken)

    async def _leave(self, reason: TakeoverReason, cause: str, failures: int, at_least: float) -> None:
        """Log why, close the producer, and wait at least `at_least` seconds before the next takeover."""
        around, options = self._around, self._around.options
        self._trouble = f"{reason}: {cause}"
        seconds = max(at_least, min(options.longest_backoff, options.first_backoff * 2.0 ** min(failures - 1, 30)))
        if reason == "fenced":
            around.observer.fenced(around.partition)
        logger.warning("partition %d: taking it over again in %.1f s (%s): %s", around.partition, seconds, reason, cause)
        await around.log.close()
        while seconds > 0 and not self._stop_requested:
            await around.clock.sleep(min(NAP, seconds))
            seconds -= NAP

    async def _pause(self) -> bool:
        await self._around.clock.sleep(0)
        return self._stop_requested


def reason_of(error: InDoubt | LogError | ViewError | SchemasAway) -> TakeoverReason:
    """Why a tenure failed, as the reason of the next takeover."""
    if isinstance(error, InDoubt):
        return error.reason
    if isinstance(error, Fenced):
        return "fenced"
    if isinstance(error, OutcomeUnknown):
        return "outcome_unknown"
    if isinstance(error, SchemasAway):
        return "schemas_away"
    return "log_error" if isinstance(error, LogError) else "view_error"


def _tell_of_another_version(partition: int, mark: Mark | None, program: Program) -> None:
    """Log it if another version of the journey processed the partition before."""
    journey = program.journey
    if mark is None or (mark.journey, mark.version) == (journey.id, journey.version):
        return
    if mark.journey != journey.id:
        logger.warning(
            "partition %d: customers were classified by the journey %s, from now on by %s: they go on from stages of the same name."
            " Another journey should have a group of its own",
            partition,
            mark.journey,
            journey.id,
        )
    elif mark.version < journey.version:
        logger.info(
            "partition %d: customers were classified by version %d of the journey, from now on by version %d: each is carried over at its"
            " next touchpoint, or all at once with `etapa reclassify`",
            partition,
            mark.version,
            journey.version,
        )
    else:
        logger.warning(
            "partition %d: customers were classified by the newer version %d of the journey, from now on by version %d: they stay where they"
            " are until something happens to them",
            partition,
            mark.version,
            journey.version,
        )
