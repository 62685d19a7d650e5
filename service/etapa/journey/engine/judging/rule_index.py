"""Which of the many rules out of one stage must be judged: those that could have become true since the last time.

When a customer has been judged and no rule holds, then none will hold before the customer's timer is due, except those that look at
something that the next touchpoint changes. So with the next touchpoint, only these rules are judged:

- those that look at memories which take in touchpoints of its type, or at the touchpoint itself;
- those that time alone will make true, unless something changes: their times make the customer's next `due`.

All rules are judged after everything else that changes a customer: a stage change, a new trait, a touchpoint earlier than any before, another version
of the journey, a timer that failed, and loading from a store, because what is known here is not stored.

But a customer who comes back to a stage, without a touchpoint since it was there last, meets what it met then: only the rules that held are judged,
until time may have made another one true.

What comes of it is the same as if all rules were judged every time, down to the byte.
"""

from collections.abc import Sequence
from typing import Final, final

from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.event import EventHappens
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.compiled_rule import CompiledRule, RisingTimes, Rules, RuleSet, bits_of, words_for
from etapa.journey.engine.judging.guards import Docket
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.language.model import ANY_TYPE

MOST_LISTS: Final = 4096
"""How many different sets of rules are kept."""


@final
class Settled:
    """What is known of a customer for whom no rule out of its stage holds: when that was found, and which rules time alone will make true.

    Not stored, because it follows from the state.
    """

    __slots__ = ("at", "index", "waiting")

    def __init__(self, index: "RuleIndex", at: int, waiting: int) -> None:
        self.index: Final = index
        self.at = at
        self.waiting = waiting
        """The set of rules that time alone will make true."""


@final
class EntryFindings:
    """What a customer met on entering a stage: from `at` until before `until`, of all rules up to the last of `held`, only those in `held` may hold.

    That is so each time it enters the stage, as long as there is no touchpoint. Not stored, because it follows from the state.
    """

    __slots__ = ("at", "held", "index", "until")

    def __init__(self, index: "RuleIndex", at: int, until: int, held: Rules) -> None:
        self.index: Final = index
        self.at: Final = at
        self.until: Final = until
        self.held: Final = held


@final
class _WithType:
    """The rules that may hold with a touchpoint of a type at hand."""

    __slots__ = ("all", "hidden", "only_hidden", "touched", "touched_bits")

    def __init__(self, rules: Rules, touchpoint_type: str) -> None:
        possible = possible_with(rules, touchpoint_type)
        touched = [rule for rule in rules if _is_touched(rule.leaves, touchpoint_type)]
        self.all: Final = Docket(possible, touchpoint_type)
        self.touched_bits: Final = bits_of(touched)
        """Those that look at something that such a touchpoint changes, or at the touchpoint itself."""
        self.touched: Final = Docket([rule for rule in possible if rule in touched], touchpoint_type)
        self.hidden: Final = [rule for rule in possible_with(rules, None) if _asks_for(rule.leaves, touchpoint_type)]
        """Those that may be true without a touchpoint but false with this one, such as `not: {event: …}`."""
        self.only_hidden: Final = RuleSet([rule for rule in self.hidden if rule not in possible])
        """Those of them that cannot hold with this one."""


