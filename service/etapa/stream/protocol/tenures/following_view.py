"""The view while it follows the log: it may be one committed batch behind, and never anywhere else."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from etapa.stream.protocol.due_timers import NOTHING_DUE
from etapa.stream.protocol.ledger_keeper import LedgerPages
from etapa.stream.protocol.ports import LoadedCustomers, ViewMark
from etapa.stream.protocol.records import Applied
from etapa.stream.protocol.takeover import InDoubt
from etapa.stream.protocol.task_context import TaskContext

_WHY = "it lost writes, a rebuild was asked for, or something else writes to it"


class _InFlight(msgspec.Struct, frozen=True):
    """A committed batch that the view may or may not show yet."""

    state_offset: int
    apply: asyncio.Task[None]


class FollowingView:
    """The view of one partition during one tenure. What it shows counts only if it is where the log says that it may be."""

    def __init__(self, around: TaskContext, applied: int | None) -> None:
        """`applied`: the offset of the mark that the takeover left in the view; none: there is no mark."""
        self._around = around
        self._applied = applied
        self._in_flight: _InFlight | None = None
        self._due_were_missing = True
        """Whether, when timers were last found due, some of their customers were not in memory. In the beginning, nobody is."""

    async def ledger(self) -> Mapping[bytes, bytes]:
        """The pages of the ledger. Raises `InDoubt`."""
        mark, pages = await self._around.view.ledger()
        # Without a mark, whatever is there is not ours.
        return pages if self._is_ours(mark) else {}

    async def linked(self, kept: str) -> bytes | None:
        """The entry of the person with several ids who is kept under this one. Raises `InDoubt`."""
        mark, [entry] = await self._around.view.linked([kept])
        return entry if self._is_ours(mark) else None

    async def have_several(self, customer_ids: Sequence[str]) -> set[str]:
        """Those under whose ids people with several ids are kept. Raises `InDoubt`."""
        if not customer_ids:
            return set()
        mark, entries = await self._around.view.linked(customer_ids)
        found = zip(customer_ids, entries, strict=True) if self._is_ours(mark) else ()
        return {customer_id for customer_id, entry in found if entry is not None}

    async def load(self, customer_ids: Sequence[str], due_by: int | None, missing: Callable[[Iterable[str]], list[str]]) -> LoadedCustomers:
        """The states of these customers, and the timers that are due by `due_by`. Raises `InDoubt`.

        `missing` says who is not in memory. States that come with due timers are empty if all these customers are in memory, or named.
        """
        due_states = self._due_were_missing
        loaded = await self._load(customer_ids, due_by, due_states=due_states)
        if not loaded.due:
            return loaded
        unknown = missing(loaded.due.customer_ids)
        self._due_were_missing = not set(customer_ids).issuperset(unknown)
        if self._due_were_missing and not due_states:
            # All of it once more, since timers and states must be of one moment.
            return await self._load(customer_ids, due_by, due_states=True)
        return loaded

    async def _load(self, customer_ids: Sequence[str], due_by: int | None, *, due_states: bool) -> LoadedCustomers:
        loaded = await self._around.view.load(customer_ids, due_by, self._around.options.max_timers, due_states=due_states)
        if not self._is_ours(loaded.mark):
            # Whatever is there is not ours; the first apply removes it.
            return LoadedCustomers(None, [None] * len(customer_ids), NOTHING_DUE, more_due=False)
        return loaded

    def _is_ours(self, mark: ViewMark | None) -> bool:
        """Whether there is a mark; raises `InDoubt` if it is not where we left it."""
        expected = (self._applied,) if self._in_flight is None else (self._applied, self._in_flight.state_offset)
        shown = None if mark is None else mark.state_offset
        if shown not in expected:
            found = "has no mark" if shown is None else f"is at {shown}"
            raise InDoubt("wrong_mark", f"the view {found}, expected {' or '.join(map(str, expected))}: {_WHY}")
        return shown is not None

    def apply(self, mark: ViewMark, customers: Sequence[Applied], pages: LedgerPages, committed: float) -> None:
        """Begin to show a committed batch, which is in flight until `settle`. `committed`: when it was, on the monotonic clock."""
        task = asyncio.create_task(self._apply(self._applied, mark, customers, pages, committed))
        self._in_flight = _InFlight(mark.state_offset, task)

    async def settle(self) -> None:
        """Wait until the view shows every committed batch. Raises what the apply raised."""
        if self._in_flight is not None:
            await self._in_flight.apply
            self._applied = self._in_flight.state_offset
            self._in_flight = None

    def cancel(self) -> None:
        """Stop showing the batch in flight."""
        if self._in_flight is not None:
            self._in_flight.apply.cancel()

    async def end(self) -> None:
        """Wait until nothing of ours runs any more, whatever becomes of it."""
        if self._in_flight is not None:
            await asyncio.gather(self._in_flight.apply, return_exceptions=True)

    async def _apply(self, follows: int | None, mark: ViewMark, customers: Sequence[Applied], pages: LedgerPages, committed: float) -> None:
        around = self._around
        started = around.clock.monotonic()
        if await around.view.apply(follows, mark, customers, pages) == "refused":
            raise InDoubt("refused", f"the view is no longer at {follows}, so {mark.state_offset} cannot follow: {_WHY}")
        now = around.clock.monotonic()
        around.observer.view_applied(around.partition, now - committed, now - started)
