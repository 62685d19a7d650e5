"""Guards: parts of rules without which these are false, so that one look rules out many rules.

A guard is a member of a rule's outermost `all`, or its only condition, and time alone never makes it true. As long as it is false, so is the rule,
and the rule has no time of its own. An `any` counts as the one condition in it that can hold, if that is so for the touchpoints in question. Rules whose guards look at the same thing stand behind one lookup:

- a number, such as the same count over the same window: the rules are sorted by what they ask for at least;
- a trait that must be one of some texts;
- a property, or the channel, of the touchpoint at hand that must be one of some texts.
"""

from bisect import bisect_right
from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Final, final

from etapa.journey.engine.accumulators.matching import ValueAt, compile_path
from etapa.journey.engine.conditions.condition import AllHold, AnyHolds, CompiledLeaf, Condition
from etapa.journey.engine.conditions.event import EventHappens
from etapa.journey.engine.conditions.falling import NumberCompares
from etapa.journey.engine.conditions.trait import TraitCompares
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.compiled_rule import CompiledRule, Rules, RuleSet
from etapa.journey.language.matching.matches import ELEMENTS, Path
from etapa.journey.language.matching.predicates import MISSING, texts_of

_in_order: Final = attrgetter("place")
_NO_RULES: Final[Rules] = []

MOST_SORTED: Final = 32
"""Of rules behind a number, so many of those that ask for least are kept in the order in which they are judged, for each number of them."""


