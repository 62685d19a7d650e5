"""Counting while a batch is judged, by table and hour. Cheap, because it is called for every touchpoint."""

from collections.abc import Iterator, Mapping
from typing import Final, final

from mypy_extensions import i64

from etapa.journey.ledger.counted import CountedSegments, Segment
from etapa.journey.ledger.stays import BUCKETS, bucket_of
from etapa.journey.ledger.tables import GROUPS, LARGEST_VALUE, OTHER, VALUE_UNITS, Figures, Key, Table
from etapa.journey.units import HOUR

Cells = dict[Key, Figures]

_BITS: Final = 20
"""Of the number of a type or a channel."""
_MOST_NAMES: Final = (1 << _BITS) - 1
"""Most names of types and channels in a batch; further ones are counted as `OTHER`, as a page would do with far fewer."""
_OTHER: Final = 1
"""The number of `OTHER`."""
_NO_SEGMENTS: Final = CountedSegments((), (), ())


HourCounts = tuple[Table, int, list[Key], list[int]]
"""What was counted for one table in one hour, which is given by its first microsecond: keys, and their figures key by key. A key may be there several times."""


@final
class _Hour:
    """What was counted in one hour, by table."""

    __slots__ = ("campaigns", "feeling", "goals", "moves", "start", "stays", "touchpoints")

    def __init__(self, start: int) -> None:
        self.start: Final = start
        self.touchpoints: Final[dict[int, int]] = {}
        """By the numbers of segment, type and channel in one."""
        self.moves: Final[dict[int, Figures]] = {}
        """By the number of the move."""
        self.stays: Final[dict[int, int]] = {}
        """By the number of the move and the bucket in one."""
        self.feeling: Final[Cells] = {}
        self.campaigns: Final[Cells] = {}
        self.goals: Final[Cells] = {}


_NO_HOUR: Final = _Hour(0)