@final
class RuleIndex:
    """The rules out of one stage, by what could make them true."""

    __slots__ = ("_by_type", "_changing", "_lists", "_other", "_rules", "_touchless")

    def __init__(self, rules: Rules, changing: list[CompiledLeaf]) -> None:
        self._rules: Final = rules
        self._changing: Final = changing
        types = {kind for rule in rules for leaf in rule.leaves for kind in leaf.touched_by}
        self._by_type: Final = {kind: _WithType(rules, kind) for kind in sorted(types)}
        # `*` stands for any type that no rule names.
        self._other: Final = _WithType(rules, ANY_TYPE)
        self._touchless: Final = Docket(possible_with(rules, None), None)
        self._lists: Final[dict[int, RuleSet]] = {}

    def first_on_entering(self, customer: Customer, now: int, visited: Sequence[str]) -> CompiledRule | None:
        """`first` for a customer who has just entered the stage and has no touchpoint at hand. Raises `EvaluationFailed`."""
        entry = customer.entry
        if isinstance(entry, EntryFindings) and entry.index is self and entry.at <= now < entry.until:
            holds = _first_of(entry.held, customer, now, None, visited, RisingTimes())
            if holds is not None:
                customer.settled = None
                return holds
        return self.first(customer, now, None, visited)

    def first(self, customer: Customer, now: int, touchpoint: Touchpoint | None, visited: Sequence[str]) -> CompiledRule | None:
        """The first rule that holds, with the touchpoint at hand or none, and leads to none of the stages `visited`.

        If there is none, also sets the customer's `due` by these rules. Raises `EvaluationFailed`.
        """
        settled = customer.settled
        customer.settled = None
        # A timer that moved nobody was judged at its own time, and a late touchpoint may come before that.
        known = settled if isinstance(settled, Settled) and settled.index is self and settled.at <= now else None
        with_type = None if touchpoint is None else self._by_type.get(touchpoint.type, self._other)
        found = RisingTimes()
        if touchpoint is None and known is not None:
            whole = self._listed(known.waiting)
            asked = whole.rules
        else:
            docket = self._touchless if with_type is None else with_type.all if known is None else with_type.touched
            whole = docket.unguarded
            asked = docket.open_to(customer, now, touchpoint, found)
        holds = _first_of(asked, customer, now, touchpoint, visited, found)
        if holds is not None:
            if visited and known is None:
                customer.entry = self._entry(asked, holds, now, found.due, visited)
            return holds
        try:
            if found.passed_over or (with_type is not None and _any_holds(with_type.hidden, customer, now)):
                customer.due_at = self._next_change(customer, now)
                return None
            for rule in asked:
                if rule.may_rise and not rule.is_timed:
                    found.add(rule, rule.condition.rises(customer, now))
            waiting = whole.bits_of_some(found.rules) if asked is whole.rules else bits_of(found.rules)
            if found.bits:
                waiting |= found.bits
            if with_type is not None:
                waiting |= _waiting_among(with_type.only_hidden, customer, now, found)
                if known is not None:
                    waiting |= _waiting_among(self._listed(known.waiting & ~with_type.touched_bits), customer, now, found)
        except Exception as error:
            raise EvaluationFailed(customer.id, words_for(None), error) from error
        customer.due_at = found.due
        if known is None:
            known = Settled(self, now, waiting)
        else:
            known.at, known.waiting = now, waiting
        customer.settled = known
        return None

    def _entry(self, asked: Rules, last: CompiledRule, now: int, until: int, visited: Sequence[str]) -> EntryFindings | None:
        """What a customer met that enters the stage and leaves it at once by the rule `last`. None if that may change at any time.

        `until`: when time makes one of the timed rules before it true, or one that was looked at together with these.
        """
        held: Rules = []
        for rule in asked:
            if rule is last:
                break
            if rule.to in visited:
                held.append(rule)
            elif rule.may_rise and not rule.is_timed:
                # When it may become true was not worked out.
                return None
        return EntryFindings(self, now, until, [*held, last])

    def _next_change(self, customer: Customer, now: int) -> int:
        """When any condition next changes: as in `due_after`, that moves a customer for whom a rule that holds was passed over."""
        due = NEVER
        for leaf in self._changing:
            at = leaf.until_before(customer, now, due)
            if at < due:
                due = at
        return due

    def _listed(self, bits: int) -> RuleSet:
        """The rules that the bits stand for."""
        listed = self._lists.get(bits)
        if listed is None:
            if len(self._lists) >= MOST_LISTS:
                self._lists.clear()
            listed = self._lists[bits] = RuleSet([rule for rule in self._rules if rule.bit & bits])
        return listed


def _first_of(
    rules: Rules, customer: Customer, now: int, touchpoint: Touchpoint | None, visited: Sequence[str], found: RisingTimes
) -> CompiledRule | None:
    """The first of the rules that holds and leads to none of the stages `visited`. Adds to `found` what is found of those before it."""
    for rule in rules:
        true_from = _true_from(rule, customer, now, touchpoint)
        if true_from > now:
            found.add(rule, true_from)
        elif rule.to not in visited:
            return rule
        else:
            found.passed_over = True
    return None


def _any_holds(rules: Rules, customer: Customer, now: int) -> bool:
    """Whether one of the rules holds without a touchpoint."""
    for rule in rules:  # noqa: SIM110 - a generator would double the cost
        if rule.condition.holds(customer, now, None):
            return True
    return False


def _waiting_among(some: RuleSet, customer: Customer, now: int, found: RisingTimes) -> int:
    """Which of some rules, none of which holds, time alone will make true. Adds their times to those that were found."""
    if not some.rules:
        return 0
    found.rules = []
    for rule in some.rules:
        if rule.may_rise:
            found.add(rule, rule.condition.rises(customer, now))
    return some.bits_of_some(found.rules)


def _true_from(rule: CompiledRule, customer: Customer, now: int, touchpoint: Touchpoint | None) -> int:
    """From when on the rule is true, or may be: `now` or earlier if it holds, `NEVER` if time alone never makes it true."""
    try:
        if rule.is_timed:
            return rule.condition.rises(customer, now)
        return now if rule.condition.holds(customer, now, touchpoint) else NEVER
    except Exception as error:
        raise EvaluationFailed(customer.id, words_for(rule), error) from error


def possible_with(rules: Rules, touchpoint_type: str | None) -> Rules:
    """The rules that can hold with a touchpoint of that type at hand; none: without one."""
    return [rule for rule in rules if rule.condition.possible(touchpoint_type) is not False]


def _is_touched(leaves: list[CompiledLeaf], touchpoint_type: str) -> bool:
    return any(touchpoint_type in leaf.touched_by or ANY_TYPE in leaf.touched_by for leaf in leaves)


def _asks_for(leaves: list[CompiledLeaf], touchpoint_type: str) -> bool:
    return _is_touched([leaf for leaf in leaves if isinstance(leaf, EventHappens)], touchpoint_type)
