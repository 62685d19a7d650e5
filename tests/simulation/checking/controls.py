"""The safeguards of the protocol, and ways to switch each off. With any of them off, the checker must find something.

Three belong to the servers and are switched off there (`MemoryBroker.fencing` and `tells_hanging`, `MemoryRedis.chained`). The others
belong to the task, or to the worker that supervises the tasks; the classes here replace the parts that provide them.
Those of our transactional producer are in `cluster/controls.py`.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Literal, cast, get_args

import msgspec

from etapa.contracts.stored.in_common import NOTHING_IN_COMMON, InCommon
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.deny_list import DenyList
from etapa.journey.engine.facts.course import UNKNOWN
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.partition import Partition
from etapa.stream.protocol.belonging import PartitionRefused
from etapa.stream.protocol.observer import TaskObserver
from etapa.stream.protocol.ports import NO_PAGES, ApplyOutcome, LoadedCustomers, TakeoverReason, Topics, Transaction, ViewMark
from etapa.stream.protocol.records import Applied
from etapa.stream.protocol.stream_time import QuietPace
from etapa.stream.protocol.takeover import TakenOver
from etapa.stream.protocol.tenures.partition_tasks import REFUSED_PAUSE, PartitionTasks
from etapa.stream.protocol.tenures.task import PartitionTask
from etapa.stream.protocol.tenures.tenure import Tenure
from tests.simulation.checking.linking_controls import LINKED_LAYOUT_SAFEGUARDS, LINKING_SAFEGUARDS, LinkedLayoutSafeguard, LinkingSafeguard
from tests.simulation.checking.moving_controls import MOVING_LOGS, MOVING_SAFEGUARDS, MovingSafeguard, moving_task
from tests.simulation.cluster.controls import PRODUCER_SAFEGUARDS, ProducerSafeguard
from tests.simulation.machines.memory_log import MemoryLog, no_answer
from tests.simulation.machines.memory_view import MemoryView

ForgettingSafeguard = Literal["deny_list"]
"""Keeps forgotten customers from coming back; only `ForgettingWorld` has any."""
ProtocolSafeguard = Literal[
    "kafka_fence",
    "settled",
    "chain",
    "load_mark",
    "retake",
    "stream_time",
    "dead_letters",
    "outcomes",
    "ledger_within",
    "ledger_anew",
    "way_kept",
    "visits_kept",
]
"""Those of one partition, in every kind of world."""
SupervisionSafeguard = Literal["stops", "awaits", "cancels", "closes", "releases", "looks_again"]
"""Those of a worker whose group assigns and revokes its partitions; only worlds with groups have such workers."""
TopicSafeguard = Literal["marked_topics", "watched_topics"]
"""Those of a partition one of whose topics is deleted and recreated; this happens only in `RecreatedWorld`."""
ReadingSafeguard = Literal["unpacks_within", "keeps_beginnings"]
"""Those of the log that reads maliciously compressed batches; only `HostileWorld` has any."""
Safeguard = (
    ProtocolSafeguard
    | ForgettingSafeguard
    | SupervisionSafeguard
    | TopicSafeguard
    | ReadingSafeguard
    | ProducerSafeguard
    | MovingSafeguard
    | LinkingSafeguard
    | LinkedLayoutSafeguard
)
PROTOCOL_SAFEGUARDS: Final[tuple[ProtocolSafeguard, ...]] = get_args(ProtocolSafeguard)
FORGETTING_SAFEGUARDS: Final[tuple[ForgettingSafeguard, ...]] = get_args(ForgettingSafeguard)
SUPERVISION_SAFEGUARDS: Final[tuple[SupervisionSafeguard, ...]] = get_args(SupervisionSafeguard)
TOPIC_SAFEGUARDS: Final[tuple[TopicSafeguard, ...]] = get_args(TopicSafeguard)
READING_SAFEGUARDS: Final[tuple[ReadingSafeguard, ...]] = get_args(ReadingSafeguard)
SAFEGUARDS: Final[tuple[Safeguard, ...]] = (
    *PROTOCOL_SAFEGUARDS,
    *FORGETTING_SAFEGUARDS,
    *SUPERVISION_SAFEGUARDS,
    *TOPIC_SAFEGUARDS,
    *READING_SAFEGUARDS,
    *PRODUCER_SAFEGUARDS,
    *MOVING_SAFEGUARDS,
    *LINKING_SAFEGUARDS,
    *LINKED_LAYOUT_SAFEGUARDS,
)


class TrustingView(MemoryView):
    """Without checking the mark at every load: anything loaded counts as what was expected."""

    _expected: ViewMark | None = None

    async def mark(self) -> ViewMark | None:
        self._expected = await super().mark()
        return self._expected

    async def load(self, customer_ids: Sequence[str], due_by: int | None, due_limit: int, *, due_states: bool = True) -> LoadedCustomers:
        loaded = await super().load(customer_ids, due_by, due_limit, due_states=due_states)
        return msgspec.structs.replace(loaded, mark=self._expected)

    async def ledger(self) -> tuple[ViewMark | None, Mapping[bytes, bytes]]:
        _, pages = await super().ledger()
        return self._expected, pages

    async def apply(
        self, follows: int | None, mark: ViewMark, customers: Sequence[Applied], ledger: Mapping[bytes, bytes | None] = NO_PAGES
    ) -> ApplyOutcome:
        outcome = await super().apply(follows, mark, customers, ledger)
        if outcome != "refused":
            self._expected = mark
        return outcome


class _ForgetfulView(MemoryView):
    def _forget(self, customer: Customer) -> None:
        """Forget something of a loaded customer."""

    async def load(self, customer_ids: Sequence[str], due_by: int | None, due_limit: int, *, due_states: bool = True) -> LoadedCustomers:
        loaded = await super().load(customer_ids, due_by, due_limit, due_states=due_states)
        common = NOTHING_IN_COMMON if loaded.mark is None else loaded.mark.in_common()
        return msgspec.structs.replace(loaded, states=[None if each is None else self._without(each, common) for each in loaded.states])

    def _without(self, state: bytes, common: InCommon) -> bytes:
        customer = decode_state(state, "", common)
        self._forget(customer)
        return encode_state(customer, common)


class StrayingView(_ForgetfulView):
    """Without keeping in the state whether a customer is on the ideal way."""

    def _forget(self, customer: Customer) -> None:
        customer.way = UNKNOWN


class NewcomersView(_ForgetfulView):
    """Without keeping in the state where a customer has been."""

    def _forget(self, customer: Customer) -> None:
        customer.visited = 0


class ApartLog(MemoryLog):
    """Without dead letters in the transaction: they are published separately, before it is committed."""

    async def commit(self, transaction: Transaction) -> int:
        letters = transaction.dead_letters
        if letters:
            await self._process.call("publish", lambda: self._broker.dead_letters.extend(letters), no_answer)
        return await super().commit(msgspec.structs.replace(transaction, dead_letters=()))


class LedgerlessLog(MemoryLog):
    """Without the ledger in the transaction: only the view receives it."""

    async def commit(self, transaction: Transaction) -> int:
        return await super().commit(msgspec.structs.replace(transaction, ledger=()))


class OutcomesApartLog(MemoryLog):
    """Without outcomes of goals in the transaction: they are published separately, before it is committed."""

    async def commit(self, transaction: Transaction) -> int:
        outcomes = transaction.campaign_outcomes
        if outcomes:
            await self._process.call("publish", lambda: self._broker.outcomes.extend(outcomes), no_answer)
        return await super().commit(msgspec.structs.replace(transaction, campaign_outcomes=()))


class NamelessLog(MemoryLog):
    """Without topic ids in marks: a takeover has nothing to compare the present topics with."""

    async def topics(self) -> Topics:
        return msgspec.structs.replace(await super().topics(), ids={})


class UnwatchedLog(MemoryLog):
    """Without checking the topics while the partition is processed."""

    def _what_changed(self, topics: Topics) -> str:
        return ""


class LeavingTask(PartitionTask):
    """Without taking over again: after any doubt the partition is left to another worker, which never comes."""

    async def _leave(self, reason: TakeoverReason, cause: str, failures: int, at_least: float) -> None:
        await self._around.log.close()
        self.request_stop()


class HastyTask(PartitionTask):
    """Without stream time for timers: when nothing waits to be read, they fire by the wall clock."""

    def _begin(self, taken: TakenOver) -> Tenure:
        tenure = super()._begin(taken)
        tenure._inflow.pace = WallClock(self._around.options.quiet_after, self._around.clock.monotonic())
        return tenure


class ReadmittingTask(PartitionTask):
    """Without the deny list: a forgotten customer's next touchpoint, however late, makes a new customer."""

    def _begin(self, taken: TakenOver) -> Tenure:
        return ReadmittingTenure(self._around, taken)


