"""A log and a view in memory, so that a partition task can be measured with no server in the way.

They do the least that the ports ask for: the log is a list that ends, the view keeps states and due times. Nothing fails in
here; how the task takes failures is the business of the tests, and of their ports.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from heapq import heappop, heappush

from etapa.contracts.stored.mark import TOPIC_ROLES
from etapa.contracts.stored.packed_texts import texts_of
from etapa.contracts.stored.reclassification import ReclassifyProgress, ReclassifyRequest
from etapa.stream.protocol.due_timers import Due, DueTimers
from etapa.stream.protocol.ports import (
    NO_PAGES,
    ApplyOutcome,
    Fetched,
    LoadedCustomers,
    RecentChanges,
    Scanned,
    Topics,
    Transaction,
    ViewMark,
)
from etapa.stream.protocol.records import Applied, Record, StateRecord
from etapa.stream.protocol.stored_customers import ShownCustomers


class ListLog:
    """Touchpoints that are all there from the beginning. `at_end` is called when more are asked for than there are."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._position = 0
        self._state_end = 0
        self.at_end: Callable[[], None] = lambda: None

    async def fence(self) -> None:
        pass

    async def state_range(self) -> tuple[int, int]:
        return 0, self._state_end

    async def states(self, start: int, end: int) -> AsyncIterator[Sequence[StateRecord]]:
        """A task that begins here finds no states: nothing was committed before it."""
        return
        yield ()

    async def touchpoint_range(self) -> tuple[int, int]:
        return 0, len(self._records)

    async def group_offset(self) -> int | None:
        return None

    async def topics(self) -> Topics:
        return Topics(1, {role: f"{role}0123456789abcdef0123"[:22] for role in TOPIC_ROLES})

    async def recent_changes(self) -> RecentChanges:
        return RecentChanges((), all=False)

    def seek(self, offset: int) -> None:
        self._position = offset

    async def fetch(self, max_records: int, max_bytes: int, wait: float) -> Fetched:
        """Up to `max_records`; made-up touchpoints are so small that `max_bytes` is never met."""
        records = list(self._records[self._position : self._position + max_records])
        self._position += len(records)
        if not records:
            self.at_end()
        return Fetched(records, len(self._records), caught_up=self._position == len(self._records))

    async def commit(self, transaction: Transaction) -> int:
        self._state_end += len(transaction.states) + len(transaction.ledger) + 1
        return self._state_end - 1

    async def close(self) -> None:
        pass


class DictView:
    """States and due times by customer id."""

    def __init__(self) -> None:
        self._mark: ViewMark | None = None
        self._states: dict[str, bytes | None] = {}
        self._due_at: dict[str, int] = {}
        self._timers: list[tuple[int, str]] = []
        """A heap. Entries of timers that were put off or dropped lie around until their time has come."""

    async def mark(self) -> ViewMark | None:
        return self._mark

    async def load(self, customer_ids: Sequence[str], due_by: int | None, due_limit: int, *, due_states: bool = True) -> LoadedCustomers:
        states = [self._states.get(customer_id) for customer_id in customer_ids]
        due = self._due(due_by, due_limit + 1, due_states=due_states) if due_by is not None else []
        return LoadedCustomers(self._mark, states, DueTimers.of(due[:due_limit], have_states=due_states), more_due=len(due) > due_limit)

    def _due(self, due_by: int, limit: int, *, due_states: bool) -> list[Due]:
        found: dict[str, Due] = {}
        timers = self._timers
        while timers and timers[0][0] <= due_by and len(found) < limit:
            at, customer_id = heappop(timers)
            state = self._states.get(customer_id)
            if self._due_at.get(customer_id) == at and state is not None:
                found[customer_id] = Due(customer_id, at, state if due_states else b"")
        for one in found.values():
            heappush(timers, (one.due, one.customer_id))
        return list(found.values())

    def _schedule(self, customer_id: str, due: int | None) -> None:
        if due is None:
            self._due_at.pop(customer_id, None)
        elif self._due_at.get(customer_id) != due:
            self._due_at[customer_id] = due
            heappush(self._timers, (due, customer_id))

    async def counts(self) -> Mapping[str, int]:
        return {}

    async def ledger(self) -> tuple[ViewMark | None, Mapping[bytes, bytes]]:
        return self._mark, {}

    async def linked(self, kept: Sequence[str]) -> tuple[ViewMark | None, Sequence[bytes | None]]:
        return self._mark, [None] * len(kept)

    async def apply(
        self, follows: int | None, mark: ViewMark, customers: Sequence[Applied], ledger: Mapping[bytes, bytes | None] = NO_PAGES
    ) -> ApplyOutcome:
        if isinstance(customers, ShownCustomers):
            for portion in customers.portions:
                self._states.update((key.decode(), state) for key, state in portion.pairs())
                timers = texts_of([portion.timers])
                for due, customer_id in zip(timers[::2], timers[1::2], strict=True):
                    self._schedule(customer_id, int(due))
                for customer_id in texts_of([portion.untimed]):
                    self._schedule(customer_id, None)
            customers = customers.others
        for one in customers:
            self._states[one.customer_id] = one.state
            self._schedule(one.customer_id, one.due)
        self._mark = mark
        return "applied"

    async def scan(self, cursor: int, count: int) -> Scanned:
        return Scanned([], None, len(self._states))

    async def reclassification(self) -> tuple[ReclassifyRequest | None, ReclassifyProgress | None]:
        return None, None

    async def note(self, progress: ReclassifyProgress) -> None:
        pass
