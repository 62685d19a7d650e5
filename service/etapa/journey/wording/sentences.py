"""Rules as sentences, in every language that has phrases. Each kind of condition brings its own sentence."""

from collections.abc import Mapping

from etapa.journey.language.design.labels import EVERY_LANGUAGE
from etapa.journey.language.kinds.condition import All, AnyOf, Condition, Leaf, Not
from etapa.journey.language.model import Journey, Rule
from etapa.journey.language.phrasing.phrases import Language
from etapa.journey.language.phrasing.words import Words


def in_language(words: Mapping[str, str], code: str, otherwise: str = "") -> str:
    """A text for people in a language; if it is missing there, in any other language rather than none."""
    for wanted in (code, EVERY_LANGUAGE, "en"):
        if wanted in words:
            return words[wanted]
    return next(iter(words.values()), otherwise)


class Sentences:
    """The rules of one journey in one language."""

    def __init__(self, language: Language, journey: Journey) -> None:
        code, design = language.code, journey.design
        self._phrases = language.rules
        self._stages = {stage.id: in_language(stage.label, code, stage.id) for stage in journey.stages}
        self._words = Words(
            language,
            {each.id: in_language(each.label, code, each.id) for each in design.types},
            {each.id: in_language(each.label, code, each.id) for each in design.channels},
        )

    def rule(self, rule: Rule) -> str:
        """The whole rule: from where to where, and when."""
        phrases, words = self._phrases, self._words
        stages = [words.quoted(self._stages.get(source, source)) for source in rule.sources]
        to = words.quoted(self._stages.get(rule.to, rule.to))
        return phrases.rule.format_map({"from": phrases.either.together(stages), "to": to, "condition": self.condition(rule.when)})

    def condition(self, condition: Condition) -> str:
        """The condition to follow *when*, without a full stop."""
        match condition:
            case All(conditions):
                return self._phrases.all_of.together([self._inner(each) for each in conditions])
            case AnyOf(conditions):
                return self._phrases.any_of.together([self._inner(each) for each in conditions])
            case Not(negated):
                return self._denial(negated) if isinstance(negated, Leaf) else self.condition(opposite(negated))
            case _:
                return condition.sentence(self._words)

    def _inner(self, condition: Condition) -> str:
        told = self.condition(condition)
        meant = opposite(condition.condition) if isinstance(condition, Not) else condition
        return self._phrases.group.format(condition=told) if isinstance(meant, All | AnyOf) else told

    def _denial(self, leaf: Leaf) -> str:
        denied = leaf.denial(self._words)
        return self._phrases.negated.otherwise.format(condition=leaf.sentence(self._words)) if denied is None else denied


def opposite(condition: Condition) -> Condition:
    """What holds when the condition does not. `not` is drawn into groups, as where a customer's stage is explained."""
    match condition:
        case All(conditions):
            return AnyOf(tuple(Not(each) for each in conditions))
        case AnyOf(conditions):
            return All(tuple(Not(each) for each in conditions))
        case Not(negated):
            return negated
        case _:
            return Not(condition)
