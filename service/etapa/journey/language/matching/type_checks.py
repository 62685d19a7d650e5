"""Values of a type with which a comparison can never find anything equal: text where numbers are compared, and the like."""

from typing import Any, Final

from etapa.journey.language.matching.conversions import converted
from etapa.journey.language.matching.json_kinds import JsonKind, json_kind, kinds_of
from etapa.journey.language.matching.matches import Comparison, Conversion, Operator, Test
from etapa.journey.localtime.zones import UTC

_IN_TEXT: Final[frozenset[Operator]] = frozenset({"starts_with", "ends_with", "matches"})


class TypeCheck:
    """What type of value is wanted: the types that each test can use, and as what it is read first."""

    __slots__ = ("conversion", "tests")

    def __init__(self, tests: list[frozenset[JsonKind]], conversion: Conversion | None) -> None:
        self.tests: Final = tests
        self.conversion: Final[Conversion | None] = conversion

    def misses(self, value: Any) -> bool:
        """Whether the value is there, and of a type that cannot be used. Says nothing of what is missing."""
        if value is None:
            return False
        if self.conversion is not None:
            return converted(value, self.conversion, UTC) is None
        if not self.tests:
            return False
        kind = json_kind(value)
        for usable in self.tests:  # noqa: SIM110 - a generator would double the cost
            if kind not in usable:
                return True
        return False

    @property
    def wanted(self) -> str:
        """In words, such as `a number`."""
        if self.conversion is not None:
            return f"nothing that reads as a {self.conversion}"
        usable = sorted(frozenset.intersection(*self.tests)) if self.tests else []
        return " or ".join(_WORDS[kind] for kind in usable) or "several types at once"


NUMBERS: Final = TypeCheck([frozenset({"number"})], None)
"""Of what is added up."""

LISTS: Final = TypeCheck([frozenset({"list"})], None)
"""Of what elements are taken from."""

_WORDS: Final[dict[JsonKind, str]] = {
    "null": "null",
    "boolean": "a boolean",
    "number": "a number",
    "text": "text",
    "list": "a list",
    "object": "an object",
}


def in_words(value: Any) -> str:
    """The type of a value: `a number`, `text`."""
    return _WORDS[json_kind(value)]


def type_check(comparison: Comparison) -> TypeCheck:
    """What values `comparison` can use."""
    if comparison.conversion is not None:
        return TypeCheck([], comparison.conversion)
    usable = [kinds for test in comparison.tests if (kinds := _usable(test))]
    return TypeCheck([*usable, *[frozenset[JsonKind]({"list"})] * bool(comparison.elements)], None)


def accepts_other_types(comparison: Comparison) -> bool:
    """Whether a value of another type passes one of the tests just because it is another."""
    return any(test.operator in ("ne", "not_in") for test in comparison.tests) or any(
        each.quantifier == "none" for each in comparison.elements
    )


def _usable(test: Test) -> frozenset[JsonKind]:
    """Types that the test can use; empty where it asks for no type, as `exists` and `eq: null` do."""
    if test.operator in _IN_TEXT:
        return frozenset({"text"})
    kinds = frozenset(kinds_of(test)) - {"null"}
    if test.operator == "contains":
        return kinds & {"text"} | {"list"}
    return kinds
