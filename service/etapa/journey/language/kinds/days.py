"""`days`: on how many different days something happened, on the customer's calendar."""

from dataclasses import dataclass

from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.kind import WHERE, ConditionKind, Types, own, read_match
from etapa.journey.language.kinds.lookback import WINDOW, read_window
from etapa.journey.language.kinds.overlap import match_covers
from etapa.journey.language.kinds.wording import compared, value_or_none_yet
from etapa.journey.language.matching.descriptions import describe_comparison, describe_match
from etapa.journey.language.matching.matches import Comparison, Match
from etapa.journey.language.matching.possible import Domain, implies
from etapa.journey.language.matching.predicates import compile_comparison
from etapa.journey.language.matching.windows import Window
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.maps import ReadMap
from etapa.journey.language.reading.operands import DAYS
from etapa.journey.language.reading.shapes import Bad


@dataclass(frozen=True, slots=True)
class Days(Leaf):
    match: Match
    window: Window
    comparison: Comparison

    def text(self) -> str:
        return f"days({describe_match(self.match)}{self.window.text()}) {describe_comparison(self.comparison)}"

    def looks_at(self) -> tuple[Comparison, Domain]:
        return self.comparison, DAYS.domain

    def reach(self) -> int | None:
        return self.window.reach()

    def needed(self) -> tuple[tuple[Match, int | None], ...]:
        return () if compile_comparison(self.comparison).accepts(0) else ((self.match, self.window.reach()),)

    def implies(self, weaker: Leaf) -> bool:
        if not isinstance(weaker, Days) or not self.window.lies_in(weaker.window) or not match_covers(weaker.match, self.match):
            return False
        rising = all(test.operator in ("gt", "gte") for test in weaker.comparison.tests)
        return rising and implies(DAYS.domain, self.comparison, weaker.comparison)

    def seen(self, observed: Observed) -> str | None:
        return value_or_none_yet(observed)

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        return compared(self.comparison, observed, wanted=wanted, adds_up=True, whole=True)


DAYS_OF = own("days", Types(), 'The touchpoint types whose days are counted: a type, a list of types, or "*".')


def _days(record: ReadMap, comparison: Comparison, report: Report) -> Condition | Bad:
    match, window = read_match(record, DAYS_OF, report), read_window(record, report)
    return match if isinstance(match, Bad) else window if isinstance(window, Bad) else Days(match, window, comparison)


KIND = ConditionKind(
    "days",
    "On how many different days of the customer's calendar there are matching touchpoints.",
    (DAYS_OF, WHERE, *WINDOW),
    _days,
    compares=lambda _: DAYS,
    widest=DAYS,
)
"""The day of a touchpoint is the date on the customer's calendar when it arrived."""
