"""`sequence`: touchpoints came in this order."""

from dataclasses import dataclass
from typing import Any

from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.event import EVENT
from etapa.journey.language.kinds.kind import WHERE, ConditionKind, own, read_match
from etapa.journey.language.matching.descriptions import describe_match, window_text
from etapa.journey.language.matching.matches import Comparison, Match
from etapa.journey.language.phrasing.phrases import Joint, KindPhrases
from etapa.journey.language.phrasing.words import Words
from etapa.journey.language.reading.findings import Report, shortened
from etapa.journey.language.reading.lists import ListOf
from etapa.journey.language.reading.maps import Field, ReadMap, map_schema, read_fields
from etapa.journey.language.reading.shapes import BAD, Bad, Shape, Span, refuse
from etapa.journey.language.reading.yaml_nodes import Node, ScalarNode

MAX_STEPS = 32


class SequencePhrases(KindPhrases, frozen=True):
    then: Joint
    in_order: str
    not_in_order: str


@dataclass(frozen=True, slots=True)
class Sequence(Leaf):
    steps: tuple[Match, ...]
    within: int

    def text(self) -> str:
        return f"sequence({' then '.join(describe_match(step) for step in self.steps)}{window_text(self.within)})"

    def reach(self) -> int:
        return self.within

    def needed(self) -> tuple[tuple[Match, int | None], ...]:
        return tuple((step, self.within) for step in self.steps)

    def implies(self, weaker: Leaf) -> bool:
        return isinstance(weaker, Sequence) and self.steps == weaker.steps and self.within <= weaker.within

    def sentence(self, words: Words) -> str:
        return self._told(words, words.phrases(SequencePhrases).in_order)

    def denial(self, words: Words) -> str:
        return self._told(words, words.phrases(SequencePhrases).not_in_order)

    def _told(self, words: Words, phrase: str) -> str:
        steps = words.phrases(SequencePhrases).then.together([words.types(step) for step in self.steps])
        return phrase.format(steps=steps, duration=words.duration(self.within))

    def seen(self, observed: Observed) -> str | None:
        return f"{observed} of {len(self.steps)} steps"

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        if not wanted:
            return f"all {len(self.steps)} steps taken"
        taken = observed if isinstance(observed, int) else 0
        return f"{taken} of {len(self.steps)} steps; next {describe_match(self.steps[taken])}"


class Step(Shape[Match]):
    """One step of a sequence."""

    def read(self, node: Node, report: Report) -> Match | Bad:
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            return refuse(node, "a step (a map)", report, f": write {{event: {shortened(node.value)}}}")
        record = read_fields(node, "a step", (EVENT, WHERE), report)
        return BAD if record is BAD or not record.sound else read_match(record, EVENT, report)

    def schema(self) -> dict[str, Any]:
        return map_schema((EVENT, WHERE))


STEPS = own("sequence", ListOf(Step(), "steps", maximum=MAX_STEPS), "The steps, each a different touchpoint, in this order.")
SEQUENCE_WITHIN = Field("within", Span(), "All steps are within this long up to now.", required=True)


def _sequence(record: ReadMap, _: Comparison, __: Report) -> Condition:
    return Sequence(record.need(STEPS), record.need(SEQUENCE_WITHIN))


KIND = ConditionKind("sequence", "Touchpoints came in this order.", (STEPS, SEQUENCE_WITHIN), _sequence, phrases=SequencePhrases)
