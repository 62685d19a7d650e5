"""Compares the view with the log, customer by customer, while a worker runs.

Each portion of customers is read from the view in one call together with the view's mark. Then `customer-state` is read up to
exactly that mark, and must agree with the view: the same states byte for byte, the stages and timers that follow from them,
and no customer more or less. So nothing has to stop, and timing does not matter, with one exception: compaction may have
removed the record that was valid at the mark, because a later one replaced it. A difference therefore counts only if the
topic, read to its end, has no later record of the customer; otherwise the customer is checked again.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import islice
from typing import Literal, Protocol

import msgspec

from etapa.contracts.stored.forwarding import NO_STAGE, standing_of
from etapa.contracts.stored.ledger_page import LEDGER_PREFIX
from etapa.errors import EtapaError
from etapa.stream.protocol.belonging import other_topics, recreated
from etapa.stream.protocol.ports import LogError, States, Topics, ViewMark
from etapa.stream.protocol.readers import Inspected, Shown
from etapa.stream.upkeep.digests import digest_of
from etapa.stream.upkeep.linked_comparison import Which, differing
from etapa.stream.upkeep.state_fold import StateFold, was_processed

NO_TOPICS = Topics(0)
PORTION = 1_000
ROUNDS = 5
"""How many times to check a customer that differs each time but always has a newer record."""

DifferenceKind = Literal["missing", "extra", "state", "stage", "timer", "count", "ledger", "mark", "topic"]


class Difference(msgspec.Struct, frozen=True):
    """A difference between the view and the log."""

    partition: int
    kind: DifferenceKind
    customer_id: str | None = None
    stage: str | None = None
    """The stage whose count differs."""
    log: str | int | None = None
    view: str | int | float | None = None
    page: str | msgspec.UnsetType = msgspec.UNSET
    """The page of the ledger that differs, such as `moves 2026-11-21T10`. Left out for other kinds of differences."""


class Verified(msgspec.Struct, frozen=True):
    """The result for a partition. `through` is the last `customer-state` offset that was compared."""

    partition: int
    customers: int
    through: int | None
    behind: int
    """How many records of the log were not in the view yet at the end."""
    differences: int
    undecided: int
    """Customers that could not be compared, because the log had replaced what the view showed at each check."""


class Inspection(Protocol):
    """A partition's keys, as `redis_inspection.RedisInspection` reads them. Methods raise `ViewError`."""

    async def inspect(self, customer_ids: Sequence[bytes]) -> Inspected:
        """Customers, counts and the mark, all read at one moment."""

    async def ledger(self) -> tuple[ViewMark | None, Mapping[bytes, bytes]]:
        """The pages of the ledger by name, and the mark at that same moment."""

    def linked(self) -> AsyncIterator[Mapping[bytes, bytes]]:
        """The people with several ids by the name of their entry, in portions, perhaps with repeats."""

    def customer_ids(self) -> AsyncIterator[Sequence[bytes]]:
        """Every id in any of the keys, in portions."""


class NotShown(EtapaError):
    """The partition cannot be compared: the view is incomplete, or does not belong to this log. `difference` says why."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.view)
        self.difference = difference


class WentBack(EtapaError):
    """The view's mark went back: Redis lost writes, or the partition is being rebuilt. The comparison must start again."""