class ReadmittingTenure(Tenure):
    """Denies nobody."""

    def _new_engine(self) -> Partition:
        key, options = self._around.options.forget_key, self._around.options
        denied = None if key is None else OpenDenyList(key, self._committed.denied)
        return Partition(self._around.program, self._committed.stream_time, options.pause_every, denied)


class OpenDenyList(DenyList):
    """Knows whom it denies, and lets everybody in."""

    def denies(self, customer_id: str, stream_time: int) -> bool:
        return False


class WallClock(QuietPace):
    """Time passes as it does for everybody."""

    def position(self, stream_time: int | None, wall: int, monotonic: float) -> int | None:
        return None if stream_time is None else max(stream_time, wall)


class RememberingTask(PartitionTask):
    """Without reading the ledger anew: after a takeover, a process goes on with the pages that it had in memory."""

    _last: Tenure | None = None

    def _begin(self, taken: TakenOver) -> Tenure:
        tenure = super()._begin(taken)
        last, self._last = self._last, tenure
        if last is not None:
            ledger = last._ledger

            async def keep() -> None:
                tenure._ledger = ledger

            tenure._open_ledger = keep  # type: ignore[method-assign]
        return tenure


class MuteTask(PartitionTask):
    """Without announcing that the partition is released when the task is cancelled."""

    async def run(self) -> None:
        told = self._around.observer
        self._around = msgspec.structs.replace(self._around, observer=cast("TaskObserver", _ReleasesAreNotTold(told)))
        with suppress(PartitionRefused):
            await super().run()
        told.released(self.partition)


