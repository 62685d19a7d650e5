"""Comparisons, compiled once into objects that are used for every touchpoint."""

from typing import Any, Final

from etapa.journey.language.matching.conversions import as_boolean, as_instant, as_number, instant_of
from etapa.journey.language.matching.matches import Comparison, Elements, Scalar, Test
from etapa.journey.language.matching.value_tests import (
    MISSING,
    Containing,
    EndsWith,
    Every,
    Identical,
    Matches,
    MemberOf,
    Negated,
    Never,
    NumberOrder,
    OfElements,
    PartsOf,
    Predicate,
    SameNumber,
    SameText,
    StartsWith,
    TextOrder,
)
from etapa.journey.localtime.dates import Moment, read_date
from etapa.journey.localtime.zone import Zone
from etapa.journey.localtime.zones import UTC

__all__ = ["MISSING", "Predicate", "compile_comparison", "compile_converted", "needs_zone", "tests_in", "texts_of"]


def compile_comparison(comparison: Comparison) -> Predicate:
    """Compile `comparison` to a predicate on values, or `MISSING`."""
    compared = compile_converted(comparison)
    match comparison.conversion:
        case "number":
            return _AsNumber(compared)
        case "boolean":
            return _AsBoolean(compared)
        case "date":
            return _AsDate(compared, UTC)
        case None:
            return compared


def compile_converted(comparison: Comparison) -> Predicate:
    """The same for values already converted; a date is then an instant (microseconds since 1970)."""
    if comparison.conversion == "date":
        return _Dates(comparison.tests)
    return _all_of(comparison.tests, comparison.elements)


def texts_of(comparison: Comparison) -> frozenset[str] | None:
    """The only values that can satisfy the comparison, if they are texts; none if others can, or too many to tell."""
    if comparison.conversion is not None:
        return None
    for test in comparison.tests:
        operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
        texts = [each for each in operands if isinstance(each, str)]
        if test.operator in ("eq", "in") and len(texts) == len(operands):
            return frozenset(texts)
    return None


def needs_zone(comparison: Comparison) -> bool:
    """Whether it depends on the customer's zone, so that `in_zone` is needed."""
    return comparison.conversion == "date" or any(map(_elements_need_zone, comparison.elements))


def _elements_need_zone(elements: Elements) -> bool:
    asked = elements.asked
    return needs_zone(asked) if isinstance(asked, Comparison) else any(needs_zone(comparison) for _, comparison in asked.entries)


def _compile_elements(elements: Elements) -> Predicate:
    asked = elements.asked
    if isinstance(asked, Comparison):
        return OfElements(elements.quantifier, compile_comparison(asked))
    return OfElements(elements.quantifier, PartsOf([(path, compile_comparison(comparison)) for path, comparison in asked.entries]))


def _all_of(tests: tuple[Test, ...], elements: tuple[Elements, ...] = ()) -> Predicate:
    predicates = (*[_compile_test(test) for test in tests], *[_compile_elements(each) for each in elements])
    return predicates[0] if len(predicates) == 1 else Every(predicates)


def _compile_test(test: Test) -> Predicate:
    operand = test.operand
    match test.operator:
        case "eq":
            return _equal_to(_scalar(operand))
        case "ne":
            # A missing value satisfies it, whatever the operand; if the operand is null, every value does.
            return Negated(Never() if operand is None else _equal_to(_scalar(operand)))
        case "in":
            return MemberOf(_scalars(operand))
        case "not_in":
            return Negated(MemberOf(_scalars(operand)))
        case "exists":
            return Negated(Identical(MISSING)) if operand else Identical(MISSING)
        case "contains":
            return Containing(_scalar(operand), _equal_to(_scalar(operand)))
        case "starts_with":
            return StartsWith(_text(operand))
        case "ends_with":
            return EndsWith(_text(operand))
        case "matches":
            return Matches(_text(operand))
        case "gt" | "gte" | "lt" | "lte":
            return _ordered(test.operator, _scalar(operand))


def _equal_to(operand: Scalar) -> Predicate:
    if operand is None or isinstance(operand, bool):
        # In Python True equals 1; in JSON it does not.
        return Identical(operand)
    return SameText(operand) if isinstance(operand, str) else SameNumber(operand)


def _ordered(operator: str, operand: Scalar) -> Predicate:
    if isinstance(operand, str):
        return TextOrder(operator, operand)
    # Booleans and null have no order. The loader refuses them; in hand-made comparisons they are false.
    return Never() if operand is None or isinstance(operand, bool) else NumberOrder(operator, operand)


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


class _AsNumber(Predicate):
    __slots__ = ("compared",)

    def __init__(self, compared: Predicate) -> None:
        self.compared: Final = compared

    def accepts(self, value: object) -> bool:
        return self.compared.accepts(as_number(value))


class _AsBoolean(Predicate):
    __slots__ = ("compared",)

    def __init__(self, compared: Predicate) -> None:
        self.compared: Final = compared

    def accepts(self, value: object) -> bool:
        return self.compared.accepts(as_boolean(value))


class _AsDate(Predicate):
    """`compared` compares instants."""

    __slots__ = ("_by_zone", "_compared", "_zone")

    def __init__(self, compared: Predicate, zone: Zone) -> None:
        self._compared: Final = compared
        self._zone: Final = zone
        self._by_zone: Final[dict[str, Predicate]] = {}

    def accepts(self, value: object) -> bool:
        return self._compared.accepts(as_instant(value, self._zone))

    def in_zone(self, zone: Zone) -> Predicate:
        found = self._by_zone.get(zone.name)
        if found is None:
            found = self._by_zone[zone.name] = _AsDate(self._compared.in_zone(zone), zone)
        return found


class _Dates(Predicate):
    """Tests of an instant. Operands without a time are midnight in the zone."""

    __slots__ = ("_by_zone", "_compared", "_tests")

    def __init__(self, tests: tuple[Test, ...]) -> None:
        self._tests: Final = tests
        self._compared: Final = _all_of(tests_in(tests, UTC))
        self._by_zone: Final[dict[str, Predicate]] = {}
        """By zone name; there are only a few hundred."""

    def accepts(self, value: object) -> bool:
        return self._compared.accepts(value)

    def in_zone(self, zone: Zone) -> Predicate:
        found = self._by_zone.get(zone.name)
        if found is None:
            found = self._by_zone[zone.name] = _all_of(tests_in(self._tests, zone))
        return found


def tests_in(tests: tuple[Test, ...], zone: Zone) -> tuple[Test, ...]:
    """Tests of dates as tests of instants: an operand without a time is its midnight in `zone`."""
    return tuple([Test(test.operator, _operand_in(test.operand, zone)) for test in tests])


def _operand_in(operand: Any, zone: Zone) -> Any:
    """The operand of a date test as an instant."""
    if isinstance(operand, tuple):
        return tuple([_operand_in(each, zone) for each in operand])
    return instant_of(_moment(operand), zone) if isinstance(operand, str) else operand


def _moment(text: str) -> Moment:
    moment = read_date(text)
    if moment is None:
        raise ValueError(f"a date is needed, not {text!r}")
    return moment