@final
class BatchTally:
    """Grows with the number of different keys, not of counted things. Times are microseconds since 1970; persona none: none fits.

    Texts are numbered as they come, so that what happens often is counted under one whole number.
    """

    __slots__ = (
        *(
            "_counted",
            "_ends",
            "_first_segment",
            "_first_type",
            "_here",
            "_hours",
            "_keys",
            "_move_numbers",
            "_moves",
            "_names",
            "_numbers",
        ),
        *("_segment_numbers", "_segments", "_starts"),
    )

    def __init__(self) -> None:
        self._hours: Final[dict[int, _Hour]] = {}
        """By hours since 1970."""
        self._here = _NO_HOUR
        """The hour of what was counted last, which is usually that of the next, too; nothing is counted in `_NO_HOUR`."""
        self._starts = 0
        self._ends = 0
        self._names: Final[list[str | None]] = [None, OTHER]
        """Types and channels."""
        self._numbers: Final[dict[str, int]] = {OTHER: _OTHER}
        self._segments: Final[list[Segment]] = []
        self._segment_numbers: Final[dict[Segment, int]] = {}
        self._counted = _NO_SEGMENTS
        """The journey's numbers; here, its segments and types begin at `_first_segment` and `_first_type`."""
        self._first_segment = 0
        self._first_type = 0
        self._keys: Final[dict[int, Key]] = {}
        """Keys of touchpoints by number. Each is made once a batch, since the same object is found faster among others."""
        self._moves: Final[list[Key]] = []
        """Keys of moves."""
        self._move_numbers: Final[dict[Key, int]] = {}

    def touched(self, at: int, persona: str | None, stage: str, touchpoint_type: str, channel: str | None) -> None:
        """Count an applied touchpoint in the stage to which it belongs."""
        segment = persona, stage
        number = self._segment_numbers.get(segment)
        if number is None:
            number = self._segment_numbers[segment] = len(self._segments)
            self._segments.append(segment)
        self._touched(at, number, self._number_of(touchpoint_type), channel)

    def touched_in(self, at: int, counted: CountedSegments, segment: int, kind: int, touchpoint_type: str, channel: str | None) -> None:
        """The same by the numbers of `counted`: those of the segment and of the type, which is negative if the type has none."""
        if counted is not self._counted:
            self._count_by(counted)
        self._touched(
            at, segment + self._first_segment, kind + self._first_type if kind >= 0 else self._number_of(touchpoint_type), channel
        )

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
        key = (persona, source, to, cause, rule)
        number = self._move_numbers.get(key)
        if number is None:
            number = self._move_numbers[key] = len(self._moves)
            self._moves.append(key)
        hour = self._hour_of(at)
        there = hour.moves.get(number)
        if there is None:
            hour.moves[number] = [1, stay or 0, followed, on_way]
        else:
            there[0] += 1
            if stay is not None:
                there[1] += stay
            # Both are mostly 0.
            if followed:
                there[2] += followed
            if on_way:
                there[3] += on_way
        if stay is not None:
            stays, place = hour.stays, number * BUCKETS + bucket_of(stay)
            stays[place] = stays.get(place, 0) + 1

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

    def counts(self) -> Iterator[HourCounts]:
        """What was counted, hour by hour."""
        for hour in self._hours.values():
            start = hour.start
            if hour.moves:
                yield _in_columns("moves", start, {self._moves[number]: figures for number, figures in hour.moves.items()})
            if hour.stays:
                yield ("stays", start, [self._stay(place) for place in hour.stays], list(hour.stays.values()))
            if hour.touchpoints:
                yield ("touchpoints", start, [self._key(number) for number in hour.touchpoints], list(hour.touchpoints.values()))
            if hour.feeling:
                yield _in_columns("feeling", start, hour.feeling)
            if hour.campaigns:
                yield _in_columns("campaigns", start, hour.campaigns)
            if hour.goals:
                yield _in_columns("goals", start, hour.goals)

    def goals(self) -> Iterator[Mapping[Key, Figures]]:
        """Of `counts`, those of goals."""
        for hour in self._hours.values():
            if hour.goals:
                yield hour.goals

    def clear(self) -> None:
        """Reset all counts."""
        self._hours.clear()
        self._here = _NO_HOUR
        self._starts = self._ends = 0
        self._counted = _NO_SEGMENTS
        self._segments.clear()
        self._segment_numbers.clear()
        self._names[2:] = []
        self._numbers.clear()
        self._numbers[OTHER] = _OTHER
        self._keys.clear()
        self._moves.clear()
        self._move_numbers.clear()

    def _touched(self, at: int, segment: int, kind: int, channel: str | None) -> None:
        way = 0 if channel is None else self._number_of(channel)
        # Plain integers beyond 2**30 would be shifted as objects.
        high: i64 = segment
        middle: i64 = kind
        low: i64 = way
        number: int = high << (2 * _BITS) | middle << _BITS | low
        counts = (self._here if self._starts <= at < self._ends else self._hour_of(at)).touchpoints
        counts[number] = counts.get(number, 0) + 1

    def _number_of(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = len(self._names)
            if number > _MOST_NAMES:
                return _OTHER
            self._numbers[name] = number
            self._names.append(name)
        return number

    def _count_by(self, counted: CountedSegments) -> None:
        self._counted = counted
        self._first_segment, self._first_type = len(self._segments), len(self._names)
        self._segments.extend(counted.segments)
        self._names.extend(counted.types)

    def _key(self, number: int) -> Key:
        key = self._keys.get(number)
        if key is None:
            names, (persona, stage) = self._names, self._segments[number >> (2 * _BITS)]
            key = self._keys[number] = (persona, stage, names[number >> _BITS & _MOST_NAMES], names[number & _MOST_NAMES])
        return key

    def _stay(self, place: int) -> Key:
        persona, source, to, _, _ = self._moves[place // BUCKETS]
        return persona, source, to, place % BUCKETS

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


def _in_columns(table: Table, hour: int, cells: Mapping[Key, Figures]) -> HourCounts:
    figures: list[int] = []
    for each in cells.values():
        figures += each
    return table, hour, list(cells), figures


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
