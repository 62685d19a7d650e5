"""A rule, compiled, under one of the stages that it leaves."""

from operator import attrgetter
from typing import Final, final

from etapa.journey.engine.conditions.condition import Condition
from etapa.journey.engine.conditions.event import EventHappens
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.language.model import Rule

MOST_SORTED: Final = 32
"""Of rules by what they ask for, so many of those that ask for least are kept in the order in which they are judged, for each number of them."""

_in_order: Final = attrgetter("place")


@final
class CompiledRule:
    """A rule, as listed under a stage that it leaves. `place`: how many rules out of that stage are judged before it.

    `to`: the stage that it leads to, as the same object that the stage has: such texts are compared at once. `to_number`: that of the stage.
    """

    __slots__ = ("bit", "condition", "id", "is_timed", "leaves", "may_rise", "needs_event", "number", "place", "to", "to_number")

    def __init__(self, rule: Rule, condition: Condition, place: int, to: str, to_number: int) -> None:
        self.id: Final = rule.id
        self.to: Final = to
        self.to_number: Final = to_number
        self.number = 0
        """How many come before it of all rules under all stages. Set once all are compiled."""
        self.condition = condition
        self.place: Final = place
        self.bit: Final = 1 << place
        """Stands for the rule in sets of rules, which are whole numbers."""
        self.leaves: Final = condition.leaves()
        self.needs_event: Final = any(isinstance(leaf, EventHappens) for leaf in self.leaves)
        """Whether the touchpoint at hand makes a difference."""
        self.is_timed: Final = not self.needs_event and condition.changes_by_time()[0]
        """Whether time alone makes it true, so that `rises` also tells whether it holds."""
        self.may_rise: Final = condition.possible(None) is not False and condition.changes_by_time()[0]
        """Whether time alone may make it true while no touchpoint is at hand."""


Rules = list[CompiledRule]


@final
class RuleSet:
    """Some of the rules out of a stage, in the order in which they are judged, and the whole number that stands for them."""

    __slots__ = ("bits", "rules")

    def __init__(self, rules: Rules) -> None:
        self.rules: Final = rules
        self.bits: Final = bits_of(rules)

    def bits_of_some(self, rules: Rules) -> int:
        """The same for some of them. Mostly they are all of them, and long numbers take time."""
        return self.bits if len(rules) == len(self.rules) else bits_of(rules)


@final
class RisingTimes:
    """The times at which rules that are false now will be true."""

    __slots__ = ("bits", "due", "passed_over", "rules")

    def __init__(self) -> None:
        self.due = NEVER
        """The first of them."""
        self.passed_over = False
        """Whether a rule holds that leads back to a stage of the same chain of moves."""
        self.rules: Rules = []
        """The rules that were looked at one by one."""
        self.bits = 0
        """The set of those that were looked at together."""

    def add(self, rule: CompiledRule, true_from: int) -> None:
        if true_from < NEVER:
            self.rules.append(rule)
            self.due = min(self.due, true_from)

    def add_some(self, bits: int, due: int) -> None:
        """A set of rules, the first of which will be true at `due`."""
        self.bits = self.bits | bits if self.bits else bits
        if due < self.due:
            self.due = due


def bits_of(rules: Rules) -> int:
    """A whole number with one bit for each rule."""
    together = 0
    for rule in rules:
        together |= rule.bit
    return together


def merged(some: Rules, others: Rules) -> Rules:
    """Both, in the order in which they are judged, as each of them is. May be one of them itself, if the other is empty."""
    if not some:
        return others
    both: Rules = []
    next_other, number = 0, len(others)
    for rule in some:
        while next_other < number and others[next_other].place < rule.place:
            both.append(others[next_other])
            next_other += 1
        both.append(rule)
    both += others[next_other:]
    return both


def beginnings(rules: Rules) -> list[Rules]:
    """For each number of them, up to a limit: so many of the first, in the order in which they are judged."""
    return [sorted(rules[:number], key=_in_order) for number in range(min(len(rules), MOST_SORTED) + 1)]


def first_some(rules: Rules, kept: list[Rules], number: int) -> Rules:
    """So many of the first, in the order in which they are judged; `kept`: their `beginnings`."""
    return kept[number] if number < len(kept) else sorted(rules[:number], key=_in_order)


def words_for(rule: CompiledRule | None) -> str:
    """What was being judged, for `EvaluationFailed`."""
    return "its next timer" if rule is None else f"rule {rule.id!r}"