class _ReleasesAreNotTold:
    def __init__(self, observer: TaskObserver) -> None:
        self._observer = observer

    def released(self, partition: int) -> None:
        """Announce nothing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._observer, name)


class _Forgetful(PartitionTasks):
    def _forget(self) -> None:
        self._tasks.clear()
        self._logs.clear()
        self._runners.clear()


class UnstoppedTasks(_Forgetful):
    """Without stopping: the tasks of revoked partitions go on."""

    async def stop(self, seconds: float) -> None:
        self._forget()


class HastilyStoppedTasks(_Forgetful):
    """Without awaiting the end of the tasks: they are only asked to stop."""

    async def stop(self, seconds: float) -> None:
        for task in self._tasks.values():
            task.request_stop()
        self._forget()


class PatientTasks(_Forgetful):
    """Without cancelling tasks that take too long: they may finish whenever they do."""

    async def stop(self, seconds: float) -> None:
        for task in self._tasks.values():
            task.request_stop()
        if self._runners:
            await asyncio.wait(set(self._runners.values()), timeout=seconds)
        self._forget()


class ReopenedTasks(PartitionTasks):
    """Without closing for good: a worker that is leaving still begins partitions that the group assigns to it."""

    async def close(self, seconds: float) -> None:
        await self.stop(seconds)


class ResignedTasks(PartitionTasks):
    """Without checking a refused partition again."""

    async def _pause(self, seconds: float) -> None:
        await super()._pause(math.inf if seconds == REFUSED_PAUSE else seconds)


SUPERVISIONS: Final[Mapping[Safeguard, type[PartitionTasks]]] = {
    "stops": UnstoppedTasks,
    "awaits": HastilyStoppedTasks,
    "cancels": PatientTasks,
    "closes": ReopenedTasks,
    "looks_again": ResignedTasks,
}


_LOGS: Final[Mapping[str, type[MemoryLog]]] = {
    "dead_letters": ApartLog,
    "ledger_within": LedgerlessLog,
    "outcomes": OutcomesApartLog,
    "marked_topics": NamelessLog,
    "watched_topics": UnwatchedLog,
    **MOVING_LOGS,
}


def kind_of_task(off: frozenset[Safeguard]) -> type[PartitionTask]:
    """The task with these safeguards off."""
    moving = moving_task(off)
    if moving is not None:
        return moving
    if "retake" in off:
        return LeavingTask
    if "releases" in off:
        return MuteTask
    if "ledger_anew" in off:
        return RememberingTask
    if "deny_list" in off:
        return ReadmittingTask
    return HastyTask if "stream_time" in off else PartitionTask


def kind_of_view(off: frozenset[Safeguard]) -> type[MemoryView]:
    """The view with these safeguards off."""
    if "way_kept" in off:
        return StrayingView
    if "visits_kept" in off:
        return NewcomersView
    return TrustingView if "load_mark" in off else MemoryView


def kind_of_log(off: frozenset[Safeguard]) -> type[MemoryLog]:
    """The log with these safeguards off."""
    return next((kind for safeguard, kind in _LOGS.items() if safeguard in off), MemoryLog)


def kind_of_supervision(off: frozenset[Safeguard]) -> type[PartitionTasks]:
    """The worker's supervision with these safeguards off."""
    return next((kind for safeguard, kind in SUPERVISIONS.items() if safeguard in off), PartitionTasks)
