"""Counting while a batch is judged, by table and hour. Cheap, because it is called for every touchpoint."""

from collections.abc import Iterator
from typing import Final, final

from etapa.journey.ledger.stays import bucket_of
from etapa.journey.ledger.tables import GROUPS, LARGEST_VALUE, VALUE_UNITS, Figures, Key, Table
from etapa.journey.units import HOUR


@final
class _Count:
    """How often something was seen."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0


_ByChannel = dict[str | None, _Count]
_ByType = dict[str, _ByChannel]
_ByStage = dict[str, _ByType]
_ByPersona = dict[str | None, _ByStage]


@final
class BatchTally:
    """Grows with the number of different keys, not of counted things. Times are microseconds since 1970; persona none: none fits."""

    __slots__ = ("_cells", "_ends", "_here", "_starts", "_touchpoints")

    def __init__(self) -> None:
        self._touchpoints: Final[dict[int, _ByPersona]] = {}
        """By hours since 1970."""
        self._here: _ByPersona = {}
        """The counts in the hour of the last touchpoint, which is usually that of the next one too."""
        self._starts = 0
        self._ends = 0
        self._cells: Final[dict[tuple[Table, int], dict[Key, Figures]]] = {}

    def touched(self, at: int, persona: str | None, stage: str, touchpoint_type: str, channel: str | None) -> None:
        """Count an applied touchpoint in the stage to which it belongs."""
        if not self._starts <= at < self._ends:
            self._turn_to(at)
        stages = self._here.get(persona)
        if stages is None:
            stages = self._here[persona] = {}
        types = stages.get(stage)
        if types is None:
            types = stages[stage] = {}
        channels = types.get(touchpoint_type)
        if channels is None:
            channels = types[touchpoint_type] = {}
        count = channels.get(channel)
        if count is None:
            count = channels[channel] = _Count()
        count.number += 1

    def felt(self, at: int, persona: str | None, stage: str, value: int) -> None:
        """Count what a customer said about its feeling, in `FEELING_UNITS`."""
        self._add("feeling", at, (persona, stage), [1, value, value * value])

    def moved(self, at: int, persona: str | None, source: str | None, to: str, cause: str, stay: int | None) -> None:
        """Count a published stage change. `stay`: the time spent in `source`, in microseconds; both none for a new customer."""
        self._add("moves", at, (persona, source, to, cause), [1, stay or 0])
        if stay is not None:
            self._add("stays", at, (persona, source, to, bucket_of(stay)), [1])

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

    def pages(self) -> Iterator[tuple[Table, int, dict[Key, Figures]]]:
        """What was counted: the table, the start of the hour, and figures by key."""
        for (table, hour), cells in self._cells.items():
            yield table, hour * HOUR, cells
        for hour, personas in self._touchpoints.items():
            if personas:
                yield "touchpoints", hour * HOUR, _flattened(personas)

    def clear(self) -> None:
        """Reset all counts."""
        self._touchpoints.clear()
        self._cells.clear()
        self._here = {}
        self._starts = self._ends = 0

    def _turn_to(self, at: int) -> None:
        hour = at // HOUR
        self._starts, self._ends = hour * HOUR, hour * HOUR + HOUR
        here = self._touchpoints.get(hour)
        if here is None:
            here = self._touchpoints[hour] = {}
        self._here = here

    def _add(self, table: Table, at: int, key: Key, figures: Figures) -> None:
        place = (table, at // HOUR)
        cells = self._cells.get(place)
        if cells is None:
            cells = self._cells[place] = {}
        there = cells.get(key)
        if there is None:
            cells[key] = figures
        else:
            add_figures(there, figures)


def add_figures(to: Figures, more: Figures) -> None:
    """Add `more` to `to`, number by number."""
    for place, number in enumerate(more):
        to[place] += number


def _flattened(personas: _ByPersona) -> dict[Key, Figures]:
    cells: dict[Key, Figures] = {}
    for persona, stages in personas.items():
        for stage, types in stages.items():
            for touchpoint_type, channels in types.items():
                for channel, count in channels.items():
                    cells[persona, stage, touchpoint_type, channel] = [count.number]
    return cells
