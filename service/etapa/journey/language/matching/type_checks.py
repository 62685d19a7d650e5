"""Values of a type that a comparison can never use, such as text where numbers are compared."""

from typing import Any, Final

from etapa.journey.language.matching.conversions import converted
from etapa.journey.language.matching.json_kinds import JsonKind, json_kind, kinds_of
from etapa.journey.language.matching.matches import Comparison, Conversion, Operator, Test
from etapa.journey.localtime.zones import UTC

_IN_TEXT: Final[frozenset[Operator]] = frozenset({"starts_with", "ends_with", "matches"})


class TypeCheck:
    """The wanted type of a value: the types that each test can use, and the conversion before."""

    __slots__ = ("conversion", "parts", "tests")

    def __init__(
        self,
        tests: list[frozenset[JsonKind]],
        conversion: Conversion | None,
        parts: "list[tuple[tuple[str, ...], TypeCheck]] | None" = None,
    ) -> None:
        self.tests: Final = tests
        self.conversion: Final[Conversion | None] = conversion
        self.parts: Final = parts or []
        """What is wanted of the elements of a list: keys, and the check of the value there."""

    def misses(self, value: Any) -> bool:
        """Whether the value, or an element of it, is of a type that cannot be used. False for missing values."""
        if value is None:
            return False
        if self.conversion is not None:
            return converted(value, self.conversion, UTC) is None
        if not self.tests:
            return False
        kind = json_kind(value)
        for usable in self.tests:
            if kind not in usable:
                return True
        return bool(self.parts) and kind == "list" and self._misses_parts(value)

    def _misses_parts(self, elements: Any) -> bool:
        for keys, check in self.parts:
            for element in elements:
                part: Any = element
                for key in keys:
                    part = part.get(key) if isinstance(part, dict) else None
                if check.misses(part):
                    return True
        return False

    @property
    def wanted(self) -> str:
        """The wanted type in words, such as `a number`."""
        if self.conversion is not None:
            return f"nothing that reads as a {self.conversion}"
        usable = sorted(frozenset.intersection(*self.tests)) if self.tests else []
        return " or ".join(_WORDS[kind] for kind in usable) or "several types at once"


NUMBERS: Final = TypeCheck([frozenset({"number"})], None)
"""The check of values that are added up."""

LISTS: Final = TypeCheck([frozenset({"list"})], None)
"""The check of values whose elements are used."""

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
    """The check for the values that `comparison` can use."""
    if comparison.conversion is not None:
        return TypeCheck([], comparison.conversion)
    usable = [kinds for test in comparison.tests if (kinds := _usable(test))]
    lists = [frozenset[JsonKind]({"list"})] * bool(comparison.elements)
    return TypeCheck([*usable, *lists], None, [(keys, type_check(asked)) for keys, asked in parts_of(comparison)])


def parts_of(comparison: Comparison) -> list[tuple[tuple[str, ...], Comparison]]:
    """The comparisons of the elements of a list, with the keys in them."""
    return [
        part
        for each in comparison.elements
        for part in ([((), each.asked)] if isinstance(each.asked, Comparison) else list(each.asked.entries))
    ]


def accepts_other_types(comparison: Comparison) -> bool:
    """Whether a value of another type, or one that contains such a value, may pass."""
    return bool(comparison.elements) or any(test.operator in ("ne", "not_in") for test in comparison.tests)


def _usable(test: Test) -> frozenset[JsonKind]:
    """Types that the test can use; empty if it needs no type, as for `exists` and `eq: null`."""
    if test.operator in _IN_TEXT:
        return frozenset({"text"})
    kinds = frozenset(kinds_of(test)) - {"null"}
    if test.operator == "contains":
        return kinds & {"text"} | {"list"}
    return kinds
