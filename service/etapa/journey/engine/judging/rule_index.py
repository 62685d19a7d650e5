"""Which of the many rules out of one stage must be judged: those that could have become true since the last time.

When a customer has been judged and no rule holds, then none will hold before the customer's timer is due, except those that look at
something that the next touchpoint changes. So with the next touchpoint, only these rules are judged:

- those that look at memories which take in touchpoints of its type, or at the touchpoint itself;
- those that time alone will make true, unless something changes: their times make the customer's next `due`.

All rules are judged after everything else that changes a customer: a stage change, a new trait, a touchpoint earlier than any before, another version
of the journey, a timer that failed, and loading from a store, because what is known here is not stored.

What comes of it is the same as if all rules were judged every time, down to the byte.
"""

from collections.abc import Sequence
from typing import Final, final

from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.event import EventHappens
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER, in_time
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.compiled_rule import CompiledRule, Rules, words_for
from etapa.journey.engine.judging.guards import Docket
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.language.model import ANY_TYPE

_NO_RULES: Final[Rules] = []
MOST_LISTS: Final = 1024
"""How many different sets of rules are kept as lists."""


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
class _WithType:
    """The rules that may hold with a touchpoint of a type at hand."""

    __slots__ = ("all", "hidden", "touched", "touched_ones")

    def __init__(self, rules: Rules, touchpoint_type: str) -> None:
        possible = possible_with(rules, touchpoint_type)
        touched = [rule for rule in rules if _is_touched(rule.leaves, touchpoint_type)]
        self.all: Final = Docket(possible)
        self.touched_ones: Final = set_of(touched)
        """Those that look at something that such a touchpoint changes, or at the touchpoint itself."""
        self.touched: Final = Docket([rule for rule in possible if rule in touched])
        self.hidden: Final = [rule for rule in possible_with(rules, None) if _asks_for(rule.leaves, touchpoint_type)]
        """Those that may be true without a touchpoint but false with this one, such as `not: {event: …}`."""


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
        self._touchless: Final = Docket(possible_with(rules, None))
        self._lists: Final[dict[int, Rules]] = {}

    def first(self, customer: Customer, now: int, touchpoint: Touchpoint | None, visited: Sequence[str]) -> CompiledRule | None:
        """The first rule that holds, with the touchpoint at hand or none, and leads to none of the stages `visited`.

        If there is none, also sets the customer's `due` by these rules. Raises `EvaluationFailed`.
        """
        settled = customer.settled
        customer.settled = None
        known = settled if isinstance(settled, Settled) and settled.index is self and settled.at <= now else None
        asked, hidden, waiting = self._asked(customer, now, touchpoint, known)
        passed_over = False
        found = _Times()
        for rule in asked:
            true_from = _true_from(rule, customer, now, touchpoint)
            if true_from > now:
                found.add(rule, true_from)
            elif rule.to in visited:
                passed_over = True
            else:
                return rule
        for rule in hidden:
            passed_over = passed_over or _true_from(rule, customer, now, None) <= now
        try:
            if passed_over:
                customer.due = self._next_change(customer, now)
                return None
            for rules in (asked, hidden):
                for rule in rules:
                    if rule.may_rise and not rule.is_timed:
                        found.add(rule, rule.condition.rises(customer, now))
            for rule in waiting:
                found.add(rule, rule.condition.rises(customer, now))
        except Exception as error:
            raise EvaluationFailed(customer.id, words_for(None), error) from error
        customer.due = in_time(found.due)
        if known is None:
            known = Settled(self, now, found.waiting)
        else:
            known.at, known.waiting = now, found.waiting
        customer.settled = known
        return None

    def _asked(self, customer: Customer, now: int, touchpoint: Touchpoint | None, known: Settled | None) -> tuple[Rules, Rules, Rules]:
        """The rules that may hold; those that may be hidden by the touchpoint; and those that are false, but will be true one day."""
        if touchpoint is None:
            rules = self._touchless.open_to(customer, now, None) if known is None else self._listed(known.waiting)
            return rules, _NO_RULES, _NO_RULES
        with_type = self._by_type.get(touchpoint.type, self._other)
        if known is None:
            return with_type.all.open_to(customer, now, touchpoint), with_type.hidden, _NO_RULES
        waiting = self._listed(known.waiting)
        if known.waiting & with_type.touched_ones:
            waiting = [rule for rule in waiting if not rule.bit & with_type.touched_ones]
        return with_type.touched.open_to(customer, now, touchpoint), with_type.hidden, waiting

    def _next_change(self, customer: Customer, now: int) -> int | None:
        """When any condition next changes: as in `due_after`, that moves a customer for whom a rule that holds was passed over."""
        due = NEVER
        for leaf in self._changing:
            due = min(due, leaf.until(customer, now))
        return in_time(due)

    def _listed(self, some: int) -> Rules:
        """The rules in a set, in the order in which they are judged."""
        found = self._lists.get(some)
        if found is None:
            if len(self._lists) >= MOST_LISTS:
                self._lists.clear()
            found = self._lists[some] = [rule for rule in self._rules if rule.bit & some]
        return found


@final
class _Times:
    """The times at which rules that are false now will be true."""

    __slots__ = ("due", "waiting")

    def __init__(self) -> None:
        self.due = NEVER
        self.waiting = 0

    def add(self, rule: CompiledRule, true_from: int) -> None:
        if true_from < NEVER:
            self.waiting |= rule.bit
            self.due = min(self.due, true_from)


def _true_from(rule: CompiledRule, customer: Customer, now: int, touchpoint: Touchpoint | None) -> int:
    """From when on the rule is true, or may be: `now` or earlier if it holds, `NEVER` if time alone never makes it true."""
    try:
        if rule.is_timed:
            return rule.condition.rises(customer, now)
        return now if rule.condition.holds(customer, now, touchpoint) else NEVER
    except Exception as error:
        raise EvaluationFailed(customer.id, words_for(rule), error) from error


def set_of(rules: Rules) -> int:
    """The set of some rules, as a whole number with one bit for each."""
    together = 0
    for rule in rules:
        together |= rule.bit
    return together


def possible_with(rules: Rules, touchpoint_type: str | None) -> Rules:
    """The rules that can hold with a touchpoint of that type at hand; none: without one."""
    return [rule for rule in rules if rule.condition.possible(touchpoint_type) is not False]


def _is_touched(leaves: list[CompiledLeaf], touchpoint_type: str) -> bool:
    return any(touchpoint_type in leaf.touched_by or ANY_TYPE in leaf.touched_by for leaf in leaves)


def _asks_for(leaves: list[CompiledLeaf], touchpoint_type: str) -> bool:
    return _is_touched([leaf for leaf in leaves if isinstance(leaf, EventHappens)], touchpoint_type)
