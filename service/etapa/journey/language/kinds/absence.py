"""`absent` and `idle`: no matching touchpoint for a duration, or for longer than the customer's own pace."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from etapa.journey.duration import format_duration
from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.kind import WHERE, ConditionKind, Types, own, read_match
from etapa.journey.language.kinds.overlap import match_covers
from etapa.journey.language.kinds.wording import time_left, to_the_second
from etapa.journey.language.matching.descriptions import describe_match, points_text
from etapa.journey.language.matching.matches import ANY_TYPE, EVERYWHERE, Comparison, Match
from etapa.journey.language.phrasing.phrases import KindPhrases
from etapa.journey.language.phrasing.words import Words
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.maps import Field, ReadMap, map_schema, read_fields
from etapa.journey.language.reading.shapes import BAD, Bad, Number, Shape, Span
from etapa.journey.language.reading.yaml_nodes import MapNode, Node


class AbsencePhrases(KindPhrases, frozen=True):
    absent: str
    not_absent: str
    idle: str
    not_idle: str
    pace: str
    pace_held: str


@dataclass(frozen=True, slots=True)
class Absent(Leaf):
    """No matching touchpoint for `duration`. `idle` is the same with every type and no `where`."""

    match: Match
    duration: int

    def text(self) -> str:
        if self._is_idle():
            return f"idle({format_duration(self.duration)})"
        return f"absent({describe_match(self.match)}, {format_duration(self.duration)})"

    def reach(self) -> int:
        return self.duration

    def implies(self, weaker: Leaf) -> bool:
        return isinstance(weaker, Absent) and self.duration >= weaker.duration and match_covers(self.match, weaker.match)

    def excludes(self, other: Leaf) -> bool:
        return any(within is not None and within <= self.duration and match_covers(self.match, match) for match, within in other.needed())

    def sentence(self, words: Words) -> str:
        phrases = words.phrases(AbsencePhrases)
        said = phrases.idle if self._is_idle() else phrases.absent
        return said.format(types=words.types(self.match), duration=words.duration(self.duration))

    def denial(self, words: Words) -> str:
        phrases = words.phrases(AbsencePhrases)
        said = phrases.not_idle if self._is_idle() else phrases.not_absent
        return said.format(types=words.types(self.match), duration=words.duration(self.duration))

    def _is_idle(self) -> bool:
        return self.match.types == (ANY_TYPE,) and self.match.where == EVERYWHERE

    def seen(self, observed: Observed) -> str | None:
        return "none so far" if observed is None else f"the last one {to_the_second(observed)}"

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        if not wanted:
            return "none so far" if observed is None else f"not since {to_the_second(observed)}"
        more = time_left(now, changes_at)
        return more if observed is None else f"{more}; the last one {to_the_second(observed)}"


@dataclass(frozen=True, slots=True)
class Pace:
    """A multiple of the customer's usual gap, limited to between two durations (microseconds)."""

    gaps: Fraction
    at_least: int
    at_most: int | None

    def text(self) -> str:
        most = "" if self.at_most is None else f", at most {format_duration(self.at_most)}"
        return f"{points_text(float(self.gaps))} gaps, at least {format_duration(self.at_least)}{most}"


@dataclass(frozen=True, slots=True)
class OwnPace(Leaf):
    """No matching touchpoint for longer than the customer's own pace."""

    match: Match
    pace: Pace

    def text(self) -> str:
        return f"absent({describe_match(self.match)}, {self.pace.text()})"

    def sentence(self, words: Words) -> str:
        phrases, pace = words.phrases(AbsencePhrases), self.pace
        return (phrases.pace if pace.at_most is None else phrases.pace_held).format(
            types=words.types(self.match),
            gaps=words.number(float(pace.gaps)),
            least=words.duration(pace.at_least),
            most=words.duration(pace.at_most or 0),
        )

    def seen(self, observed: Observed) -> str | None:
        return "none so far" if observed is None else f"the last one {to_the_second(observed)}"

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        if observed is None:
            return "none so far"
        if not wanted:
            return f"not since {to_the_second(observed)}"
        more = "too few to know a pace" if changes_at is None else time_left(now, changes_at)
        return f"{more}; the last one {to_the_second(observed)}"


class HowLong(Shape[int | Pace]):
    """A duration, or a map with a number of gaps."""

    def read(self, node: Node, report: Report) -> int | Pace | Bad:
        if not isinstance(node, MapNode):
            return Span().read(node, report)
        record = read_fields(node, "`for`", (GAPS, AT_LEAST, AT_MOST), report)
        if isinstance(record, Bad) or not record.sound:
            return BAD
        gaps, least, most = record.need(GAPS), record.need(AT_LEAST), record.get(AT_MOST)
        if gaps <= 0:
            report.error(record.place(GAPS), f"expected more than 0 gaps, found {gaps}")
            return BAD
        if most is not None and most < least:
            report.error(record.place(AT_MOST), f"`at_most` ({format_duration(most)}) is less than `at_least` ({format_duration(least)})")
            return BAD
        # As written: 1.1 is exactly eleven tenths, which no float is.
        return Pace(Fraction(str(gaps)), least, most)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [Span().schema(), map_schema((GAPS, AT_LEAST, AT_MOST))]}


GAPS = Field("gaps", Number(), "How many of the customer's usual gaps between matching touchpoints; may be a decimal.", required=True)
AT_LEAST = Field("at_least", Span(), "Never sooner than this.", required=True)
AT_MOST = Field(
    "at_most",
    Span(),
    "Never later than this, which also applies to customers who have no usual gap yet. Left out: for them the condition is false.",
)
ABSENT = own("absent", Types(), 'The touchpoint types that must not have occurred: a type, a list of types, or "*".')
FOR = own("for", HowLong(), "How long none has occurred: a duration, or a multiple of the customer's own gaps.")
IDLE = own("idle", Span(), "How long the customer has done nothing at all.")


def _absent(record: ReadMap, _: Comparison, report: Report) -> Condition | Bad:
    match = read_match(record, ABSENT, report)
    if isinstance(match, Bad):
        return match
    how_long = record.need(FOR)
    return OwnPace(match, how_long) if isinstance(how_long, Pace) else Absent(match, how_long)


def _idle(record: ReadMap, _: Comparison, __: Report) -> Condition:
    return Absent(Match((ANY_TYPE,)), record.need(IDLE))


KINDS = (
    ConditionKind(
        "absent",
        "No matching touchpoint for this long, from a customer known for at least this long.",
        (ABSENT, WHERE, FOR),
        _absent,
        phrases=AbsencePhrases,
    ),
    ConditionKind("idle", 'No touchpoint at all for this long: short for `absent: "*"`.', (IDLE,), _idle, phrases=AbsencePhrases),
)
