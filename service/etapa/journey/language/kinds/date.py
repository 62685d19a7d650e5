"""`date`: now is between two offsets from a date of the customer, such as the week before a birthday."""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from etapa.journey.duration import DurationError, format_duration, parse_duration
from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.kind import MAX_TYPE, ConditionKind, own
from etapa.journey.language.kinds.wording import time_left
from etapa.journey.language.matching.matches import Comparison
from etapa.journey.language.phrasing.phrases import KindPhrases
from etapa.journey.language.phrasing.words import Words
from etapa.journey.language.reading.findings import Report, shortened
from etapa.journey.language.reading.maps import Field, ReadMap
from etapa.journey.language.reading.shapes import BAD, Bad, Shape, Text, is_number, refuse
from etapa.journey.language.reading.yaml_nodes import Node, ScalarNode
from etapa.journey.units import DAY

Period = Literal["year", "month"]
SHORTEST: Final[dict[Period, int]] = {"year": 365 * DAY, "month": 28 * DAY}


@dataclass(frozen=True, slots=True)
class Offset:
    """An offset from a date: whole days on the local calendar, then elapsed time. Both have the same sign."""

    days: int
    elapsed: int
    """Microseconds."""

    @property
    def length(self) -> int:
        """Microseconds, with days of 24 hours: for comparing two offsets."""
        return self.days * DAY + self.elapsed

    def text(self) -> str:
        return format_duration(self.length)


class DatePhrases(KindPhrases, frozen=True):
    since: str
    until: str
    between: str
    date: str
    every_year: str
    every_month: str
    after: str
    before: str


@dataclass(frozen=True, slots=True)
class Date(Leaf):
    """`begins` none: it has no beginning; `ends` none: it has no end. With `every`, both are set."""

    trait: str
    every: Period | None
    begins: Offset | None
    ends: Offset | None

    def text(self) -> str:
        parts = [self.trait]
        parts += [] if self.every is None else [f"every {self.every}"]
        parts += [] if self.begins is None else [f"from {self.begins.text()}"]
        parts += [] if self.ends is None else [f"to {self.ends.text()}"]
        return f"date({', '.join(parts)})"

    def implies(self, weaker: Leaf) -> bool:
        if not isinstance(weaker, Date) or (self.trait, self.every) != (weaker.trait, weaker.every):
            return False
        return _not_after(weaker.begins, self.begins, weaker.begins is None) and _not_after(self.ends, weaker.ends, weaker.ends is None)

    def excludes(self, other: Leaf) -> bool:
        if not isinstance(other, Date) or (self.trait, self.every) != (other.trait, other.every):
            return False
        if not (_not_after(self.ends, other.begins) or _not_after(other.ends, self.begins)):
            return False
        edges = [each.length for each in (self.begins, self.ends, other.begins, other.ends) if each is not None]
        # If they lie far apart, one in this year may meet the other in the next.
        return self.every is None or max(edges) - min(edges) < SHORTEST[self.every]

    def sentence(self, words: Words) -> str:
        phrases = words.phrases(DatePhrases)
        date = {None: phrases.date, "year": phrases.every_year, "month": phrases.every_month}[self.every].format(name=self.trait)
        begin, end = (_edge(words, offset, date) for offset in (self.begins, self.ends))
        told = phrases.until if self.begins is None else phrases.since if self.ends is None else phrases.between
        return told.format(begin=begin, end=end)

    def seen(self, observed: Observed) -> str | None:
        return "no date yet" if observed is None else str(observed)

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        return "no date yet" if observed is None else f"{time_left(now, changes_at)}; the date is {observed}"


def _edge(words: Words, offset: Offset | None, date: str) -> str:
    """So long before or after the date."""
    length = 0 if offset is None else offset.length
    if length == 0:
        return date
    phrases = words.phrases(DatePhrases)
    return (phrases.after if length > 0 else phrases.before).format(duration=words.duration(abs(length)), date=date)


