"""Counting while a batch is judged, by table and hour. Cheap, because it is called for every touchpoint."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from etapa.journey.ledger.stays import bucket_of
from etapa.journey.ledger.sums import TableSums
from etapa.journey.ledger.tables import GROUPS, LARGEST_VALUE, VALUE_UNITS, Counted, Figures, Key, Segment, Table
from etapa.journey.units import HOUR


@final
@mypyc_attr(acyclic=True)
class CountedHour:
    """What was counted in one hour, which is given by its first microsecond."""

    __slots__ = ("_moves", "_stays", "start", "tables")

    def __init__(self, start: int) -> None:
        self.start: Final = start
        self.tables: Final[dict[Table, TableSums]] = {}
        """What was counted, by table. Do not change it."""
        self._moves: TableSums | None = None
        self._stays: TableSums | None = None

    def of(self, table: Table) -> TableSums:
        """What was counted for a table, for counting more."""
        counted = self.tables.get(table)
        if counted is None:
            counted = self.tables[table] = TableSums(table)
        return counted

    def moves(self) -> TableSums:
        """The same as for any table, at a fifth of the cost."""
        counted = self._moves
        if counted is None:
            counted = self._moves = self.of("moves")
        return counted

    def stays(self) -> TableSums:
        """Likewise."""
        counted = self._stays
        if counted is None:
            counted = self._stays = self.of("stays")
        return counted


@final
class BatchTally:
    """Grows with the number of different keys in each hour. Times are microseconds since 1970; persona none: none fits."""

    __slots__ = ("_ends", "_here", "_hours", "_starts", "_touch")

    def __init__(self) -> None:
        self._hours: Final[dict[int, CountedHour]] = {}
        """By the first microsecond of each."""
        self._here = _NO_HOUR
        """The hour of what was counted last, which is usually that of the next, too; nothing is counted in `_NO_HOUR`."""
        self._starts = 0
        self._ends = 0
        self._touch = _NO_HOUR.of("touchpoints").touch
        """Counts a touchpoint in that hour."""

    def touched(self, at: int, persona: str | None, stage: str, touchpoint_type: str, channel: str | None) -> None:
        """Count an applied touchpoint in the stage to which it belongs."""
        self.touched_in(at, Segment(persona, stage), touchpoint_type, channel)

    def touched_in(self, at: int, segment: Segment, touchpoint_type: str, channel: str | None) -> None:
        """The same by persona and stage in one."""
        if not self._starts <= at < self._ends:
            self._turn_to(at)
        self._touch(segment, touchpoint_type, channel)

    def felt(self, at: int, persona: str | None, stage: str, value: int) -> None:
        """Count what a customer said about its feeling, in `FEELING_UNITS`."""
        self._add("feeling", at, (persona, stage), (1, value, value * value))

    def moved(
        self,
        at: int,
        persona: str | None,
        source: str | None,
        to: str,
        cause: str,
        stay: int | None,
        rule: str | None = None,
        *,
        first: bool = False,
    ) -> None:
        """Count a published stage change.

        `stay`: the time spent in `source`, in microseconds; both none for a new customer. `first`: the customer was never in `to` before.
        """
        if not self._starts <= at < self._ends:
            self._turn_to(at)
        here = self._here
        if stay is None:
            here.moves().moved(persona, source, to, cause, rule, 0, int(first))
        else:
            here.moves().moved(persona, source, to, cause, rule, stay, int(first))
            here.stays().stayed(persona, source, to, bucket_of(stay))

    def counted(self, at: int, counts: Sequence[Counted]) -> None:
        """Count what a stage change, or the end of a customer, means for the ideal way."""
        for table, key, figures in counts:
            self._add(table, at, key, figures)

    def offered(self, at: int, persona: str | None, campaign: str, outcome: str) -> None:
        """Count a stage change that was offered to a campaign, or a held trigger that was checked again."""
        self._add("campaigns", at, (persona, campaign, outcome), _ONE)

    def enrolled(self, at: int, persona: str | None, campaign: str, *, holdout: bool) -> None:
        """A campaign that has a goal triggered for a customer for the first time."""
        self._add("goals", at, (persona, campaign, GROUPS[holdout]), (1, 0, 0, 0, 0))

    def ended(self, at: int, persona: str | None, campaign: str, *, holdout: bool, met: bool, value: float | None) -> None:
        """The goal of a customer's first trigger was met or missed. `value`: a finite number; none counts as nothing."""
        units = 0
        if value is not None:
            units = round(max(-LARGEST_VALUE, min(LARGEST_VALUE, value)) * VALUE_UNITS)
        self._add("goals", at, (persona, campaign, GROUPS[holdout]), (0, 1, int(met), units, units * units))

    def hours(self) -> Iterable[CountedHour]:
        """What was counted so far, hour by hour."""
        return self._hours.values()

    def goals(self) -> Iterator[Mapping[Key, Figures]]:
        """Of `hours`, what was counted of goals."""
        for hour in self._hours.values():
            counted = hour.tables.get("goals")
            if counted is not None:
                yield counted.cells()

    def clear(self) -> None:
        """Reset all counts."""
        self._hours.clear()
        self._here, self._starts, self._ends = _NO_HOUR, 0, 0

    def _turn_to(self, at: int) -> None:
        """Go on counting in the hour of `at`."""
        # Plain integers beyond 2**30 would be multiplied as objects.
        instant: i64 = at
        start: int = instant - instant % HOUR
        self._starts, self._ends = start, start + HOUR
        here = self._hours.get(start)
        if here is None:
            here = self._hours[start] = CountedHour(start)
        self._here, self._touch = here, here.of("touchpoints").touch

    def _add(self, table: Table, at: int, key: Key, figures: tuple[int, ...]) -> None:
        if not self._starts <= at < self._ends:
            self._turn_to(at)
        self._here.of(table).add(key, figures)


_NO_HOUR: Final = CountedHour(0)
_ONE: Final = (1,)
