"""`days`: on how many different days something happened, on the customer's calendar."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.kind import WHERE, ConditionKind, Types, own, read_match
from etapa.journey.language.kinds.lookback import WINDOW, read_window
from etapa.journey.language.kinds.overlap import match_covers
from etapa.journey.language.kinds.wording import compared, opposite_comparison, value_or_none_yet
from etapa.journey.language.matching.descriptions import describe_comparison, describe_match
from etapa.journey.language.matching.matches import Comparison, Match
from etapa.journey.language.matching.possible import Domain, implies
from etapa.journey.language.matching.predicates import compile_comparison
from etapa.journey.language.matching.windows import Window
from etapa.journey.language.phrasing.phrases import KindPhrases, Plural
from etapa.journey.language.phrasing.words import Words
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.maps import ReadMap
from etapa.journey.language.reading.operands import DAYS
from etapa.journey.language.reading.shapes import Bad


class DaysPhrases(KindPhrases, frozen=True):
    days: Mapping[str, Plural]
    """On how many days, by the operators that compare numbers."""
    counted: str
    tested: str


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

    def sentence(self, words: Words) -> str:
        phrases = words.phrases(DaysPhrases)
        types, window = words.types(self.match), words.window(self.window)
        days = words.how_many(self.comparison, phrases.days)
        if days is None:
            return phrases.tested.format(types=types, window=window, test=words.comparison(self.comparison))
        return phrases.counted.format(types=types, window=window, days=days)

    def denial(self, words: Words) -> str | None:
        # It is always a number, so the opposite comparison says the same.
        opposite = opposite_comparison(self.comparison)
        return None if opposite is None else replace(self, comparison=opposite).sentence(words)

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
    phrases=DaysPhrases,
)
"""The day of a touchpoint is the date on the customer's calendar when it arrived."""
