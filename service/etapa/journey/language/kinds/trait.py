"""`trait`: a trait of the customer."""

from dataclasses import dataclass

from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.kind import MAX_TYPE, ConditionKind, own
from etapa.journey.language.kinds.wording import is_and_needs, value_or_none_yet
from etapa.journey.language.matching.descriptions import describe_comparison
from etapa.journey.language.matching.matches import Comparison
from etapa.journey.language.matching.possible import Domain
from etapa.journey.language.phrasing.phrases import KindPhrases
from etapa.journey.language.phrasing.words import Words
from etapa.journey.language.reading.findings import Report, shortened
from etapa.journey.language.reading.maps import ReadMap
from etapa.journey.language.reading.operands import VALUE
from etapa.journey.language.reading.shapes import Text


class TraitPhrases(KindPhrases, frozen=True):
    trait: str


@dataclass(frozen=True, slots=True)
class Trait(Leaf):
    name: str
    comparison: Comparison

    def text(self) -> str:
        return f"trait({self.name}) {describe_comparison(self.comparison)}"

    def looks_at(self) -> tuple[Comparison, Domain]:
        return self.comparison, VALUE.domain

    def sentence(self, words: Words) -> str:
        return self._told(words, words.comparison(self.comparison))

    def denial(self, words: Words) -> str | None:
        fails = words.comparison_fails(self.comparison)
        return None if fails is None else self._told(words, fails)

    def _told(self, words: Words, test: str) -> str:
        value = words.read_as(words.trait(self.name), self.comparison.conversion)
        return words.phrases(TraitPhrases).trait.format(value=value, test=test)

    def seen(self, observed: Observed) -> str | None:
        return value_or_none_yet(observed)

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        return "not known yet" if observed is None else is_and_needs(self.comparison, observed, wanted=wanted)


TRAIT = own(
    "trait", Text("the name of a trait", longest=MAX_TYPE), "The trait, as touchpoints set it; the one with the latest time counts."
)


def _trait(record: ReadMap, comparison: Comparison, report: Report) -> Condition:
    name = record.need(TRAIT)
    if name.startswith("traits."):
        report.warning(record.place(TRAIT), f"the trait is named without `traits.` before it: `{shortened(name.removeprefix('traits.'))}`")
    return Trait(name, comparison)


KIND = ConditionKind("trait", "A trait of the customer.", (TRAIT,), _trait, compares=lambda _: VALUE, widest=VALUE, phrases=TraitPhrases)
