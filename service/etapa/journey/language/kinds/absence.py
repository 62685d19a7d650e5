"""`absent` and `idle`: no matching touchpoint for so long."""

from dataclasses import dataclass

from etapa.journey.language.condition import Condition, Leaf, Observed
from etapa.journey.language.duration import format_duration
from etapa.journey.language.findings import Report
from etapa.journey.language.kinds.kind import WHERE, ConditionKind, Types, own, read_match
from etapa.journey.language.matches import ANY_TYPE, EVERYWHERE, Comparison, Match
from etapa.journey.language.overlap import match_covers
from etapa.journey.language.phrases import describe_match
from etapa.journey.language.shapes import Bad, Record, Span
from etapa.journey.language.wording import time_left, to_the_second


@dataclass(frozen=True, slots=True)
class Absent(Leaf):
    """No matching touchpoint for `duration`. `idle` is this with every type and no `where`."""

    match: Match
    duration: int

    def text(self) -> str:
        if self.match.types == (ANY_TYPE,) and self.match.where == EVERYWHERE:
            return f"idle({format_duration(self.duration)})"
        return f"absent({describe_match(self.match)}, {format_duration(self.duration)})"

    def reach(self) -> int:
        return self.duration

    def implies(self, weaker: Leaf) -> bool:
        return isinstance(weaker, Absent) and self.duration >= weaker.duration and match_covers(self.match, weaker.match)

    def excludes(self, other: Leaf) -> bool:
        return any(within is not None and within <= self.duration and match_covers(self.match, match) for match, within in other.needed())

    def seen(self, observed: Observed) -> str | None:
        return "none so far" if observed is None else f"the last one {to_the_second(observed)}"

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        if not wanted:
            return "none so far" if observed is None else f"not since {to_the_second(observed)}"
        more = time_left(now, changes_at)
        return more if observed is None else f"{more}; the last one {to_the_second(observed)}"


ABSENT = own("absent", Types(), 'The touchpoint types that must not have come: a type, a list of types, or "*".')
FOR = own("for", Span(), "How long none has come.")
IDLE = own("idle", Span(), "How long the customer has done nothing at all.")


def _absent(record: Record, _: Comparison, report: Report) -> Condition | Bad:
    match = read_match(record, ABSENT, report)
    return match if isinstance(match, Bad) else Absent(match, record.need(FOR))


def _idle(record: Record, _: Comparison, __: Report) -> Condition:
    return Absent(Match((ANY_TYPE,)), record.need(IDLE))


KINDS = (
    ConditionKind("absent", "No matching touchpoint for so long, of a customer known for so long.", (ABSENT, WHERE, FOR), _absent),
    ConditionKind("idle", 'No touchpoint at all for so long: short for `absent: "*"`.', (IDLE,), _idle),
)
