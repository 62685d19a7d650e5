"""`count`: how many matching touchpoints there are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.kind import WHERE, ConditionKind, WeightedTypes, own, read_match, weights_in
from etapa.journey.language.kinds.lookback import WINDOW, read_window
from etapa.journey.language.kinds.overlap import match_covers
from etapa.journey.language.kinds.wording import compared, opposite_comparison, value_or_none_yet
from etapa.journey.language.matching.descriptions import describe_comparison, describe_match
from etapa.journey.language.matching.matches import Comparison, Match, Weights
from etapa.journey.language.matching.possible import Domain, implies
from etapa.journey.language.matching.predicates import compile_comparison
from etapa.journey.language.matching.windows import Window
from etapa.journey.language.phrasing.phrases import KindPhrases, Plural
from etapa.journey.language.phrasing.words import Words
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.maps import ReadMap
from etapa.journey.language.reading.operands import COUNT, WEIGHTED_COUNT, Kind
from etapa.journey.language.reading.shapes import Bad

_NEVER: Final = ([("eq", 0)], [("lt", 1)], [("lte", 0)])


class CountPhrases(KindPhrases, frozen=True):
    times: Mapping[str, Plural]
    """How often, by the operators that compare numbers."""
    counted: str
    tested: str


@dataclass(frozen=True, slots=True)
class Count(Leaf):
    match: Match
    window: Window
    comparison: Comparison
    weights: Weights | None = None
    """What a touchpoint counts, by type; none: one each."""

    @property
    def is_whole(self) -> bool:
        """Whether it is always a whole number."""
        return self.weights is None or all(isinstance(weight, int) for _, weight in self.weights)

    def text(self) -> str:
        return f"count({describe_match(self.match, self.weights)}{self.window.text()}) {describe_comparison(self.comparison)}"

    def looks_at(self) -> tuple[Comparison, Domain]:
        return self.comparison, (COUNT if self.weights is None else WEIGHTED_COUNT).domain

    def reach(self) -> int | None:
        return self.window.reach()

    def needed(self) -> tuple[tuple[Match, int | None], ...]:
        return () if compile_comparison(self.comparison).accepts(0) else ((self.match, self.window.reach()),)

    def implies(self, weaker: Leaf) -> bool:
        if not isinstance(weaker, Count) or self.weights is not None or weaker.weights is not None:
            return False
        rising = all(test.operator in ("gt", "gte") for test in weaker.comparison.tests)
        return (
            rising
            and self.window.lies_in(weaker.window)
            and match_covers(weaker.match, self.match)
            and implies(COUNT.domain, self.comparison, weaker.comparison)
        )

    def sentence(self, words: Words) -> str:
        phrases = words.phrases(CountPhrases)
        types, window = words.types(self.match, self.weights), words.window(self.window)
        as_times = self.weights is None
        if as_times and [(test.operator, test.operand) for test in self.comparison.tests] in _NEVER:
            return words.shared.never.format(types=types, window=window)
        times = words.how_many(self.comparison, phrases.times) if as_times else None
        if times is None:
            return phrases.tested.format(types=types, window=window, test=words.comparison(self.comparison))
        return phrases.counted.format(types=types, window=window, times=times)

    def denial(self, words: Words) -> str | None:
        # It is always a number, so the opposite comparison says the same.
        opposite = opposite_comparison(self.comparison)
        return None if opposite is None else replace(self, comparison=opposite).sentence(words)

    def seen(self, observed: Observed) -> str | None:
        return value_or_none_yet(observed)

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        return compared(self.comparison, observed, wanted=wanted, adds_up=True, whole=self.is_whole)


_WHAT = (
    'The touchpoint types that are counted: a type, a list of types, or "*"; or a map from types to what each counts as,'
    " such as {order: 1, cancel: -1}."
)
COUNTED = own("count", WeightedTypes(), _WHAT)


def _count(record: ReadMap, comparison: Comparison, report: Report) -> Condition | Bad:
    match, window = read_match(record, COUNTED, report), read_window(record, report)
    return (
        match
        if isinstance(match, Bad)
        else window
        if isinstance(window, Bad)
        else Count(match, window, comparison, weights_in(record, COUNTED))
    )


def _compares(record: ReadMap) -> Kind:
    return COUNT if weights_in(record, COUNTED) is None else WEIGHTED_COUNT


KIND = ConditionKind(
    "count",
    "How many matching touchpoints there are.",
    (COUNTED, WHERE, *WINDOW),
    _count,
    compares=_compares,
    widest=COUNT,
    phrases=CountPhrases,
)
