"""What conditions are told with: their phrases, and touchpoints and comparisons in the reader's language."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from etapa.journey.language.matching.matches import ANY_TYPE, ELEMENTS, Comparison, Elements, Match, Path, Scalar, Test, Weights, Where
from etapa.journey.language.phrasing.phrases import KindPhrases, Language, Plural, RulePhrases
from etapa.journey.language.phrasing.quantities import ValuesInWords

_JUST_ITSELF: Path = ()


P = TypeVar("P", bound=KindPhrases)


class Words(ValuesInWords):
    """Says what conditions ask of touchpoints, using people's names for types and channels."""

    def __init__(self, language: Language, types: Mapping[str, str], channels: Mapping[str, str]) -> None:
        super().__init__(language)
        self._types = types
        self._channels = channels
        self._of_kinds: dict[type[KindPhrases], KindPhrases] = {}

    def phrases(self, kind: type[P]) -> P:
        """The phrases of a kind of condition. Raises `msgspec.ValidationError` if the language lacks one or has one too many."""
        found = self._of_kinds.get(kind)
        if not isinstance(found, kind):
            found = self._of_kinds[kind] = msgspec.convert(self._language.conditions.get(kind.name(), {}), kind)
        return found

    @property
    def shared(self) -> RulePhrases:
        """The phrases that all kinds share."""
        return self._phrases

    def type_name(self, name: str) -> str:
        """A type's name for people, in quotes."""
        return self._phrases.anything if name == ANY_TYPE else self.quoted(self._types.get(name, name))

    def types(self, match: Match, weights: Weights | None = None) -> str:
        """The touchpoints: their types, what each counts, and what else they must satisfy."""
        return self.names(match, weights) + self.where(match)

    def names(self, match: Match, weights: Weights | None = None) -> str:
        """The types alone."""
        told = [self.type_name(name) for name in match.types] if weights is None else [self._worth(*each) for each in weights]
        return self._phrases.either.together(told)

    def where(self, match: Match) -> str:
        """What else the touchpoints must satisfy, to follow their types; empty if nothing."""
        return self._phrases.where.format(asks=self._asks(match.where)) if match.where.entries else ""

    def _worth(self, name: str, weight: float) -> str:
        told = self._phrases.other_types if name == ANY_TYPE else self.type_name(name)
        return self._phrases.worth.format(type=told, points=self.number(weight))

    def scored(self, name: str, points: float) -> str:
        """A type with the points that it gives."""
        return self._phrases.points.of(points).format(type=self.type_name(name), points=self.number(points))

    def path(self, path: Path) -> str:
        """Where a value lies."""
        if path in (("channel",), ("type",)):
            return self._phrases.channel if path == ("channel",) else self._phrases.type
        if path == _JUST_ITSELF:
            return self._phrases.element
        room, *keys = path
        if room == "traits" and keys:
            return self.trait(".".join(keys))
        keys = keys if room == "properties" else [room, *keys]
        if ELEMENTS in keys:
            at = keys.index(ELEMENTS)
            inner = ".".join(keys[at + 1 :])
            outer = ".".join(keys[:at])
            return self._phrases.properties_of_elements.format(name=inner, list=outer) if inner else self._named(outer)
        return self._named(".".join(keys))

    def trait(self, name: str) -> str:
        """A trait of the customer."""
        return self._phrases.trait_of_customer.format(name=name)

    def _named(self, name: str) -> str:
        return self._phrases.property.format(name=name)

    def read_as(self, value: str, conversion: str | None) -> str:
        """A value, and what it is converted to."""
        phrases = self._phrases
        if conversion is None:
            return value
        said = {"number": phrases.as_number, "boolean": phrases.as_boolean, "date": phrases.as_date}[conversion]
        return said.format(value=value)

    def comparison(self, comparison: Comparison, names: Mapping[str, str] | None = None) -> str:
        """What a value must be. `names`: people's names for values."""
        tests = [self._test(test, names or {}) for test in comparison.tests]
        return self._phrases.both.together(tests + [self._elements(each) for each in comparison.elements])

    def comparison_fails(self, comparison: Comparison) -> str | None:
        """What to say about a value that fails the comparison; none if it is more than one test."""
        if comparison.elements or len(comparison.tests) != 1:
            return None
        return self._test(comparison.tests[0], {}, passed=False)

    def how_many(self, comparison: Comparison, said: Mapping[str, Plural]) -> str | None:
        """All tests of a number of times or days, in the phrases `said`; none if the language lacks one of them."""
        parts: list[str] = []
        for test in comparison.tests:
            number = test.operand
            if test.operator not in said or isinstance(number, bool) or not isinstance(number, int | float):
                return None
            parts.append(said[test.operator].of(number).format(n=self.number(number)))
        return self._phrases.both.together(parts) if parts and not comparison.elements else None

    def _test(self, test: Test, names: Mapping[str, str], *, passed: bool = True) -> str:
        tests = self._phrases.tests if passed else self._phrases.negated.tests
        if test.operator == "exists":
            return tests["exists" if test.operand else "missing"]
        operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
        told = self._phrases.either.together([self._operand(each, names) for each in operands]) if operands else self._phrases.nothing
        return tests[test.operator].format(operand=told)

    def _operand(self, value: Scalar, names: Mapping[str, str]) -> str:
        return self.quoted(names[value]) if isinstance(value, str) and value in names else self.value(value)

    def _elements(self, elements: Elements) -> str:
        phrases = self._phrases
        quantified = {"any": phrases.some_element, "all": phrases.every_element, "none": phrases.no_element}[elements.quantifier]
        asked = elements.asked
        return quantified.format(asks=self._asks(Where(((_JUST_ITSELF, asked),)) if isinstance(asked, Comparison) else asked))

    def _asks(self, where: Where) -> str:
        return self._phrases.both.together([self._ask(path, comparison) for path, comparison in where.entries])

    def _ask(self, path: Path, comparison: Comparison) -> str:
        by_path: Mapping[Path, Mapping[str, str]] = {("channel",): self._channels, ("type",): self._types}
        names = by_path.get(path, {})
        value = self.read_as(self.path(path), comparison.conversion)
        return self._phrases.ask.format(value=value, test=self.comparison(comparison, names))
