"""Counting while a batch is judged, by table and hour. Cheap, because it is called for every touchpoint."""

from collections.abc import Iterator, Mapping
from typing import Final, final

from mypy_extensions import i64

from etapa.journey.ledger.counted import CountedSegments, Numbering, Segment
from etapa.journey.ledger.stays import BUCKETS, bucket_of
from etapa.journey.ledger.tables import GROUPS, LARGEST_VALUE, OTHER, VALUE_UNITS, Figures, Key, Table
from etapa.journey.units import HOUR

Cells = dict[Key, Figures]

_BITS: Final = 20
"""Of the number of a type or a channel."""
_OTHER: Final = (1 << _BITS) - 1
"""The number of `OTHER`: names beyond so many different ones in a batch are counted as it, as a page would do with far fewer."""
_NO_SEGMENTS: Final = CountedSegments((), (), ())


HourCounts = tuple[Table, int, list[Key], list[int]]
"""What was counted for one table in one hour, which is given by its first microsecond: keys, and their figures key by key. A key may be there several times."""


@final
class _Count:
    """A whole number that grows, since compiled code adds to an object's number faster than to one in a list."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 1


@final
class _MoveCounts:
    """The figures of a move."""

    __slots__ = ("count", "followed", "on_way", "stay")

    def __init__(self) -> None:
        self.count = 0
        self.stay = 0
        self.followed = 0
        self.on_way = 0


@final
class _Hour:
    """What was counted in one hour, by table."""

    __slots__ = ("campaigns", "feeling", "goals", "moves", "start", "stays", "touchpoints")

    def __init__(self, start: int) -> None:
        self.start: Final = start
        self.touchpoints: Final[dict[int, _Count]] = {}
        """By the numbers of segment, type and channel in one."""
        self.moves: Final[dict[int, _MoveCounts]] = {}
        """By the number of the move."""
        self.stays: Final[dict[int, _Count]] = {}
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
        *("_channels", "_counted", "_ends", "_first_segment", "_first_type", "_here", "_hours", "_keys", "_move_numbers", "_moves"),
        *("_segment_numbers", "_segments", "_starts", "_types"),
    )

    def __init__(self) -> None:
        self._hours: Final[dict[int, _Hour]] = {}
        """By hours since 1970."""
        self._here = _NO_HOUR
        """The hour of what was counted last, which is usually that of the next, too; nothing is counted in `_NO_HOUR`."""
        self._starts = 0
        self._ends = 0
        self._types: Final = Numbering(_OTHER)
        self._channels: Final = Numbering(_OTHER)
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
        self._touched(at, number, self._types.number_of(touchpoint_type), channel)

    def touched_in(self, at: int, counted: CountedSegments, segment: int, kind: int, touchpoint_type: str, channel: str | None) -> None:
        """The same by the numbers of `counted`: those of the segment and of the type, which is negative if the type has none."""
        if counted is not self._counted:
            self._count_by(counted)
        number = kind + self._first_type if kind >= 0 else self._types.number_of(touchpoint_type)
        self._touched(at, segment + self._first_segment, number, channel)

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
            there = hour.moves[number] = _MoveCounts()
        there.count += 1
        there.followed += followed
        there.on_way += on_way
        if stay is not None:
            there.stay += stay
            place = number * BUCKETS + bucket_of(stay)
            stays = hour.stays.get(place)
            if stays is None:
                hour.stays[place] = _Count()
            else:
                stays.number += 1

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
                yield self._moves_of(hour)
            if hour.stays:
                yield ("stays", start, [self._stay(place) for place in hour.stays], [each.number for each in hour.stays.values()])
            if hour.touchpoints:
                yield (
                    "touchpoints",
                    start,
                    [self._key(number) for number in hour.touchpoints],
                    [each.number for each in hour.touchpoints.values()],
                )
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
        self._types.clear()
        self._channels.clear()
        self._keys.clear()
        self._moves.clear()
        self._move_numbers.clear()

    def _touched(self, at: int, segment: int, kind: int, channel: str | None) -> None:
        # Plain integers beyond 2**30 would be shifted as objects.
        high: i64 = segment
        middle: i64 = kind
        low: i64 = 0 if channel is None else self._channels.number_of(channel)
        # A dictionary looks at the lowest bits first, so all three are mixed into them.
        number: int = high << (2 * _BITS) | middle << _BITS | (low + 89 * high + 7 * middle) & _OTHER
        counts = (self._here if self._starts <= at < self._ends else self._hour_of(at)).touchpoints
        there = counts.get(number)
        if there is None:
            counts[number] = _Count()
        else:
            there.number += 1

    def _count_by(self, counted: CountedSegments) -> None:
        self._counted = counted
        self._first_segment, self._first_type = len(self._segments), len(self._types.names)
        self._segments.extend(counted.segments)
        self._types.add(counted.types)

    def _key(self, number: int) -> Key:
        key = self._keys.get(number)
        if key is None:
            segment, kind = number >> (2 * _BITS), number >> _BITS & _OTHER
            channel = (number - 89 * segment - 7 * kind) & _OTHER
            types, channels = self._types.names, self._channels.names
            persona, stage = self._segments[segment]
            key = (persona, stage, OTHER if kind == _OTHER else types[kind], OTHER if channel == _OTHER else channels[channel])
            self._keys[number] = key
        return key

    def _moves_of(self, hour: _Hour) -> HourCounts:
        figures: list[int] = []
        for each in hour.moves.values():
            figures += (each.count, each.stay, each.followed, each.on_way)
        return "moves", hour.start, [self._moves[number] for number in hour.moves], figures

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
