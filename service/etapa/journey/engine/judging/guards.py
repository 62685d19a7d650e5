"""Guards: parts of rules without which these are false, so that one look rules out many rules.

A guard is a member of a rule's outermost `all`, or its only condition, and time alone never makes it true. As long as it is false, so is the rule,
and the rule has no time of its own. An `any` counts as the one condition in it that can hold, if that is so for the touchpoints in question. Rules whose guards look at the same thing stand behind one lookup:

- a number, such as the same count over the same window: the rules are sorted by what they ask for at least;
- a trait that must be one of some texts;
- a property, or the channel, of the touchpoint at hand that must be one of some texts.

Of the rules that are left, those that then only need some time without a touchpoint are judged together: one look at the time of the latest one
tells which of them hold, and when time makes the next one true.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, Final, final

from mypy_extensions import i64

from etapa.journey.engine.accumulators.matching import ValueAt, compile_path
from etapa.journey.engine.accumulators.window import place_after
from etapa.journey.engine.conditions.absence import NothingFor
from etapa.journey.engine.conditions.condition import AllHold, AnyHolds, CompiledLeaf, Condition
from etapa.journey.engine.conditions.event import EventHappens
from etapa.journey.engine.conditions.falling import NumberCompares
from etapa.journey.engine.conditions.trait import TraitCompares
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import END_OF_TIME
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.compiled_rule import CompiledRule, RisingTimes, Rules, RuleSet, beginnings, bits_of, first_some, merged
from etapa.journey.language.matching.matches import ELEMENTS, Path
from etapa.journey.language.matching.predicates import MISSING, texts_of

_NO_RULES: Final[Rules] = []


class Guarded:
    """Rules whose guards look at the same thing."""

    __slots__ = ()

    def open_to(self, customer: Customer, now: int, touchpoint: Touchpoint | None, found: RisingTimes) -> Rules:
        """The rules, among these, that may hold, in the order in which they are judged. Adds to `found` when time makes others true."""
        raise NotImplementedError


@final
class TimedByAbsence:
    """Rules that hold once there has been no match of one kind for a time, each for its own."""

    __slots__ = ("_absence", "_durations", "_rules", "_sorted", "_waiting")

    def __init__(self, rules: list[tuple[NothingFor, CompiledRule]]) -> None:
        ascending = sorted(rules, key=_duration_of)
        self._absence: Final = ascending[0][0]
        self._durations: Final = [absence.duration for absence, _ in ascending]
        self._rules: Final = [rule for _, rule in ascending]
        self._sorted: Final = beginnings(self._rules)
        self._waiting: Final = [bits_of(self._rules[number:]) for number in range(len(ascending))]
        """For each number of them, the set of those that come after so many."""

    def open_to(self, customer: Customer, now: int, found: RisingTimes) -> Rules:
        """The rules that hold, in the order in which they are judged. Adds to `found` the others, and when time makes the next one true."""
        since = self._absence.since(customer)
        number = place_after(self._durations, now - since)
        if number < len(self._durations):
            found.add_some(self._waiting[number], since + self._durations[number])
        return first_some(self._rules, self._sorted, number)


@final
class _Behind:
    """The rules behind an open guard, or behind none."""

    __slots__ = ("_by_absence", "alone")

    def __init__(self, rules: list[tuple[CompiledRule, CompiledLeaf | None]]) -> None:
        """`rules`: each with the condition in it that certainly holds as long as the guard is open, if there is one."""
        by_absence: dict[str, list[tuple[NothingFor, CompiledRule]]] = {}
        alone: Rules = []
        for rule, holding in rules:
            absence = _absence_of(rule, holding)
            if absence is None:
                alone.append(rule)
            else:
                by_absence.setdefault(absence.key, []).append((absence, rule))
        self.alone: Final = alone
        """Those that are judged one by one."""
        self._by_absence: Final = [TimedByAbsence(together) for together in by_absence.values()]

    def open_to(self, customer: Customer, now: int, found: RisingTimes) -> Rules:
        """The rules that may hold, in the order in which they are judged. Adds to `found` when time makes others true."""
        opened = self.alone
        for timed in self._by_absence:
            more = timed.open_to(customer, now, found)
            if more:
                opened = merged(opened, more)
        return opened


@final
class GuardedByNumber:
    """Rules that need a number to be at least so large."""

    __slots__ = ("_bounds", "_leaf", "_lowest", "_needs_memory", "_rules", "_sorted", "place")

    def __init__(self, leaf: NumberCompares, rules: list[tuple[float, CompiledRule]]) -> None:
        ascending = sorted(rules, key=_bound_of)
        self._leaf: Final = leaf
        self.place: Final[i64] = leaf.place
        """Where the memory is that the number is taken of."""
        self._lowest: Final[float] = ascending[0][0]
        self._needs_memory: Final = self._lowest > 0.0
        """Whether none of the rules may hold without that memory."""
        self._bounds: Final = [bound for bound, _ in ascending]
        self._rules: Final = [rule for _, rule in ascending]
        self._sorted: Final = beginnings(self._rules)

    def is_shut(self, entry: Any, now: int) -> bool:
        """Whether a look at what is in the memory tells that none of the rules may hold."""
        return self._needs_memory if entry is None else not self._leaf.may_reach(self._lowest, entry, now)

    def open_to(self, customer: Customer, now: int) -> Rules:
        """The rules, among these, that may hold, in the order in which they are judged."""
        number = self._leaf.measured(customer, now)
        if number < self._lowest:
            return _NO_RULES
        return first_some(self._rules, self._sorted, bisect_right(self._bounds, number))


@final
class GuardedByTrait(Guarded):
    """Rules that need a trait to be one of some texts."""

    __slots__ = ("_by_text", "_name")

    def __init__(self, name: str, by_text: dict[str, list[tuple[TraitCompares, CompiledRule]]]) -> None:
        self._name: Final = name
        self._by_text: Final = {
            text: _Behind([(rule, trait if trait.is_met_by(text) else None) for trait, rule in pairs]) for text, pairs in by_text.items()
        }

    def open_to(self, customer: Customer, now: int, touchpoint: Touchpoint | None, found: RisingTimes) -> Rules:
        value = customer.trait(self._name, None)
        behind = self._by_text.get(value) if isinstance(value, str) else None
        return _NO_RULES if behind is None else behind.open_to(customer, now, found)


@final
class GuardedByValue(Guarded):
    """Rules that need a value of the touchpoint at hand to be one of some texts."""

    __slots__ = ("_all", "_by_text", "_value")

    def __init__(self, value: ValueAt, by_text: dict[str, Rules], rules: Rules) -> None:
        self._value: Final = value
        self._by_text: Final = by_text
        self._all: Final = rules

    def open_to(self, customer: Customer, now: int, touchpoint: Touchpoint | None, found: RisingTimes) -> Rules:
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

    __slots__ = ("_behind_none", "_by_number", "_by_text", "unguarded")

    def __init__(self, rules: Rules, touchpoint_type: str | None) -> None:
        """`touchpoint_type`: that of the touchpoint at hand; none: there is no touchpoint."""
        numbers: dict[str, tuple[NumberCompares, list[tuple[float, CompiledRule]]]] = {}
        traits: dict[str, dict[str, list[tuple[TraitCompares, CompiledRule]]]] = {}
        values: dict[Path, tuple[dict[str, Rules], Rules]] = {}
        unguarded: Rules = []
        for rule in rules:
            guard = _guard_of(rule, touchpoint_type)
            if isinstance(guard, EventHappens):
                path, comparison = guard.asked[0]
                by_text, together = values.setdefault(path, ({}, []))
                for text in texts_of(comparison) or ():
                    by_text.setdefault(text, []).append(rule)
                together.append(rule)
            elif isinstance(guard, TraitCompares):
                for text in guard.texts or ():
                    traits.setdefault(guard.name, {}).setdefault(text, []).append((guard, rule))
            elif isinstance(guard, NumberCompares) and guard.least is not None:
                numbers.setdefault(guard.key, (guard, []))[1].append((guard.least, rule))
            else:
                unguarded.append(rule)
        self._behind_none: Final = _Behind([(rule, None) for rule in unguarded])
        self.unguarded: Final = RuleSet(self._behind_none.alone)
        """Those behind no guard that are judged one by one."""
        self._by_text: Final[list[Guarded]] = [
            *[GuardedByValue(compile_path(path), by_text, together) for path, (by_text, together) in values.items()],
            *[GuardedByTrait(name, by_text) for name, by_text in traits.items()],
        ]
        self._by_number: Final = [GuardedByNumber(leaf, bounds) for leaf, bounds in numbers.values()]

    def open_to(self, customer: Customer, now: int, touchpoint: Touchpoint | None, found: RisingTimes) -> Rules:
        """The rules that may hold, in the order in which they are judged. Those left out are false.

        Adds to `found` those of them that time alone makes true.
        """
        opened = _NO_RULES
        for guarded in self._by_text:
            more = guarded.open_to(customer, now, touchpoint, found)
            if more:
                opened = merged(opened, more)
        memory = customer.memory
        for numbered in self._by_number:
            # Most customers have no such memory, or too little in it.
            if not numbered.is_shut(memory[numbered.place], now):
                more = numbered.open_to(customer, now)
                if more:
                    opened = merged(opened, more)
        unguarded = self._behind_none.open_to(customer, now, found)
        return merged(unguarded, opened) if opened else unguarded


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


def _absence_of(rule: CompiledRule, holding: CompiledLeaf | None) -> NothingFor | None:
    """What the rule waits for if `holding` holds: that nothing happens for a time. None if there is more to it."""
    left = [part for part in _parts(rule.condition) if part is not holding]
    if len(left) != 1:
        return None
    absence = left[0]
    # So that its time never comes to `NEVER`.
    return absence if isinstance(absence, NothingFor) and absence.duration <= END_OF_TIME else None


def _parts(condition: Condition) -> list[Condition]:
    """All of which must hold."""
    return [part for each in condition.conditions for part in _parts(each)] if isinstance(condition, AllHold) else [condition]


def _bound_of(pair: tuple[float, Any]) -> float:
    return pair[0]


def _duration_of(pair: tuple[NothingFor, Any]) -> int:
    return pair[0].duration
