"""`first`: the value of the earliest matching touchpoint ever."""

from dataclasses import dataclass

from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.kind import OF, WHERE, ConditionKind, own, read_match
from etapa.journey.language.kinds.wording import compared, value_or_none_yet
from etapa.journey.language.matching.descriptions import as_text, describe_match, describe_path, describe_tests
from etapa.journey.language.matching.matches import Comparison, Match, Path
from etapa.journey.language.matching.possible import Domain
from etapa.journey.language.matching.predicates import compile_comparison
from etapa.journey.language.phrasing.phrases import KindPhrases
from etapa.journey.language.phrasing.words import Words
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.maps import ReadMap
from etapa.journey.language.reading.operands import LATEST_TEXT, VALUE, Kind
from etapa.journey.language.reading.shapes import Bad
from etapa.journey.language.reading.where import PathShape


class FirstPhrases(KindPhrases, frozen=True):
    first: str


@dataclass(frozen=True, slots=True)
class First(Leaf):
    path: Path
    match: Match
    comparison: Comparison

    def text(self) -> str:
        what = f"{describe_path(self.path)}{as_text(self.comparison.conversion)}of {describe_match(self.match)}"
        return f"first({what}) {describe_tests(self.comparison)}"

    def looks_at(self) -> tuple[Comparison, Domain]:
        return self.comparison, VALUE.domain

    def needed(self) -> tuple[tuple[Match, int | None], ...]:
        return () if compile_comparison(self.comparison).accepts(None) else ((self.match, None),)

    def sentence(self, words: Words) -> str:
        return self._told(words, words.comparison(self.comparison))

    def denial(self, words: Words) -> str | None:
        fails = words.comparison_fails(self.comparison)
        return None if fails is None else self._told(words, fails)

    def _told(self, words: Words, test: str) -> str:
        value = words.read_as(words.path(self.path), self.comparison.conversion)
        return words.phrases(FirstPhrases).first.format(value=value, types=words.types(self.match), test=test)

    def seen(self, observed: Observed) -> str | None:
        return value_or_none_yet(observed)

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        return compared(self.comparison, observed, wanted=wanted)


FIRST = own("first", PathShape(), "Where the value lies: `channel`, `type`, `properties.KEY[.KEY…]` or `traits.KEY`.")


def _compares(record: ReadMap) -> Kind:
    return LATEST_TEXT if record.need(FIRST)[0] in ("channel", "type") else VALUE


def _first(record: ReadMap, comparison: Comparison, report: Report) -> Condition | Bad:
    match = read_match(record, OF, report)
    return match if isinstance(match, Bad) else First(record.need(FIRST), match, comparison)


KIND = ConditionKind(
    "first",
    "The value at a path of the earliest matching touchpoint ever.",
    (FIRST, OF, WHERE),
    _first,
    _compares,
    VALUE,
    phrases=FirstPhrases,
)