class Verification:
    """One comparison of one partition. `report` receives every difference once it is certain, `progress` the customers compared so far."""

    def __init__(
        self,
        partition: int,
        group: str,
        states: States,
        inspection: Inspection,
        report: Callable[[Difference], None],
        progress: Callable[[int], None],
        topics: Topics = NO_TOPICS,
    ) -> None:
        self._partition = partition
        self._topics = topics
        self._group = group
        self._states = states
        self._inspection = inspection
        self._report = report
        self._progress = progress
        self._fold = StateFold(states)
        self._compared = self._differences = self._undecided = 0
        self._told: set[Difference] = set()

    async def run(self) -> Verified:
        """Compare. Raises `NotShown`, `WentBack`, `LogError`, `ViewError`, and `StateError` or `MarkError` for unreadable records."""
        found = await self._inspection.inspect(())
        if found.mark is None and not await was_processed(self._states):
            return self._verified(None, 0)
        await self._read_through_mark(found.mark)
        self._compare_mark(found.mark)
        customers = list(self._fold.customers)
        self._fold.newcomers.clear()
        await self._compare_all(customers)
        await self._compare_extra()
        await self._compare_counts()
        await self._compare_ledger()
        await self._compare_linked()
        # Customers that appeared during the comparison. With a busy worker there are always more, so this is done only once.
        await self._compare_all(list(dict.fromkeys(self._fold.newcomers)))
        return self._verified(self._fold.through, await self._fold.count_after(self._fold.through))

    def _verified(self, through: int | None, behind: int) -> Verified:
        return Verified(self._partition, self._compared, through, behind, self._differences, self._undecided)

    def _compare_mark(self, shown: ViewMark | None) -> None:
        mark = self._fold.mark
        if mark is not None and (others := other_topics(mark.topics, self._topics)):
            self._tell(Difference(self._partition, "topic", log=recreated(others, mark.topics, self._topics)))
        if shown is None or mark is None or self._fold.mark_offset != shown.state_offset:
            return
        for what, log, view in (("through", mark.through, shown.through), ("stream time", mark.stream_time, shown.stream_time)):
            if log != view:
                self._tell(Difference(self._partition, "mark", log=f"{what} {log}", view=f"{what} {view}"))

    async def _compare_all(self, customer_ids: Sequence[bytes]) -> None:
        for portion in _portions(customer_ids):
            await self._compare(portion)
            self._compared += sum(self._fold.stage(one) != NO_STAGE for one in portion)
            self._progress(self._compared)

    async def _compare_extra(self) -> None:
        """Compare customers that only the view knows."""
        async for ids in self._inspection.customer_ids():
            for portion in _portions([one for one in dict.fromkeys(ids) if one not in self._fold.customers]):
                await self._compare(portion)

    async def _compare(self, customer_ids: Sequence[bytes]) -> None:
        """Compare some customers, and report differences that are certain."""
        doubtful = list(customer_ids)
        for _ in range(ROUNDS):
            found = await self._inspection.inspect(doubtful)
            await self._read_through_mark(found.mark)
            differences = {one.customer_id: what for one in found.customers if (what := self._difference(one)) is not None}
            if not differences:
                return
            replaced = await self._fold.changed_after(self._fold.through, differences)
            for customer_id, difference in differences.items():
                if customer_id not in replaced:
                    self._tell(difference)
            doubtful = [one for one in doubtful if one in replaced]
            if not doubtful:
                return
        self._undecided += len(doubtful)

    async def _compare_counts(self) -> None:
        differences: list[Difference] = []
        for _ in range(ROUNDS):
            found = await self._inspection.inspect(())
            before = self._fold.through
            await self._read_through_mark(found.mark)
            expected = self._fold.counts()
            differences = [
                Difference(self._partition, "count", stage=stage, log=expected.get(stage, 0), view=found.counts.get(stage, 0))
                for stage in sorted({*expected, *found.counts})
                if expected.get(stage, 0) != found.counts.get(stage, 0)
            ]
            # Only newly read records can make up for what compaction removed. If there are none, nothing changes.
            if not differences or self._fold.through == before:
                break
        if not self._undecided:
            for difference in differences:
                self._tell(difference)

    async def _compare_ledger(self) -> None:
        shown: dict[bytes, bytes] = {}
        for _ in range(ROUNDS):
            mark, pages = await self._inspection.ledger()
            before = self._fold.through
            await self._read_through_mark(mark)
            shown = {name: digest_of(page) for name, page in pages.items()}
            if not self._differing(shown) or self._fold.through == before:
                break
        found = {name: Which(name in self._fold.ledger, name in shown) for name in self._differing(shown)}
        await self._tell_pages(found, self._fold.through)

    async def _compare_linked(self) -> None:
        """Compare the people with several ids, a part of them at a time if they are too many."""
        number = 0
        while number < self._fold.linked.parts:
            await self._read_through_mark((await self._inspection.inspect(())).mark)
            through = self._fold.through
            part = await self._fold.linked_part(number) if number else self._fold.linked
            async for found in differing(part, self._inspection.linked()):
                # What was shown a moment ago may be newer, but then the log has it by the mark of now.
                await self._read_through_mark((await self._inspection.inspect(())).mark)
                await self._tell_pages(found, through)
            number += 1

    async def _tell_pages(self, found: Mapping[bytes, Which], through: int) -> None:
        """Report those pages that the log has not replaced since."""
        names = {LEDGER_PREFIX + name: name for name in found}
        replaced = await self._fold.changed_after(through, names)
        for key, name in names.items():
            if key not in replaced:
                log, view = ("has" if has else None for has in found[name])
                self._tell(Difference(self._partition, "ledger", page=_text(name), log=log, view=view))

    def _differing(self, shown: Mapping[bytes, bytes]) -> list[bytes]:
        expected = self._fold.ledger
        return [name for name in sorted({*expected, *shown}) if expected.get(name) != shown.get(name)]

    async def _read_through_mark(self, mark: ViewMark | None) -> None:
        """Read the log up to the view's mark, or raise why that is impossible."""
        if mark is None:
            raise self._not_shown(f"has no mark: it was lost, or is about to be rebuilt; the log goes up to offset {await self._end() - 1}")
        if mark.group != self._group:
            raise self._not_shown(f"belongs to group {mark.group}")
        if not mark.complete:
            raise self._not_shown(f"is being rebuilt: at offset {mark.state_offset} of {await self._end() - 1}")
        if mark.state_offset < self._fold.through:
            raise WentBack
        if mark.state_offset > self._fold.through:
            if mark.state_offset >= await self._end():
                await self._wait_for(mark)
            await self._fold.read_through(mark.state_offset)

    async def _end(self) -> int:
        return (await self._states.state_range())[1]

    async def _wait_for(self, mark: ViewMark) -> None:
        """Wait until readers see the mark: what the view shows is committed, but may become visible a moment later."""
        try:
            async for _ in self._states.states(mark.state_offset, mark.state_offset + 1):
                return
        except LogError:
            end = await self._end()
            if mark.state_offset >= end:
                raise self._not_shown(f"is at offset {mark.state_offset}, but the log ends before {end}: it is another one") from None
            raise

    def _not_shown(self, what: str) -> NotShown:
        return NotShown(Difference(self._partition, "mark", view=what))

    def _difference(self, shown: Shown) -> Difference | None:
        expected = self._fold.digest(shown.customer_id)
        stage = None if shown.stage is None else _text(shown.stage)
        if expected is None:
            if shown.stage is None and shown.state is None and shown.due is None:
                return None
            return self._of(shown, "extra", None, stage)
        if shown.state is None:
            return self._of(shown, "missing", self._fold.stage(shown.customer_id), stage)
        if digest_of(shown.state) != expected:
            return self._of(shown, "state", self._fold.stage(shown.customer_id), stage)
        # The bytes are the same as in the log, so the view should show what follows from them.
        customer = standing_of(shown.state)
        if stage != customer.stage:
            return self._of(shown, "stage", customer.stage, stage)
        if shown.due != (None if customer.due is None else float(customer.due)):
            return self._of(shown, "timer", customer.due, shown.due)
        return None

    def _of(self, shown: Shown, kind: DifferenceKind, log: str | int | None, view: str | float | None) -> Difference:
        return Difference(self._partition, kind, _text(shown.customer_id), log=log, view=view)

    def _tell(self, difference: Difference) -> None:
        # An id may occur in several keys, and several times in a scan of each.
        if difference not in self._told:
            self._told.add(difference)
            self._differences += 1
            self._report(difference)


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace")


def _portions(customer_ids: Sequence[bytes]) -> list[list[bytes]]:
    rest = iter(customer_ids)
    return list(iter(lambda: list(islice(rest, PORTION)), []))