class Guarded:
    """Rules whose guards look at the same thing."""

    __slots__ = ()

    def open_to(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Rules:
        """The rules, among these, that may hold, in the order in which they are judged."""
        raise NotImplementedError


@final
class GuardedByNumber:
    """Rules that need a number to be at least so large."""

    __slots__ = ("_bounds", "_leaf", "_lowest", "_rules", "_sorted", "needs_memory", "place")

    def __init__(self, leaf: NumberCompares, rules: list[tuple[float, CompiledRule]]) -> None:
        ascending = sorted(rules, key=_bound_of)
        self._leaf: Final = leaf
        self.place: Final = leaf.place
        """Where the memory is that the number is taken of."""
        self._lowest: Final[float] = ascending[0][0]
        self.needs_memory: Final = self._lowest > 0.0
        """Whether none of the rules may hold without that memory."""
        self._bounds: Final = [bound for bound, _ in ascending]
        self._rules: Final = [rule for _, rule in ascending]
        self._sorted: Final = [sorted(self._rules[:number], key=_in_order) for number in range(min(len(ascending), MOST_SORTED) + 1)]

    def open_to(self, customer: Customer, now: int) -> Rules:
        """The rules, among these, that may hold, in the order in which they are judged."""
        if self._leaf.at_most(customer, now) < self._lowest:
            return _NO_RULES
        number = self._leaf.measured(customer, now)
        if number < self._lowest:
            return _NO_RULES
        reached = bisect_right(self._bounds, number)
        return self._sorted[reached] if reached < len(self._sorted) else sorted(self._rules[:reached], key=_in_order)


@final
class GuardedByTrait(Guarded):
    """Rules that need a trait to be one of some texts."""

    __slots__ = ("_by_text", "_name")

    def __init__(self, name: str, by_text: dict[str, Rules]) -> None:
        self._name: Final = name
        self._by_text: Final = by_text

    def open_to(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Rules:
        value = customer.trait(self._name, None)
        return self._by_text.get(value, _NO_RULES) if isinstance(value, str) else _NO_RULES


@final
class GuardedByValue(Guarded):
    """Rules that need a value of the touchpoint at hand to be one of some texts."""

    __slots__ = ("_all", "_by_text", "_value")

    def __init__(self, value: ValueAt, by_text: dict[str, Rules], rules: Rules) -> None:
        self._value: Final = value
        self._by_text: Final = by_text
        self._all: Final = rules

    def open_to(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Rules:
        if touchpoint is None:
            return _NO_RULES
        value = self._value.of(touchpoint)
        if isinstance(value, str):
            return self._by_text.get(value, _NO_RULES)
        if value is MISSING and not self._value.meets_list(touchpoint):
            return _NO_RULES
        # None of them holds, but each counts a value of a type that it cannot use.
        return self._all


@final
class Docket:
    """Some of the rules out of a stage, behind their guards."""

    __slots__ = ("_by_number", "_by_text", "unguarded")

    def __init__(self, rules: Rules, touchpoint_type: str | None) -> None:
        """`touchpoint_type`: that of the touchpoint at hand; none: there is no touchpoint."""
        numbers: dict[str, tuple[NumberCompares, list[tuple[float, CompiledRule]]]] = {}
        traits: dict[str, dict[str, Rules]] = {}
        values: dict[Path, tuple[dict[str, Rules], Rules]] = {}
        unguarded: Rules = []
        for rule in rules:
            guard = _guard_of(rule, touchpoint_type)
            if isinstance(guard, EventHappens):
                path, comparison = guard.asked[0]
                by_text, together = values.setdefault(path, ({}, []))
                _file(rule, texts_of(comparison), by_text)
                together.append(rule)
            elif isinstance(guard, TraitCompares):
                _file(rule, guard.texts, traits.setdefault(guard.name, {}))
            elif isinstance(guard, NumberCompares) and guard.least is not None:
                numbers.setdefault(guard.key, (guard, []))[1].append((guard.least, rule))
            else:
                unguarded.append(rule)
        self.unguarded: Final = RuleSet(unguarded)
        self._by_text: Final[list[Guarded]] = [
            *[GuardedByValue(compile_path(path), by_text, together) for path, (by_text, together) in values.items()],
            *[GuardedByTrait(name, by_text) for name, by_text in traits.items()],
        ]
        self._by_number: Final = [GuardedByNumber(leaf, bounds) for leaf, bounds in numbers.values()]

    def open_to(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Rules:
        """The rules that may hold, in the order in which they are judged. Those left out are false, and time alone makes none of them true."""
        opened = _NO_RULES
        for guarded in self._by_text:
            more = guarded.open_to(customer, now, touchpoint)
            if more:
                opened = _merged(opened, more)
        memory = customer.memory
        for numbered in self._by_number:
            # Most customers have no such memory.
            if not numbered.needs_memory or memory[numbered.place] is not None:
                more = numbered.open_to(customer, now)
                if more:
                    opened = _merged(opened, more)
        return _merged(self.unguarded.rules, opened) if opened else self.unguarded.rules


def _merged(some: Rules, others: Rules) -> Rules:
    """Both, in the order in which they are judged, as each of them is. May be one of them itself, if the other is empty."""
    if not some:
        return others
    merged: Rules = []
    next_other, number = 0, len(others)
    for rule in some:
        while next_other < number and others[next_other].place < rule.place:
            merged.append(others[next_other])
            next_other += 1
        merged.append(rule)
    merged += others[next_other:]
    return merged


def _guard_of(rule: CompiledRule, touchpoint_type: str | None) -> CompiledLeaf | None:
    needed = list(_needed(rule.condition, touchpoint_type))
    filters = [leaf for leaf in rule.leaves if isinstance(leaf, EventHappens) and leaf.where is not None]
    if filters:
        # Judging one may count values of a type that it cannot use, so all are judged unless the value is a text.
        event = filters[0]
        return event if len(filters) == 1 and event in needed and _asks_for_text(event) else None
    for leaf in needed:
        if isinstance(leaf, TraitCompares) and leaf.texts is not None:
            return leaf
    for leaf in needed:
        if isinstance(leaf, NumberCompares) and leaf.is_guard():
            return leaf
    return None


def _asks_for_text(event: EventHappens) -> bool:
    path, comparison = event.asked[0]
    return ELEMENTS not in path and len(comparison.tests) == 1 and not comparison.elements and texts_of(comparison) is not None


def _needed(condition: Condition, touchpoint_type: str | None) -> Iterable[CompiledLeaf]:
    """Leaves without which the condition is false, now with such a touchpoint at hand and later with none."""
    if isinstance(condition, AllHold):
        for each in condition.conditions:
            yield from _needed(each, touchpoint_type)
    elif isinstance(condition, AnyHolds):
        may_hold = [
            each for each in condition.conditions if each.possible(touchpoint_type) is not False or each.possible(None) is not False
        ]
        if len(may_hold) == 1:
            yield from _needed(may_hold[0], touchpoint_type)
    elif isinstance(condition, CompiledLeaf):
        yield condition


def _file(rule: CompiledRule, texts: frozenset[str] | None, by_text: dict[str, Rules]) -> None:
    for text in texts or ():
        by_text.setdefault(text, []).append(rule)


def _bound_of(pair: tuple[float, Any]) -> float:
    return pair[0]
