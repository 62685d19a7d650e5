"""The rules of a journey as sentences, in all languages at once."""

from collections.abc import Mapping, Sequence

from etapa.journey.language.kinds.describe import describe
from etapa.journey.language.model import Journey
from etapa.journey.wording.phrases import Language
from etapa.journey.wording.sentences import Sentences


class RulesTold:
    """Made once for a journey, since telling takes longer than looking it up."""

    def __init__(self, journey: Journey, languages: Sequence[Language]) -> None:
        sentences = {language.code: Sentences(language, journey) for language in languages}
        self._sentences = {rule.id: {code: each.rule(rule) for code, each in sentences.items()} for rule in journey.rules}
        self._code = {rule.id: describe(rule.when) for rule in journey.rules}

    def sentence(self, rule: str) -> Mapping[str, str]:
        """By language."""
        return self._sentences[rule]

    def code(self, rule: str) -> str:
        """As stage changes give their reasons."""
        return self._code[rule]
