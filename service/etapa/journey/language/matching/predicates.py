"""Comparisons, compiled once into objects that are asked for every touchpoint.

This is the hottest code of the engine: what the operand is gets decided when a comparison is compiled, so that asking
does only what is left. Values are JSON values as msgspec gives them, so their classes are exactly str, int, float, bool,
list, dict or NoneType. Nothing and JSON null are the same to every comparison, so both are `MISSING`.
"""

from typing import Any, Final

from etapa.journey.language.matching.matches import Comparison, Scalar, Test
from etapa.journey.language.matching.patterns import compile_pattern

MISSING: Final = None
"""What a path that leads nowhere gives, or one that leads to JSON null."""


class Predicate:
    """What a comparison asks of a value. Values are JSON values, or `MISSING`."""

    __slots__ = ()

    def accepts(self, value: object) -> bool:
        """Whether the value passes."""
        raise NotImplementedError


def compile_comparison(comparison: Comparison) -> Predicate:
    """What tells whether a value (or `MISSING`) passes all tests of `comparison`."""
    predicates = tuple(_compile_test(test) for test in comparison.tests)
    return predicates[0] if len(predicates) == 1 else _Every(predicates)


def _compile_test(test: Test) -> Predicate:
    operand = test.operand
    match test.operator:
        case "eq":
            return _equal_to(_scalar(operand))
        case "ne":
            # A missing value satisfies it, whatever the operand; so does every value when the operand is null.
            return _Negated(_Never() if operand is None else _equal_to(_scalar(operand)))
        case "in":
            return _MemberOf(_scalars(operand))
        case "not_in":
            return _Negated(_MemberOf(_scalars(operand)))
        case "exists":
            return _Negated(_Identical(MISSING)) if operand else _Identical(MISSING)
        case "contains":
            return _Containing(_scalar(operand))
        case "starts_with":
            return _StartsWith(_text(operand))
        case "ends_with":
            return _EndsWith(_text(operand))
        case "matches":
            return _Matches(_text(operand))
        case "gt" | "gte" | "lt" | "lte":
            return _ordered(test.operator, _scalar(operand))


def _equal_to(operand: Scalar) -> Predicate:
    if operand is None or isinstance(operand, bool):
        # Python takes True for 1; JSON does not.
        return _Identical(operand)
    return _SameText(operand) if isinstance(operand, str) else _SameNumber(operand)


def _ordered(operator: str, operand: Scalar) -> Predicate:
    if isinstance(operand, str):
        return _TextOrder(operator, operand)
    # A boolean or null orders with nothing. The loader refuses them; written by hand they are false.
    return _Never() if operand is None or isinstance(operand, bool) else _NumberOrder(operator, operand)


class _Every(Predicate):
    __slots__ = ("predicates",)

    def __init__(self, predicates: tuple[Predicate, ...]) -> None:
        self.predicates: Final = predicates

    def accepts(self, value: object) -> bool:
        for predicate in self.predicates:  # noqa: SIM110 - a generator would double the cost
            if not predicate.accepts(value):
                return False
        return True


class _Negated(Predicate):
    __slots__ = ("predicate",)

    def __init__(self, predicate: Predicate) -> None:
        self.predicate: Final = predicate

    def accepts(self, value: object) -> bool:
        return not self.predicate.accepts(value)


class _Never(Predicate):
    __slots__ = ()

    def accepts(self, value: object) -> bool:
        return False


class _Identical(Predicate):
    __slots__ = ("operand",)

    def __init__(self, operand: bool | None) -> None:  # noqa: FBT001 - a value to compare with
        self.operand: Final = operand

    def accepts(self, value: object) -> bool:
        return value is self.operand


class _SameText(Predicate):
    __slots__ = ("operand",)

    def __init__(self, operand: str) -> None:
        self.operand: Final = operand

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and value == self.operand


class _SameNumber(Predicate):
    __slots__ = ("operand",)

    def __init__(self, operand: Any) -> None:
        # Not as a float: compiled code would make one of an integer, which holds more digits.
        self.operand: Final[Any] = operand

    def accepts(self, value: object) -> bool:
        return _is_number(value) and value == self.operand


class _MemberOf(Predicate):
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


class _NumberOrder(Predicate):
    __slots__ = ("bound", "downwards", "inclusive")

    def __init__(self, operator: str, bound: Any) -> None:
        self.bound: Final[Any] = bound
        self.downwards: Final = operator in ("lt", "lte")
        self.inclusive: Final = operator in ("gte", "lte")

    def accepts(self, value: Any) -> bool:
        if not _is_number(value):
            return False
        if value == self.bound:
            return self.inclusive
        return bool(value < self.bound) if self.downwards else bool(value > self.bound)


class _TextOrder(Predicate):
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


class _StartsWith(Predicate):
    __slots__ = ("start",)

    def __init__(self, start: str) -> None:
        self.start: Final = start

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and value.startswith(self.start)


class _EndsWith(Predicate):
    __slots__ = ("end",)

    def __init__(self, end: str) -> None:
        self.end: Final = end

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and value.endswith(self.end)


class _Matches(Predicate):
    __slots__ = ("found_in",)

    def __init__(self, pattern: str) -> None:
        self.found_in: Final = compile_pattern(pattern).found_in

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and self.found_in(value)


class _Containing(Predicate):
    __slots__ = ("equal", "part")

    def __init__(self, operand: Scalar) -> None:
        self.equal: Final = _equal_to(operand)
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


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _scalar(operand: Scalar | tuple[Scalar, ...]) -> Scalar:
    if isinstance(operand, tuple):
        raise TypeError(f"one value is needed, not a list: {operand!r}")
    return operand


def _scalars(operand: Scalar | tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    if not isinstance(operand, tuple):
        raise TypeError(f"a list of values is needed, not {operand!r}")
    return operand


def _text(operand: Scalar | tuple[Scalar, ...]) -> str:
    if not isinstance(operand, str):
        raise TypeError(f"text is needed, not {operand!r}")
    return operand
