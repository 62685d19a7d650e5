"""Checks `stage-changes`: each customer's sequence must have no gaps or repeats, and end where the customer's state says.

A customer who moved has changes in several partitions. What this one holds of each is collected; `change_chains` puts it together.

A change and the resulting state are in one transaction. So changes published up to some offset must be in states read after that,
and what the states say must have been published. The transaction may become visible in the two topics a moment apart, so a mismatch
is checked again before it is reported.
"""

import asyncio
from collections.abc import Callable

import msgspec

from etapa.contracts.outgoing.customer_moved import is_customer_moved
from etapa.contracts.stored.forwarding import sequence_of
from etapa.contracts.stored.ledger_page import DENIED_PREFIX, LEDGER_PREFIX
from etapa.contracts.stored.mark import is_customer_key
from etapa.journey.engine.deny_list import DenyKey
from etapa.stream.protocol.belonging import MayPass
from etapa.stream.protocol.ports import States
from etapa.stream.protocol.records import Record
from etapa.stream.protocol.takeover import last_mark
from etapa.stream.upkeep.change_chains import ChangeFault, Changes, FaultKind, Stretch, Stretches, change_id_of

_DENIED = LEDGER_PREFIX + DENIED_PREFIX
PAUSE_SECONDS = 0.25
LOOKS = 20
"""How many times a mismatch is checked, with pauses, before it is reported."""
_BITS = 32
_NUMBER = (1 << _BITS) - 1


class Walked(msgspec.Struct, frozen=True):
    """The result for a partition. `complete` is false if its beginning was lost to retention or with a replaced topic."""

    partition: int
    changes: int
    customers: int
    faults: int
    complete: bool
    stretches: Stretches = {}
    """Those of customers who came from another partition or went to one, or seem to have; see `change_chains`."""


