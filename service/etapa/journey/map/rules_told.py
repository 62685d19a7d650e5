"""The rules of a journey as sentences, in all languages at once."""

from collections.abc import Iterator, Mapping, Sequence

from etapa.journey.language.kinds.condition import All, AnyOf, Condition, Leaf, Not
from etapa.journey.language.kinds.describe import describe
from etapa.journey.language.model import Journey
from etapa.journey.language.phrasing.phrases import Language
from etapa.journey.wording.sentences import Sentences


class RulesTold:
    """Built once per journey, because making sentences takes longer than looking them up."""

    def __init__(self, journey: Journey, languages: Sequence[Language]) -> None:
        sentences = {language.code: Sentences(language, journey) for language in languages}
        self._sentences = {rule.id: {code: each.rule(rule) for code, each in sentences.items()} for rule in journey.rules}
        parts = {describe(part): part for rule in journey.rules for leaf in _leaves(rule.when) for part in (leaf, Not(leaf))}
        self._conditions = {text: {code: each.condition(part) for code, each in sentences.items()} for text, part in parts.items()}
        self._code = {rule.id: describe(rule.when) for rule in journey.rules}

    def sentence(self, rule: str) -> Mapping[str, str]:
        """The rule as a sentence, by language."""
        return self._sentences[rule]

    def condition(self, text: str) -> Mapping[str, str]:
        """A condition that contains no others, or the opposite of one, by language. `text`: as explanations and reasons give it."""
        return self._conditions[text]

    def reason(self, text: str) -> Mapping[str, str]:
        """A condition of a stage change's reasons, by language; its own words if no rule has it."""
        return self._conditions.get(text, {"mul": text})

    def code(self, rule: str) -> str:
        """The rule's condition as in the reasons of stage changes."""
        return self._code[rule]


def _leaves(condition: Condition) -> Iterator[Leaf]:
    match condition:
        case All(conditions) | AnyOf(conditions):
            for each in conditions:
                yield from _leaves(each)
        case Not(negated):
            yield from _leaves(negated)
        case _:
            yield condition
