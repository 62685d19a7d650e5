"""When a value gives consent: it satisfies the comparison and is of the operand's type."""

from typing import Any, Final

from etapa.journey.engine.accumulators.accumulator import accumulator_key, comparison_definition
from etapa.journey.language.matching.conversions import converted
from etapa.journey.language.matching.json_kinds import json_kind, kinds_of
from etapa.journey.language.matching.predicates import Predicate, compile_comparison
from etapa.journey.language.model import Comparison
from etapa.journey.localtime.zone import Zone


class GivesConsent(Predicate):
    """A value that is missing or of another type than the operand is never consent. Otherwise `ne: true` would accept "true"."""

    __slots__ = ("_compare", "_comparison", "_zone")

    def __init__(self, comparison: Comparison, zone: Zone) -> None:
        self._comparison: Final = comparison
        self._zone: Final = zone
        self._compare: Final = compile_comparison(comparison).in_zone(zone)

    def accepts(self, value: Any) -> bool:
        return value is not None and is_comparable(self._comparison, value, self._zone) and self._compare.accepts(value)

    def in_zone(self, zone: Zone) -> Predicate:
        return GivesConsent(self._comparison, zone)


def consent_key(comparison: Comparison) -> str:
    """A short key under which the answer is kept."""
    return accumulator_key("consent", comparison_definition(comparison))


def is_comparable(comparison: Comparison, value: Any, zone: Zone) -> bool:
    """Whether a value that is not missing is of every operand's type. If a comparison looks into a list, every member counts."""
    if comparison.conversion is not None:
        return converted(value, comparison.conversion, zone) is not None
    found = json_kind(value)
    for test in comparison.tests:
        for kind in kinds_of(test):
            if test.operator == "contains" and found == "list":
                if any(json_kind(member) != kind for member in value):
                    return False
            elif found != kind:
                return False
    return not comparison.elements or (found == "list" and all(_are_comparable(each.asked, value, zone) for each in comparison.elements))


def _are_comparable(asked: Any, members: list[Any], zone: Zone) -> bool:
    """Whether all members, or the values at paths into them, are comparable. Missing values have no type."""
    if isinstance(asked, Comparison):
        return all(member is None or is_comparable(asked, member, zone) for member in members)
    for member in members:
        for keys, comparison in asked.entries:
            part = member
            for key in keys:
                part = part.get(key) if isinstance(part, dict) else None
            if part is not None and not is_comparable(comparison, part, zone):
                return False
    return True