class ChangeWalk:
    """One walk through one partition.

    It keeps two numbers per customer in memory: the last published sequence, and that of the state. `report` receives every
    fault once it is certain, `progress` the share of the partition that has been read, from 0 to 1.
    """

    def __init__(
        self,
        partition: int,
        changes: Changes,
        states: States,
        report: Callable[[ChangeFault], None],
        progress: Callable[[float], None],
        *,
        compacted: bool = False,
        deny_key: DenyKey | None = None,
    ) -> None:
        """`compacted`: `stage-changes` keeps only the last change of each customer, so gaps are normal.

        `deny_key` recognises customers who were forgotten: they have changes and no state, and those who return begin anew.
        """
        self._deny_key = deny_key
        self._denied: set[bytes] = set()
        self._erased: set[bytes] = set()
        self._anew: dict[bytes, tuple[int, int]] = {}
        """Customers whose changes begin anew: at which offset, and after which sequence."""
        self._partition = partition
        self._source = changes
        self._states = states
        self._report = report
        self._progress = progress
        self._compacted = compacted
        self._movers: dict[bytes, list[Stretch]] = {}
        self._away: set[bytes] = set()
        """Customers who have left: their changes may go on with any number if they come back."""
        self._numbers: dict[bytes, int] = {}
        """For each customer the last published sequence, and in the bits above it that of the state."""
        self._complete = False
        self._faults = self._count = 0

    async def run(self) -> Walked:
        """Walk. Raises `LogError`, and `StateError` or `MarkError` for unreadable records."""
        first, reached = await self._source.changes_range()
        self._complete = first == 0 and not self._compacted and not await self._was_replaced()
        await self._read_changes(first, reached, first)
        states_read = await self._read_states()
        await self._settle(reached, states_read)
        return Walked(self._partition, self._count, len(self._numbers), self._faults, self._complete, self._movers)

    async def _was_replaced(self) -> bool:
        try:
            mark = await last_mark(self._states, *await self._states.state_range())
        except MayPass:
            # There is no mark, which is not for this check to report.
            return False
        return mark is not None and "stage-changes" in mark.mark.replaced

    async def _read_changes(self, start: int, end: int, first: int) -> None:
        async for records in self._source.changes(start, end):
            for record in records:
                self._take_change(record)
            self._progress((records[-1].offset + 1 - first) / max(1, end - first))

    def _take_change(self, record: Record) -> None:
        key = record.key or b""
        if is_customer_moved(record.headers):
            self._away.add(key)
            self._stretches_of(key)
            return
        self._count += 1
        customer, number = change_id_of(record)
        if not number.isdigit() or customer != key:
            self._tell("foreign_record", key, record.offset, None, None)
            return
        sequence = int(number)
        numbers = self._numbers.get(key, 0)
        before = numbers & _NUMBER
        if before or self._complete:
            if sequence > before and (key in self._away or (sequence > 1 and not before)):
                # Its changes before are in other partitions.
                self._away.discard(key)
                self._stretches_of(key).append(Stretch(sequence, sequence, self._partition, record.offset))
            elif sequence == 1 < before:
                self._anew[key] = record.offset, before
                self._movers.pop(key, None)
            elif sequence <= before:
                self._tell("change_repeated", key, record.offset, sequence, before + 1)
                return
            elif sequence > before + 1 and not self._compacted:
                self._tell("changes_missing", key, record.offset, sequence, before + 1)
        self._numbers[key] = (numbers & ~_NUMBER) | min(sequence, _NUMBER)
        stretches = self._movers.get(key)
        if stretches:
            stretches[-1] = stretches[-1]._replace(last=sequence)

    def _stretches_of(self, key: bytes) -> list[Stretch]:
        """Those of a customer who moves, begun with what was read before."""
        before = self._numbers.get(key, 0) & _NUMBER
        return self._movers.setdefault(key, [Stretch(1, before, self._partition, None)] if before else [])

    async def _read_states(self) -> int:
        start, end = await self._states.state_range()
        async for records in self._states.states(start, end):
            for record in records:
                if is_customer_key(record.key):
                    self._take_state(record.key, record.value)
                elif record.key.startswith(_DENIED):
                    self._take_denial(record.key, record.value)
        return end

    def _take_state(self, key: bytes, value: bytes | None) -> None:
        last = self._numbers.get(key, 0) & _NUMBER
        if value is None:
            # Erased on purpose, with everything known about the customer.
            self._erased.add(key)
            self._numbers[key] = last | last << _BITS
        else:
            self._numbers[key] = last | min(sequence_of(value), _NUMBER) << _BITS

    def _take_denial(self, key: bytes, value: bytes | None) -> None:
        digest = key[len(_DENIED) :]
        (self._denied.discard if value is None else self._denied.add)(digest)

    def _is_forgotten(self, key: bytes) -> bool:
        if self._deny_key is None or not self._denied:
            return False
        return self._deny_key.digest(key.decode("utf-8", "surrogateescape")).hex().encode() in self._denied

    async def _settle(self, changes_read: int, states_read: int) -> None:
        """Check customers whose changes and state disagree again, until they agree or the fault is certain."""
        for key, (offset, before) in self._anew.items():
            if not self._is_forgotten(key) and key not in self._erased:
                self._tell("change_repeated", key, offset, 1, before + 1)
                numbers = self._numbers[key]
                self._numbers[key] = (numbers & ~_NUMBER) | max(before, numbers & _NUMBER)
        ahead = {key: sequence for key, sequence in self._ahead().items() if not self._is_forgotten(key)}
        behind = self._behind()
        for key in [key for key in behind if key in self._movers or not self._numbers[key] & _NUMBER]:
            # They may have come from elsewhere, with changes published there.
            self._stretches_of(key).append(Stretch(behind[key] + 1, behind[key], self._partition, None))
            del behind[key]
        for looks_left in reversed(range(LOOKS)):
            if ahead:
                states_read = await self._look_for_states(ahead, states_read)
            if behind:
                changes_read = await self._look_for_changes(behind, changes_read)
            if not ahead and not behind:
                return
            if looks_left:
                await asyncio.sleep(PAUSE_SECONDS)
        for key, sequence in ahead.items():
            self._tell("change_without_state", key, None, sequence, self._numbers[key] >> _BITS)
        for key, sequence in behind.items():
            self._tell("changes_lost", key, None, self._numbers[key] & _NUMBER, sequence)

    async def _look_for_states(self, ahead: dict[bytes, int], start: int) -> int:
        """Read on, and drop customers whose state has arrived. Returns how far it has read."""
        end = (await self._states.state_range())[1]
        if end <= start:
            return start
        async for records in self._states.states(start, end):
            for record in records:
                if record.key in ahead and (record.value is None or sequence_of(record.value) >= ahead[record.key]):
                    del ahead[record.key]
        return end

    async def _look_for_changes(self, behind: dict[bytes, int], start: int) -> int:
        """Read on, and drop customers whose changes have arrived. Returns how far it has read."""
        end = (await self._source.changes_range())[1]
        if end <= start:
            return start
        async for changes in self._source.changes(start, end):
            for change in changes:
                key = change.key or b""
                if key in behind:
                    self._take_change(change)
                    if self._numbers[key] & _NUMBER >= behind[key]:
                        del behind[key]
        return end

    def _ahead(self) -> dict[bytes, int]:
        """Customers whose changes are ahead of their state, with the sequence that the state should have."""
        return {key: numbers & _NUMBER for key, numbers in self._numbers.items() if numbers & _NUMBER > numbers >> _BITS}

    def _behind(self) -> dict[bytes, int]:
        """Customers whose state is ahead of their changes, with the sequence that should have been published."""
        return {
            key: numbers >> _BITS
            for key, numbers in self._numbers.items()
            # If none of a customer's changes is left, retention may have removed them all.
            if numbers & _NUMBER < numbers >> _BITS and (numbers & _NUMBER or self._complete)
        }

    def _tell(self, kind: FaultKind, key: bytes, offset: int | None, found: int | None, expected: int | None) -> None:
        self._faults += 1
        self._report(ChangeFault(self._partition, kind, key.decode(errors="backslashreplace"), offset, found, expected))


def fault_in_words(fault: ChangeFault) -> str:
    """One line for people."""
    who, at, found, expected = fault.customer_id, fault.offset, fault.found or 0, fault.expected or 0
    match fault.kind:
        case "changes_missing":
            missing = f"{found - expected} changes are" if found - expected > 1 else "a change is"
            return f"{who} has sequence {found} at offset {at} of stage-changes after {expected - 1}: {missing} missing"
        case "change_repeated":
            return f"{who} has sequence {found} at offset {at} of stage-changes, which was published before"
        case "change_without_state":
            state = f"the state is at {expected}" if expected else "there is no state"
            return f"{who} has changes up to sequence {found} in stage-changes, but {state}"
        case "changes_lost":
            published = f"changes in stage-changes end at {found}" if found else "there is no change in stage-changes"
            return f"{who} is at sequence {expected} by the state, but {published}"
        case "foreign_record":
            return (
                f"the record at offset {at} of stage-changes (key {who!r}) is not a stage change for its key: something else writes there"
            )
