"""Comparisons, compiled once into functions that are called for every touchpoint.

This is the hottest code of the engine: what the operand is gets decided when a comparison is compiled, so that a call
does only what is left. Values are JSON values as msgspec gives them, so their classes are exactly str, int, float, bool,
list, dict or NoneType. Nothing and JSON null are the same to every comparison, so both are `MISSING`.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Protocol

import re2

from etapa.journey.language.model import Comparison, Path, Scalar, Test, Where

MISSING: Final = None
"""What a path that leads nowhere gives, or one that leads to JSON null."""

_LARGEST_SET = 5000
"""RE2 gives up on a set, and then finds nothing, where the automaton of a huge expression outgrows its memory. This is far below."""

Predicate = Callable[[object], bool]


class TouchpointLike(Protocol):
    """What paths look into. Properties of the touchpoint are only read."""

    @property
    def type(self) -> str: ...
    @property
    def channel(self) -> str | None: ...
    @property
    def properties(self) -> Mapping[str, Any]: ...
    @property
    def traits(self) -> Mapping[str, Any]: ...


class PatternError(ValueError):
    """A regular expression that RE2 does not take; the message says why."""


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether a text holds a match of an RE2 expression, in time linear in the text.

    Raises `PatternError`.
    """
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "not accepted"
        raise PatternError(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from None
    except UnicodeError:
        raise PatternError("half a surrogate pair is not a character") from None
    if compiled.programsize > _LARGEST_SET:
        search = compiled.search
        return lambda text: search(text) is not None
    # A set of one answers yes or no in a fifth of the time that building a match object takes.
    patterns = re2.Set.SearchSet(options)
    patterns.Add(pattern)
    patterns.Compile()
    match_any = patterns.Match
    return lambda text: bool(match_any(text))


def compile_comparison(comparison: Comparison) -> Predicate:
    """A function that tells whether a value (or `MISSING`) passes all tests of `comparison`."""
    predicates = tuple(_compile_test(test) for test in comparison.tests)
    if len(predicates) == 1:
        return predicates[0]
    if len(predicates) == 2:
        first, second = predicates
        return lambda value: first(value) and second(value)
    return lambda value: all(predicate(value) for predicate in predicates)


def compile_path(path: Path) -> Callable[[TouchpointLike], Any]:
    """A function that gives the value at `path` of a touchpoint, or `MISSING`."""
    head, *keys = path
    if head == "channel":
        return lambda touchpoint: touchpoint.channel
    if head == "type":
        return lambda touchpoint: touchpoint.type
    if len(keys) == 1:
        key = keys[0]
        if head == "properties":
            return lambda touchpoint: touchpoint.properties.get(key)
        return lambda touchpoint: touchpoint.traits.get(key)

    def value_at_path(touchpoint: TouchpointLike) -> Any:
        value: Any = touchpoint.properties if head == "properties" else touchpoint.traits
        for key in keys:
            if not isinstance(value, Mapping):
                return MISSING
            value = value.get(key)
        return value

    return value_at_path


def compile_where(where: Where) -> Callable[[TouchpointLike], bool] | None:
    """A function that tells whether a touchpoint satisfies every entry, or none when there is nothing to satisfy."""
    entries = tuple(_compile_entry(path, compile_comparison(comparison)) for path, comparison in where.entries)
    if not entries:
        return None
    if len(entries) == 1:
        return entries[0]
    if len(entries) == 2:
        first, second = entries
        return lambda touchpoint: first(touchpoint) and second(touchpoint)
    return lambda touchpoint: all(entry(touchpoint) for entry in entries)


def _compile_entry(path: Path, predicate: Predicate) -> Callable[[TouchpointLike], bool]:
    # The usual paths are written out: one call less for every touchpoint.
    if path == ("channel",):
        return lambda touchpoint: predicate(touchpoint.channel)
    if len(path) == 2 and path[0] == "properties":
        key = path[1]
        return lambda touchpoint: predicate(touchpoint.properties.get(key))
    value_at = compile_path(path)
    return lambda touchpoint: predicate(value_at(touchpoint))


def _compile_test(test: Test) -> Predicate:
    operand = test.operand
    match test.operator:
        case "eq":
            return _equal_to(_scalar(operand))
        case "ne":
            return _unequal_to(_scalar(operand))
        case "in":
            return _member_of(_scalars(operand))
        case "not_in":
            return _negated(_member_of(_scalars(operand)))
        case "exists":
            return _is_present if operand else _is_missing
        case "contains":
            return _containing(_scalar(operand))
        case "starts_with":
            start = _text(operand)
            return lambda value: value.__class__ is str and value.startswith(start)
        case "ends_with":
            end = _text(operand)
            return lambda value: value.__class__ is str and value.endswith(end)
        case "matches":
            found_in = compile_pattern(_text(operand))
            return lambda value: value.__class__ is str and found_in(value)
        case "gt" | "gte" | "lt" | "lte":
            return _ordered(test.operator, _scalar(operand))


def _is_present(value: object) -> bool:
    return value is not None


def _is_missing(value: object) -> bool:
    return value is None


def _negated(predicate: Predicate) -> Predicate:
    return lambda value: not predicate(value)


def _equal_to(operand: Scalar) -> Predicate:
    if operand is None or isinstance(operand, bool):
        # Python takes True for 1; JSON does not.
        return lambda value: value is operand
    if isinstance(operand, str):
        return lambda value: value == operand
    return lambda value: value == operand and value.__class__ is not bool


def _unequal_to(operand: Scalar) -> Predicate:
    # A missing value satisfies `ne`, whatever the operand; so does every value when the operand is null.
    if operand is None:
        return lambda value: True
    if isinstance(operand, bool):
        return lambda value: value is not operand
    if isinstance(operand, str):
        return lambda value: value != operand
    return lambda value: value != operand or value.__class__ is bool


def _member_of(operands: tuple[Scalar, ...]) -> Predicate:
    strings = frozenset(each for each in operands if isinstance(each, str))
    numbers = frozenset(each for each in operands if isinstance(each, int | float) and not isinstance(each, bool))
    flags = frozenset(each for each in operands if isinstance(each, bool))
    if not numbers and not flags:
        return lambda value: value.__class__ is str and value in strings

    def is_member(value: object) -> bool:
        kind = value.__class__
        if kind is str:
            return value in strings
        if kind is int or kind is float:
            return value in numbers
        return kind is bool and value in flags

    return is_member


def _ordered(operator: str, operand: Scalar) -> Predicate:
    # A boolean or null orders with nothing. The loader refuses them; written by hand they are false.
    bound: Any = operand
    if isinstance(operand, str):
        match operator:
            case "gt":
                return lambda value: value.__class__ is str and value > bound
            case "gte":
                return lambda value: value.__class__ is str and value >= bound
            case "lt":
                return lambda value: value.__class__ is str and value < bound
            case _:
                return lambda value: value.__class__ is str and value <= bound
    if operand is None or isinstance(operand, bool):
        return lambda value: False
    match operator:
        case "gt":
            return lambda value: ((kind := value.__class__) is int or kind is float) and value > bound
        case "gte":
            return lambda value: ((kind := value.__class__) is int or kind is float) and value >= bound
        case "lt":
            return lambda value: ((kind := value.__class__) is int or kind is float) and value < bound
        case _:
            return lambda value: ((kind := value.__class__) is int or kind is float) and value <= bound


def _containing(operand: Scalar) -> Predicate:
    equals = _equal_to(operand)

    def list_contains(value: object) -> bool:
        return isinstance(value, list | tuple) and any(equals(member) for member in value)

    if not isinstance(operand, str):
        return list_contains
    part = operand

    def contains(value: object) -> bool:
        if value.__class__ is str:
            return part in value
        return list_contains(value)

    return contains


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
