"""Counting while a batch is judged, by table and hour. Cheap, because it is called for every touchpoint."""

from collections.abc import Iterator
from typing import Final, final

from etapa.journey.ledger.stays import bucket_of
from etapa.journey.ledger.tables import GROUPS, LARGEST_VALUE, VALUE_UNITS, Figures, Key, Table
from etapa.journey.units import HOUR

Cells = dict[Key, Figures]


@final
class _Hour:
    """What was counted in one hour, by table."""

    __slots__ = ("campaigns", "feeling", "goals", "moves", "start", "stays", "touchpoints")

    def __init__(self, start: int) -> None:
        self.start: Final = start
        self.moves: Final[Cells] = {}
        self.stays: Final[Cells] = {}
        self.touchpoints: Final[Cells] = {}
        self.feeling: Final[Cells] = {}
        self.campaigns: Final[Cells] = {}
        self.goals: Final[Cells] = {}


_NO_HOUR: Final = _Hour(0)


@final
class BatchTally:
    """Grows with the number of different keys, not of counted things. Times are microseconds since 1970; persona none: none fits."""

    __slots__ = ("_ends", "_here", "_hours", "_starts")

    def __init__(self) -> None:
        self._hours: Final[dict[int, _Hour]] = {}
        """By hours since 1970."""
        self._here = _NO_HOUR
        """The hour of what was counted last, which is usually that of the next, too; nothing is counted in `_NO_HOUR`."""
        self._starts = 0
        self._ends = 0

    def touched(self, at: int, persona: str | None, stage: str, touchpoint_type: str, channel: str | None) -> None:
        """Count an applied touchpoint in the stage to which it belongs."""
        cells = self._hour_of(at).touchpoints
        key = (persona, stage, touchpoint_type, channel)
        there = cells.get(key)
        if there is None:
            cells[key] = [1]
        else:
            there[0] += 1

    def felt(self, at: int, persona: str | None, stage: str, value: int) -> None:
        """Count what a customer said about its feeling, in `FEELING_UNITS`."""
        _add(self._hour_of(at).feeling, (persona, stage), [1, value, value * value])

    def moved(
        self,
        at: int,
        persona: str | None,
        source: str | None,
        to: str,
        cause: str,
        stay: int | None,
        rule: str | None = None,
        followed: int = 0,
        on_way: int = 0,
    ) -> None:
        """Count a published stage change. `stay`: the time spent in `source`, in microseconds; both none for a new customer.

        `followed`, `on_way`: as in `StageChange`.
        """
        hour = self._hour_of(at)
        _add(hour.moves, (persona, source, to, cause, rule), [1, stay or 0, followed, on_way])
        if stay is not None:
            _add(hour.stays, (persona, source, to, bucket_of(stay)), [1])

    def offered(self, at: int, persona: str | None, campaign: str, outcome: str) -> None:
        """Count a stage change that was offered to a campaign, or a held trigger that was checked again."""
        _add(self._hour_of(at).campaigns, (persona, campaign, outcome), [1])

    def enrolled(self, at: int, persona: str | None, campaign: str, *, holdout: bool) -> None:
        """A campaign that has a goal triggered for a customer for the first time."""
        _add(self._hour_of(at).goals, (persona, campaign, GROUPS[holdout]), [1, 0, 0, 0, 0])

    def ended(self, at: int, persona: str | None, campaign: str, *, holdout: bool, met: bool, value: float | None) -> None:
        """The goal of a customer's first trigger was met or missed. `value`: a finite number; none counts as nothing."""
        units = 0
        if value is not None:
            units = round(max(-LARGEST_VALUE, min(LARGEST_VALUE, value)) * VALUE_UNITS)
        _add(self._hour_of(at).goals, (persona, campaign, GROUPS[holdout]), [0, 1, int(met), units, units * units])

    def pages(self) -> Iterator[tuple[Table, int, Cells]]:
        """What was counted: the table, the start of the hour, and figures by key."""
        for hour in self._hours.values():
            if hour.moves:
                yield "moves", hour.start, hour.moves
            if hour.stays:
                yield "stays", hour.start, hour.stays
            if hour.touchpoints:
                yield "touchpoints", hour.start, hour.touchpoints
            if hour.feeling:
                yield "feeling", hour.start, hour.feeling
            if hour.campaigns:
                yield "campaigns", hour.start, hour.campaigns
            if hour.goals:
                yield "goals", hour.start, hour.goals

    def goals(self) -> Iterator[Cells]:
        """Of `pages`, those of goals."""
        for hour in self._hours.values():
            if hour.goals:
                yield hour.goals

    def clear(self) -> None:
        """Reset all counts."""
        self._hours.clear()
        self._here = _NO_HOUR
        self._starts = self._ends = 0

    def _hour_of(self, at: int) -> _Hour:
        if self._starts <= at < self._ends:
            return self._here
        number = at // HOUR
        self._starts, self._ends = number * HOUR, number * HOUR + HOUR
        here = self._hours.get(number)
        if here is None:
            here = self._hours[number] = _Hour(number * HOUR)
        self._here = here
        return here


def _add(cells: Cells, key: Key, figures: Figures) -> None:
    there = cells.get(key)
    if there is None:
        cells[key] = figures
    else:
        add_figures(there, figures)


def add_figures(to: Figures, more: Figures) -> None:
    """Add `more` to `to`, number by number."""
    for place, number in enumerate(more):
        to[place] += number
