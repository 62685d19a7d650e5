"""`sum`, `avg`, `min`, `max`, `distinct` and `last`: conditions on the values at a path."""

from dataclasses import dataclass
from typing import Any, Literal

from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.kind import OF, OF_WEIGHTED, WHERE, ConditionKind, own, read_match, weights_in
from etapa.journey.language.kinds.lookback import WINDOW, read_window
from etapa.journey.language.kinds.wording import compared, value_or_none_yet
from etapa.journey.language.matching.descriptions import as_text, describe_match, describe_path, describe_tests
from etapa.journey.language.matching.matches import Comparison, Conversion, Match, Path, Weights
from etapa.journey.language.matching.possible import Domain
from etapa.journey.language.matching.predicates import compile_comparison
from etapa.journey.language.matching.windows import Window
from etapa.journey.language.phrasing.phrases import KindPhrases
from etapa.journey.language.phrasing.words import Words
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.maps import Field, ReadMap
from etapa.journey.language.reading.operands import AVERAGE, DISTINCT, EXTREME, LATEST_TEXT, SUM, VALUE, Kind
from etapa.journey.language.reading.shapes import BAD, Bad
from etapa.journey.language.reading.where import PathShape

AggregateKind = Literal["sum", "avg", "min", "max", "distinct", "last"]


class AggregatePhrases(KindPhrases, frozen=True):
    sum: str
    avg: str
    min: str
    max: str
    distinct: str
    last: str

    def of(self, kind: AggregateKind) -> str:
        return {"sum": self.sum, "avg": self.avg, "min": self.min, "max": self.max, "distinct": self.distinct, "last": self.last}[kind]


@dataclass(frozen=True, slots=True)
class Aggregate(Leaf):
    kind: AggregateKind
    path: Path
    match: Match
    window: Window
    comparison: Comparison
    """If the values are dates, it compares with dates."""
    conversion: Conversion | None = None
    """What the values are converted to first."""
    weights: Weights | None = None
    """For a sum: the factors by which values are multiplied, by type."""

    def text(self) -> str:
        what = f"{describe_path(self.path)}{as_text(self.conversion)}of {describe_match(self.match, self.weights)}{self.window.text()}"
        return f"{self.kind}({what}) {describe_tests(self.comparison)}"

    def looks_at(self) -> tuple[Comparison, Domain]:
        return self.comparison, _WIDEST[self.kind].domain

    def reach(self) -> int | None:
        return self.window.reach()

    def needed(self) -> tuple[tuple[Match, int | None], ...]:
        of_none = 0 if self.kind in ("sum", "distinct") else None
        return () if compile_comparison(self.comparison).accepts(of_none) else ((self.match, self.window.reach()),)

    def sentence(self, words: Words) -> str:
        return self._told(words, words.comparison(self.comparison))

    def denial(self, words: Words) -> str | None:
        fails = words.comparison_fails(self.comparison)
        return None if fails is None else self._told(words, fails)

    def _told(self, words: Words, test: str) -> str:
        return (
            words.phrases(AggregatePhrases)
            .of(self.kind)
            .format(
                value=words.read_as(words.path(self.path), self.conversion),
                types=words.types(self.match, self.weights),
                window=words.window(self.window),
                test=test,
            )
        )

    def seen(self, observed: Observed) -> str | None:
        return value_or_none_yet(observed)

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        distinct = self.kind == "distinct"
        return compared(self.comparison, observed, wanted=wanted, adds_up=distinct or self.kind == "sum", whole=distinct)


_WIDEST: dict[AggregateKind, Kind] = {
    "sum": SUM,
    "avg": AVERAGE,
    "min": EXTREME,
    "max": EXTREME,
    "distinct": DISTINCT,
    "last": VALUE,
}


@dataclass(frozen=True)
class _AggregateReader:
    kind: AggregateKind
    path: Field[Path]
    of: Field[Any]

    def __call__(self, record: ReadMap, comparison: Comparison, report: Report) -> Condition | Bad:
        match, window = read_match(record, self.of, report), read_window(record, report)
        path = record.need(self.path)
        conversion = comparison.conversion
        if self.kind in ("sum", "avg", "min", "max") and path[0] in ("channel", "type") and conversion is None:
            report.error(record.place(self.path), f"`{path[0]}` is text, never a number: there is nothing to take the {self.kind} of")
            return BAD
        if isinstance(match, Bad) or isinstance(window, Bad):
            return BAD
        if self.kind in ("sum", "avg", "distinct"):
            # The result is a number, whatever the values are converted to.
            comparison = Comparison(comparison.tests)
        return Aggregate(self.kind, path, match, window, comparison, conversion, weights_in(record, self.of))


def _aggregate(kind: AggregateKind, description: str) -> ConditionKind:
    widest = _WIDEST[kind]
    shape = PathShape(elements=kind != "last")
    more = "" if kind == "last" else " `properties.items[].price` means that of every element of a list."
    path = own(kind, shape, f"Where the value lies: `channel`, `type`, `properties.KEY[.KEY…]` or `traits.KEY`.{more}")

    of = OF_WEIGHTED if kind == "sum" else OF

    def compares(record: ReadMap) -> Kind:
        return LATEST_TEXT if kind == "last" and record.need(path)[0] in ("channel", "type") else widest

    return ConditionKind(
        kind, description, (path, of, WHERE, *WINDOW), _AggregateReader(kind, path, of), compares, widest, AggregatePhrases
    )


KINDS = (
    _aggregate("sum", "The sum of the numbers at a path; 0 if there are none."),
    _aggregate("avg", "The mean of the numbers at a path; missing if there are none."),
    _aggregate("min", "The smallest of the numbers at a path; missing if there are none."),
    _aggregate("max", "The largest of the numbers at a path; missing if there are none."),
    _aggregate("distinct", "How many different values there are at a path."),
    _aggregate("last", "The value at a path of the latest matching touchpoint."),
)
