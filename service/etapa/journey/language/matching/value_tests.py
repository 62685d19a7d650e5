"""The tests of values: one class for each way to compare, with as little work as possible per value.

This is the hottest code of the engine: everything about the operand is decided at compile time, so that testing does only
the rest. Values are JSON values as msgspec decodes them, so their classes are exactly str, int, float, bool, list, dict or
NoneType. Every comparison treats a missing value and JSON null alike, so both are `MISSING`.
"""

from typing import Any, Final

from etapa.journey.language.matching.matches import Scalar
from etapa.journey.language.matching.patterns import compile_pattern
from etapa.journey.localtime.zone import Zone

MISSING: Final = None
"""The value at a path that leads nowhere, or to JSON null."""


class Predicate:
    """A compiled test of values, which are JSON values or `MISSING`."""

    __slots__ = ()

    def accepts(self, value: object) -> bool:
        """Whether the value passes."""
        raise NotImplementedError

    def in_zone(self, zone: Zone) -> "Predicate":
        """The same for customers in `zone`, on which dates depend. Without it the zone is UTC."""
        return self


class Every(Predicate):
    __slots__ = ("predicates",)

    def __init__(self, predicates: tuple[Predicate, ...]) -> None:
        self.predicates: Final = predicates

    def accepts(self, value: object) -> bool:
        for predicate in self.predicates:  # noqa: SIM110 - a generator would double the cost
            if not predicate.accepts(value):
                return False
        return True

    def in_zone(self, zone: Zone) -> Predicate:
        return Every(tuple([predicate.in_zone(zone) for predicate in self.predicates]))


class OfElements(Predicate):
    """Any, all or none of the elements of a list pass. If the value is not a list, none does, and not all do."""

    __slots__ = ("_by_zone", "element", "quantifier")

    def __init__(self, quantifier: str, element: Predicate) -> None:
        self.quantifier: Final = quantifier
        self.element: Final = element
        self._by_zone: Final[dict[str, Predicate]] = {}

    def accepts(self, value: object) -> bool:
        if not isinstance(value, (list, tuple)):
            return self.quantifier == "none"
        if self.quantifier == "all":
            for element in value:  # noqa: SIM110 - a generator would double the cost
                if not self.element.accepts(element):
                    return False
            return True
        for element in value:
            if self.element.accepts(element):
                return self.quantifier == "any"
        return self.quantifier == "none"

    def in_zone(self, zone: Zone) -> Predicate:
        found = self._by_zone.get(zone.name)
        if found is None:
            found = self._by_zone[zone.name] = OfElements(self.quantifier, self.element.in_zone(zone))
        return found


class PartsOf(Predicate):
    """The values at paths into an element pass."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[tuple[tuple[str, ...], Predicate]]) -> None:
        self.parts: Final = parts

    def accepts(self, value: object) -> bool:
        for keys, predicate in self.parts:
            part: Any = value
            for key in keys:
                part = part.get(key) if isinstance(part, dict) else MISSING
            if not predicate.accepts(part):
                return False
        return True

    def in_zone(self, zone: Zone) -> Predicate:
        return PartsOf([(keys, predicate.in_zone(zone)) for keys, predicate in self.parts])


class Negated(Predicate):
    __slots__ = ("predicate",)

    def __init__(self, predicate: Predicate) -> None:
        self.predicate: Final = predicate

    def accepts(self, value: object) -> bool:
        return not self.predicate.accepts(value)


class Never(Predicate):
    __slots__ = ()

    def accepts(self, value: object) -> bool:
        return False


class Identical(Predicate):
    __slots__ = ("operand",)

    def __init__(self, operand: bool | None) -> None:  # noqa: FBT001 - a value to compare with
        self.operand: Final = operand

    def accepts(self, value: object) -> bool:
        return value is self.operand


class SameText(Predicate):
    __slots__ = ("operand",)

    def __init__(self, operand: str) -> None:
        self.operand: Final = operand

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and value == self.operand


class SameNumber(Predicate):
    __slots__ = ("operand",)

    def __init__(self, operand: Any) -> None:
        # Not typed as float: compiled code would convert an integer to one and lose digits.
        self.operand: Final[Any] = operand

    def accepts(self, value: object) -> bool:
        return is_number(value) and value == self.operand


class MemberOf(Predicate):
    __slots__ = ("flags", "numbers", "texts")

    def __init__(self, operands: tuple[Scalar, ...]) -> None:
        self.texts: Final = frozenset(each for each in operands if isinstance(each, str))
        self.flags: Final = frozenset(each for each in operands if isinstance(each, bool))
        self.numbers: Final = frozenset(each for each in operands if isinstance(each, int | float) and not isinstance(each, bool))

    def accepts(self, value: object) -> bool:
        if isinstance(value, str):
            return value in self.texts
        if isinstance(value, bool):
            return value in self.flags
        return isinstance(value, (int, float)) and value in self.numbers


class NumberOrder(Predicate):
    __slots__ = ("bound", "downwards", "inclusive")

    def __init__(self, operator: str, bound: Any) -> None:
        self.bound: Final[Any] = bound
        self.downwards: Final = operator in ("lt", "lte")
        self.inclusive: Final = operator in ("gte", "lte")

    def accepts(self, value: Any) -> bool:
        if not is_number(value):
            return False
        if value == self.bound:
            return self.inclusive
        return bool(value < self.bound) if self.downwards else bool(value > self.bound)


class TextOrder(Predicate):
    __slots__ = ("bound", "downwards", "inclusive")

    def __init__(self, operator: str, bound: str) -> None:
        self.bound: Final = bound
        self.downwards: Final = operator in ("lt", "lte")
        self.inclusive: Final = operator in ("gte", "lte")

    def accepts(self, value: object) -> bool:
        if not isinstance(value, str):
            return False
        if value == self.bound:
            return self.inclusive
        return value < self.bound if self.downwards else value > self.bound


class StartsWith(Predicate):
    __slots__ = ("start",)

    def __init__(self, start: str) -> None:
        self.start: Final = start

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and value.startswith(self.start)


class EndsWith(Predicate):
    __slots__ = ("end",)

    def __init__(self, end: str) -> None:
        self.end: Final = end

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and value.endswith(self.end)


class Matches(Predicate):
    __slots__ = ("found_in",)

    def __init__(self, pattern: str) -> None:
        self.found_in: Final = compile_pattern(pattern).found_in

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and self.found_in(value)


class Containing(Predicate):
    __slots__ = ("equal", "part")

    def __init__(self, operand: Scalar, equal: Predicate) -> None:
        """`equal`: the test for a member of a list."""
        self.equal: Final = equal
        self.part: Final = operand if isinstance(operand, str) else None

    def accepts(self, value: object) -> bool:
        if isinstance(value, str):
            return self.part is not None and self.part in value
        if not isinstance(value, (list, tuple)):
            return False
        for member in value:  # noqa: SIM110 - a generator would double the cost
            if self.equal.accepts(member):
                return True
        return False


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