def _not_after(one: Offset | None, other: Offset | None, otherwise: bool = False) -> bool:  # noqa: FBT001, FBT002
    """Whether `one` is certainly no later than `other`, in any month and any zone; `otherwise` if one of them is none."""
    if one is None or other is None:
        return otherwise
    return one.days <= other.days and one.elapsed <= other.elapsed


class OffsetShape(Shape[Offset]):
    """A duration with an optional minus; `y`, `w` and `d` move the date on the calendar, `h`, `m` and `s` are elapsed time."""

    _PATTERN: Final = "^-?([0-9]{1,12}[smhdwy]){1,12}$"
    _EXPECTED: Final = "a distance from the date, such as -7d, 0d or 1d12h"

    def read(self, node: Node, report: Report) -> Offset | Bad:
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            number = isinstance(node, ScalarNode) and is_number(node.value)
            return refuse(node, self._EXPECTED, report, ": its unit (s, m, h, d, w or y) is missing" if number else "")
        text = node.value
        if text.startswith("+"):
            return refuse(node, self._EXPECTED, report, ": leave the plus out")
        sign = -1 if text.startswith("-") else 1
        parts = re.findall("[0-9]+[a-z]", text)
        try:
            parse_duration(shortened(text.removeprefix("-")))
            days = sum(parse_duration(part) for part in parts if part[-1] in "ywd") // DAY
            elapsed = sum(parse_duration(part) for part in parts if part[-1] in "hms")
        except DurationError as error:
            report.error(node.position, str(error))
            return BAD
        return Offset(sign * days, sign * elapsed)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": self._PATTERN}


class _PeriodShape(Shape[Period]):
    def read(self, node: Node, report: Report) -> Period | Bad:
        for period in SHORTEST:
            if isinstance(node, ScalarNode) and node.value == period:
                return period
        return refuse(node, "year or month", report)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(SHORTEST)}


TRAIT = own(
    "date",
    Text("the name of a trait", longest=MAX_TYPE),
    "The trait with the date: `1996-02-29`, or a date-time such as `2026-11-21T10:00:00Z`.",
)
EVERY = Field("every", _PeriodShape(), "Every year, or every month, on that day. Left out: once.")
BEGINS = Field("from", OffsetShape(), "True from this far after the date on (with a minus: before it).")
ENDS = Field("to", OffsetShape(), "True until this far after the date, not included (with a minus: before it).")


def _date(record: ReadMap, _: Comparison, report: Report) -> Condition | Bad:
    name, every, begins, ends = record.need(TRAIT), record.get(EVERY), record.get(BEGINS), record.get(ENDS)
    if begins is None and ends is None:
        report.error(record.position, "`date` needs `from`, `to` or both: from when on it holds, and until when")
        return BAD
    if every is not None and (begins is None or ends is None):
        report.error(
            record.position, f"`date` with `every: {every}` needs both `from` and `to`: without one of them it would always be true"
        )
        return BAD
    if begins is not None and ends is not None:
        length = ends.length - begins.length
        if length <= 0:
            report.error(record.place(ENDS), f"`to` ({ends.text()}) is not after `from` ({begins.text()}), so it is never true")
            return BAD
        if every is not None and length >= SHORTEST[every]:
            report.error(
                record.place(ENDS),
                f"from {begins.text()} to {ends.text()} must be less than {format_duration(SHORTEST[every])}, the shortest {every}:"
                " otherwise it is true nearly all the time",
            )
            return BAD
    if name.startswith("traits."):
        report.warning(record.place(TRAIT), f"the trait is named without `traits.` before it: `{shortened(name.removeprefix('traits.'))}`")
    return Date(name, every, begins, ends)


KIND = ConditionKind("date", "A date of the customer is this near.", (TRAIT, EVERY, BEGINS, ENDS), _date, phrases=DatePhrases)
