"""Counting while a batch is judged, by table and hour. Cheap, because it is called for every touchpoint."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from etapa.journey.ledger.cells import Cell, KnownCells, MoveCell
from etapa.journey.ledger.counted import CountedSegments
from etapa.journey.ledger.stays import bucket_of
from etapa.journey.ledger.tables import GROUPS, LARGEST_VALUE, VALUE_UNITS, Counted, Figures, Key, Table
from etapa.journey.units import HOUR

Cells = dict[Key, Figures]


@final
@mypyc_attr(acyclic=True)
class CountedCells:
    """Cells of a table, and their figures cell by cell. A cell may be there several times."""

    __slots__ = ("cells", "figures")

    def __init__(self, cells: list[Cell], figures: list[int]) -> None:
        """The lists are kept, not copied."""
        self.cells: Final = cells
        self.figures: Final = figures


_NO_CELLS: Final = CountedCells([], [])


@final
@mypyc_attr(acyclic=True)
class CountedHour:
    """What was counted in one hour, which is given by its first microsecond. Do not change it."""

    __slots__ = ("moves", "others", "start", "stays", "touchpoints")

    def __init__(self, start: int) -> None:
        self.start: Final = start
        self.touchpoints = _NO_CELLS
        self.moves = _NO_CELLS
        self.stays = _NO_CELLS
        self.others: dict[Table, Cells] | None = None
        """What was counted for the other tables, by key; none: nothing."""

    def of(self, table: Table) -> CountedCells:
        """What was counted for one of `COUNTED_BY_CELL`."""
        return self.touchpoints if table == "touchpoints" else self.moves if table == "moves" else self.stays


COUNTED_BY_CELL: Final[tuple[Table, ...]] = ("moves", "stays", "touchpoints")


@final
class BatchTally:
    """Grows with the number of different keys in each hour. Times are microseconds since 1970; persona none: none fits.

    As long as everything falls into one hour, counting is adding to the numbers of cells. When time turns to another hour, the
    cells that were touched are noted down for the hour that they were counted in.
    """

    __slots__ = ("_ends", "_here", "_hours", "_is_closed", "_known", "_moves", "_starts", "_stays", "_touchpoints", "_turn")

    def __init__(self, known: KnownCells | None = None) -> None:
        self._known = KnownCells() if known is None else known
        self._hours: Final[dict[int, CountedHour]] = {}
        """By the first microsecond of each."""
        self._here = _NO_HOUR
        """The hour of what was counted last, which is usually that of the next, too; nothing is counted in `_NO_HOUR`."""
        self._starts = 0
        self._ends = 0
        self._turn: i64 = 0
        self._touchpoints: list[Cell] = []
        """The cells that were counted in since time turned to this hour, and likewise the next two."""
        self._moves: list[MoveCell] = []
        self._stays: list[Cell] = []
        self._is_closed = False

    def touched(self, at: int, persona: str | None, stage: str, touchpoint_type: str, channel: str | None) -> None:
        """Count an applied touchpoint in the stage to which it belongs."""
        if not self._starts <= at < self._ends:
            self._turn_to(at)
        _count_in(self._known.touchpoints(persona, stage, touchpoint_type, channel), self._turn, self._touchpoints)

    def touched_in(self, at: int, counted: CountedSegments, segment: int, kind: int, touchpoint_type: str, channel: str | None) -> None:
        """The same by the numbers of `counted`: those of the segment and of the type, which is negative if the type has none."""
        known = self._known
        if counted is not known.counted:
            known.count_by(counted)
        if not self._starts <= at < self._ends:
            self._turn_to(at)
        _count_in(known.touchpoints_in(segment, kind, touchpoint_type, channel), self._turn, self._touchpoints)

    def felt(self, at: int, persona: str | None, stage: str, value: int) -> None:
        """Count what a customer said about its feeling, in `FEELING_UNITS`."""
        self._add("feeling", at, (persona, stage), [1, value, value * value])

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
        known, turn = self._known, self._turn
        move = known.moves(persona, source, to, cause, rule)
        cell = move.cell
        if cell.turn == turn:
            cell.count += 1
        else:
            cell.turn, cell.count = turn, 1
            move.stay = 0
            move.first = 0
            self._moves.append(move)
        if first:
            move.first += 1
        if stay is not None:
            move.stay += stay
            _count_in(known.stays(move, bucket_of(stay)), turn, self._stays)

    def counted(self, at: int, counts: Sequence[Counted]) -> None:
        """Count what a stage change, or the end of a customer, means for the ideal way."""
        for table, key, figures in counts:
            self._add(table, at, key, list(figures))

    def offered(self, at: int, persona: str | None, campaign: str, outcome: str) -> None:
        """Count a stage change that was offered to a campaign, or a held trigger that was checked again."""
        self._add("campaigns", at, (persona, campaign, outcome), [1])

    def enrolled(self, at: int, persona: str | None, campaign: str, *, holdout: bool) -> None:
        """A campaign that has a goal triggered for a customer for the first time."""
        self._add("goals", at, (persona, campaign, GROUPS[holdout]), [1, 0, 0, 0, 0])

    def ended(self, at: int, persona: str | None, campaign: str, *, holdout: bool, met: bool, value: float | None) -> None:
        """The goal of a customer's first trigger was met or missed. `value`: a finite number; none counts as nothing."""
        units = 0
        if value is not None:
            units = round(max(-LARGEST_VALUE, min(LARGEST_VALUE, value)) * VALUE_UNITS)
        self._add("goals", at, (persona, campaign, GROUPS[holdout]), [0, 1, int(met), units, units * units])

    def hours(self) -> Iterable[CountedHour]:
        """What was counted so far, hour by hour."""
        self._note_down()
        return self._hours.values()

    def goals(self) -> Iterator[Mapping[Key, Figures]]:
        """Of `hours`, what was counted of goals."""
        for hour in self._hours.values():
            if hour.others is not None and "goals" in hour.others:
                yield hour.others["goals"]

    def clear(self) -> None:
        """Reset all counts."""
        self._note_down()
        self._hours.clear()
        if self._known.is_full():
            self._known = KnownCells()

    def successor(self) -> "BatchTally":
        """The tally of the next batch, which finds its cells where this one found them. Nothing can be counted in this one any more."""
        self._note_down()
        self._is_closed = True
        return BatchTally(None if self._known.is_full() else self._known)

    def _turn_to(self, at: int) -> None:
        """Go on counting in the hour of `at`."""
        if self._is_closed:
            raise AssertionError("the next batch counts in these cells already")
        self._note_down()
        # Plain integers beyond 2**30 would be multiplied as objects.
        instant: i64 = at
        start: int = instant - instant % HOUR
        self._starts, self._ends = start, start + HOUR
        here = self._hours.get(start)
        if here is None:
            here = self._hours[start] = CountedHour(start)
        self._here = here
        self._known.turn += 1
        self._turn = self._known.turn

    def _note_down(self) -> None:
        """Note down for the current hour what its cells have counted, and leave that hour."""
        self._starts = self._ends = 0
        here = self._here
        if self._touchpoints:
            here.touchpoints = _with(here.touchpoints, self._touchpoints)
            self._touchpoints = []
        if self._moves:
            here.moves = _with_moves(here.moves, self._moves)
            self._moves = []
        if self._stays:
            here.stays = _with(here.stays, self._stays)
            self._stays = []
        self._here = _NO_HOUR

    def _add(self, table: Table, at: int, key: Key, figures: Figures) -> None:
        if not self._starts <= at < self._ends:
            self._turn_to(at)
        others = self._here.others
        if others is None:
            others = self._here.others = {}
        cells = others.setdefault(table, {})
        there = cells.get(key)
        if there is None:
            cells[key] = figures
        else:
            add_figures(there, figures)


_NO_HOUR: Final = CountedHour(0)


def _count_in(cell: Cell, turn: i64, met: list[Cell]) -> None:
    if cell.turn == turn:
        cell.count += 1
    else:
        cell.turn, cell.count = turn, 1
        met.append(cell)


def _with(counted: CountedCells, met: list[Cell]) -> CountedCells:
    """What was counted, with the counts of these cells; `met` is kept."""
    figures: list[int] = [cell.count for cell in met]
    if counted is _NO_CELLS:
        return CountedCells(met, figures)
    counted.cells.extend(met)
    counted.figures.extend(figures)
    return counted


def _with_moves(counted: CountedCells, met: list[MoveCell]) -> CountedCells:
    if counted is _NO_CELLS:
        counted = CountedCells([], [])
    figures = counted.figures
    for move in met:
        counted.cells.append(move.cell)
        figures.append(move.cell.count)
        figures.append(move.stay)
        figures.append(move.first)
    return counted


def add_figures(to: Figures, more: Figures) -> None:
    """Add `more` to `to`, number by number."""
    for place, number in enumerate(more):
        to[place] += number
