"""`clock`: the customer's local time now: the weekday and the time of day."""

import re
from dataclasses import dataclass
from typing import Any, Final

from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.kind import ConditionKind, own
from etapa.journey.language.kinds.wording import time_left
from etapa.journey.language.matching.matches import Comparison
from etapa.journey.language.phrasing.phrases import KindPhrases
from etapa.journey.language.phrasing.words import Words
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.lists import OneOrMany
from etapa.journey.language.reading.maps import Field, ReadMap, map_schema, read_fields
from etapa.journey.language.reading.shapes import BAD, Bad, Name, Shape, refuse
from etapa.journey.language.reading.yaml_nodes import Node, ScalarNode, found
from etapa.journey.units import DAY, HOUR, MINUTE

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start` to `end` (exclusive): times of day in microseconds. If the end is not after the start, it is on the next day."""

    start: int
    end: int

    def text(self) -> str:
        return f"{_time_of_day(self.start)}-{_time_of_day(self.end)}"


@dataclass(frozen=True, slots=True)
class Times:
    """Local times: weekdays (0 is Monday; none: all) and hours (none: all)."""

    days: tuple[int, ...] | None
    hours: Hours | None

    def text(self) -> str:
        days = [] if self.days is None else [" | ".join(WEEKDAYS[day] for day in self.days)]
        hours = [] if self.hours is None else [self.hours.text()]
        return ", ".join(days + hours)

    def told(self, words: Words) -> str:
        """In the reader's language."""
        phrases = words.phrases(ClockPhrases)
        parts = [] if self.days is None else [words.shared.either.together([phrases.weekdays[day] for day in self.days])]
        if self.hours is not None:
            parts.append(phrases.hours.format(start=_time_of_day(self.hours.start), end=_time_of_day(self.hours.end)))
        return words.shared.both.between.join(parts)


class ClockPhrases(KindPhrases, frozen=True):
    clock: str
    not_then: str
    hours: str
    weekdays: tuple[str, str, str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class LocalClock(Leaf):
    times: Times

    def text(self) -> str:
        return f"clock({self.times.text()})"

    def sentence(self, words: Words) -> str:
        return words.phrases(ClockPhrases).clock.format(times=self.times.told(words))

    def denial(self, words: Words) -> str:
        return words.phrases(ClockPhrases).not_then.format(times=self.times.told(words))

    def seen(self, observed: Observed) -> str | None:
        return f"{observed} there"

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        return f"{time_left(now, changes_at)}; it is {observed} there"


class _Weekday(Shape[Name]):
    def read(self, node: Node, report: Report) -> Name | Bad:
        if isinstance(node, ScalarNode) and node.value in WEEKDAYS:
            return Name(str(node.value), node.position)
        return refuse(node, f"a weekday ({', '.join(WEEKDAYS)})", report)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(WEEKDAYS)}


class HoursShape(Shape[Hours]):
    """`"09:00-18:00"`; if the end is not after the start, it is on the next day."""

    _PATTERN: Final = "^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"

    def read(self, node: Node, report: Report) -> Hours | Bad:
        text = node.value if isinstance(node, ScalarNode) else None
        if not isinstance(text, str) or not re.fullmatch(self._PATTERN, text):
            advice = ""
            if isinstance(text, int) and not isinstance(text, bool):
                advice = ": write them in quotes"
            elif isinstance(text, str) and re.match(r"[0-9]:|[0-9]{2}:[0-9]{2}-[0-9]:", text):
                advice = ": hours have two digits"
            return refuse(node, 'hours such as "09:00-18:00"', report, advice)
        start, end = text.split("-")
        hours = Hours(_microseconds(start), _microseconds(end))
        if hours.start == hours.end:
            report.error(
                node.position, f"the hours begin and end at the same time, found {found(node)}: leave `hours` out if the whole day is meant"
            )
            return BAD
        return hours

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": self._PATTERN}


DAYS = Field("days", OneOrMany(_Weekday(), "weekdays"), "The weekdays, by the customer's calendar. Left out: all.")
HOURS = Field("hours", HoursShape(), 'The time of day, such as "09:00-18:00"; "21:00-08:00" goes past midnight. Left out: the whole day.')


def read_times(record: ReadMap, noun: str, report: Report) -> Times | Bad:
    """The times in a sound record with `days` and `hours`."""
    named, hours = record.get(DAYS), record.get(HOURS)
    days = None if named is None else tuple(sorted({WEEKDAYS.index(name.text) for name in named}))
    if days is None and hours is None:
        report.error(record.position, f"{noun} needs `days`, `hours` or both")
        return BAD
    if hours is None and days is not None and len(days) == len(WEEKDAYS):
        report.error(record.place(DAYS), f"{noun} with all seven days is always true: leave it out")
        return BAD
    if days is None and hours == Hours(0, DAY):
        report.error(record.place(HOURS), f"{noun} with the whole day is always true: leave it out")
        return BAD
    if days is not None and hours is not None and hours.end <= hours.start:
        report.error(
            record.place(HOURS),
            f"hours that pass midnight cannot be combined with `days`, because they belong to two days: write `any` of "
            f'"{_time_of_day(hours.start)}-24:00" and "00:00-{_time_of_day(hours.end)}", each with its days',
        )
        return BAD
    return Times(days, hours)


class ClockShape(Shape[Times]):
    def read(self, node: Node, report: Report) -> Times | Bad:
        record = read_fields(node, "`clock`", (DAYS, HOURS), report)
        return BAD if isinstance(record, Bad) or not record.sound else read_times(record, "`clock`", report)

    def schema(self) -> dict[str, Any]:
        return {**map_schema((DAYS, HOURS)), "minProperties": 1}


CLOCK = own("clock", ClockShape(), "Weekdays and hours, by the customer's local time (see `zone`).")


def _clock(record: ReadMap, _: Comparison, __: Report) -> Condition:
    return LocalClock(record.need(CLOCK))


KIND = ConditionKind(
    "clock", "It is one of these weekdays and this time of day where the customer is.", (CLOCK,), _clock, phrases=ClockPhrases
)


def _microseconds(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * HOUR + int(minutes) * MINUTE


def _time_of_day(at: int) -> str:
    return f"{at // HOUR:02}:{at % HOUR // MINUTE:02}"
