"""Counting while a batch is judged, by table and hour. Cheap, because it is called for every touchpoint."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, final

from mypy_extensions import i64

from etapa.journey.ledger.sums import TableSums
from etapa.journey.ledger.tables import GROUPS, LARGEST_VALUE, VALUE_UNITS, CampaignGroup, Counted, Key, Segment, Table
from etapa.journey.units import HOUR


@final
class BatchTally:
    """Grows with the number of different keys in each hour. Times are microseconds since 1970; persona none: none fits."""

    __slots__ = (
        "_campaigns",
        "_customers",
        "_ends",
        "_feelings",
        "_hour",
        "_hours",
        "_latest",
        "_latest_table",
        "_moves",
        "_starts",
        "_stays",
        "_tables",
        "_touch",
        "_touchpoints",
        "_ways",
    )

    def __init__(self) -> None:
        self._customers: Final[dict[CampaignGroup, int]] = {}
        self._hours: Final[dict[int, None]] = {}
        self._starts: i64 = 0
        self._ends: i64 = 0
        """The hour of what was counted last, which is usually that of the next, too; at first none."""
        self._hour = 0
        """The same in hours since 1970."""
        self._tables: Final[dict[Table, TableSums]] = {}
        self._latest_table: Table = "stays"
        self._latest = self._tables[self._latest_table] = TableSums("stays", in_parts=True)
        self._touchpoints = self._of("touchpoints")
        self._moves = self._of("moves")
        self._stays = self._of("stays")
        self._ways = self._of("ways")
        self._campaigns, self._feelings = self._of("campaigns"), self._of("feeling")
        self._touch = self._touchpoints.touch

    def touched(self, at: int, persona: str | None, stage: str, touchpoint_type: str, channel: str | None) -> None:
        """Count an applied touchpoint in the stage to which it belongs."""
        self.touched_in(at, Segment(persona, stage), touchpoint_type, channel)

    def touched_in(self, at: int, segment: Segment, touchpoint_type: str, channel: str | None) -> None:
        """The same by persona and stage in one."""
        instant: i64 = at
        if instant < self._starts or instant >= self._ends:
            self._turn_to(at)
        try:
            self._touch(segment, touchpoint_type, channel)
        except OverflowError:
            self._touchpoints.add((*segment, touchpoint_type, channel), _ONE)
            self._touch = self._touchpoints.touch

    def felt(self, at: int, persona: str | None, stage: str, value: int) -> None:
        """Count what a customer said about its feeling, in `FEELING_UNITS`."""
        self._turned(self._feelings, at).add((persona, stage), (1, value, value * value))

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
        counts: tuple[Counted, ...] = (),
    ) -> None:
        """Count a published stage change.

        `stay`: the time spent in `source`, in microseconds; both none for a new customer. `first`: the customer was never in `to` before.
        `counts`: what it means for the ideal way.
        """
        moves, stays, ways = self._turned(self._moves, at), self._stays, self._ways
        if stays.part != moves.part:
            stays.turn(moves.part)
        if ways.part != moves.part:
            ways.turn(moves.part)
        if not moves.moved(stays, persona, source, to, cause, rule, stay, int(first), ways, counts):
            for table, key, figures in counts:
                self._add(table, at, key, figures)

    def counted(self, at: int, counts: Sequence[Counted]) -> None:
        """Count what the end of a customer means for the ideal way."""
        for table, key, figures in counts:
            self._add(table, at, key, figures)

    def offered(self, at: int, persona: str | None, campaign: str, outcome: str) -> None:
        """Count a stage change that was offered to a campaign, or a held trigger that was checked again."""
        self._turned(self._campaigns, at).offered(persona, campaign, outcome)

    def enrolled(self, at: int, persona: str | None, campaign: str, *, holdout: bool) -> None:
        """A campaign that has a goal triggered for a customer for the first time."""
        group = GROUPS[holdout]
        self._customers[campaign, group] = self._customers.get((campaign, group), 0) + 1
        self._add("goals", at, (persona, campaign, group), (1, 0, 0, 0, 0))

    def ended(self, at: int, persona: str | None, campaign: str, *, holdout: bool, met: bool, value: float | None) -> None:
        """The goal of a customer's first trigger was met or missed. `value`: a finite number; none counts as nothing."""
        units = 0
        if value is not None:
            units = round(max(-LARGEST_VALUE, min(LARGEST_VALUE, value)) * VALUE_UNITS)
        self._add("goals", at, (persona, campaign, GROUPS[holdout]), (0, 1, int(met), units, units * units))

    def hours(self) -> Iterable[int]:
        """Those in which something was counted, in hours since 1970."""
        return self._hours

    def tables(self) -> Iterable[TableSums]:
        """What was counted so far, with hours since 1970 as its parts. Do not change it."""
        return [counted for counted in self._tables.values() if counted.has_any()]

    def customers(self) -> Mapping[CampaignGroup, int]:
        """How many customers were enrolled."""
        return self._customers

    def clear(self) -> None:
        """Reset all counts."""
        self._customers.clear()
        self._hours.clear()
        self._starts, self._ends = 0, 0
        self._tables.clear()
        self._latest = self._tables["stays"] = TableSums("stays", in_parts=True)
        self._latest_table = "stays"
        self._touchpoints, self._moves, self._stays = self._of("touchpoints"), self._of("moves"), self._of("stays")
        self._ways = self._of("ways")
        self._campaigns, self._feelings = self._of("campaigns"), self._of("feeling")
        self._touch = self._touchpoints.touch

    def _of(self, table: Table) -> TableSums:
        # Looking it up takes as long as counting.
        if table is self._latest_table:
            return self._latest
        counted = self._tables.get(table)
        if counted is None:
            counted = self._tables[table] = TableSums(table, in_parts=True)
        self._latest_table, self._latest = table, counted
        return counted

    def _turn_to(self, at: int) -> None:
        """Go on counting in the hour of `at`."""
        # Plain integers beyond 2**30 would be divided as objects.
        instant: i64 = at
        hour: i64 = instant // HOUR
        self._starts, self._ends = hour * HOUR, hour * HOUR + HOUR
        self._hour = hour
        self._hours[self._hour] = None
        self._touchpoints.turn(self._hour)

    def _turned(self, counted: TableSums, at: int) -> TableSums:
        """The same sums, which now count in the hour of `at`."""
        instant: i64 = at
        if instant < self._starts or instant >= self._ends:
            self._turn_to(at)
        if counted.part != self._hour:
            counted.turn(self._hour)
        return counted

    def _add(self, table: Table, at: int, key: Key, figures: tuple[int, ...]) -> None:
        self._turned(self._of(table), at).add(key, figures)


_ONE: Final = (1,)
