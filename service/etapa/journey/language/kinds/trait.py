"""`trait`: a trait of the customer."""

from dataclasses import dataclass

from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.kind import MAX_TYPE, ConditionKind, own
from etapa.journey.language.kinds.wording import is_and_needs, value_or_none_yet
from etapa.journey.language.matching.descriptions import describe_comparison
from etapa.journey.language.matching.matches import Comparison
from etapa.journey.language.matching.possible import Domain
from etapa.journey.language.reading.findings import Report, shortened
from etapa.journey.language.reading.maps import ReadMap
from etapa.journey.language.reading.operands import VALUE
from etapa.journey.language.reading.shapes import Text


@dataclass(frozen=True, slots=True)
class Trait(Leaf):
    name: str
    comparison: Comparison

    def text(self) -> str:
        return f"trait({self.name}) {describe_comparison(self.comparison)}"

    def looks_at(self) -> tuple[Comparison, Domain]:
        return self.comparison, VALUE.domain

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


KIND = ConditionKind("trait", "A trait of the customer.", (TRAIT,), _trait, compares=lambda _: VALUE, widest=VALUE)
