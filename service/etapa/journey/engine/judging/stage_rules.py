"""The rules that leave one stage, and when time next changes one of them."""

from typing import Final, final

from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.event import EventHappens
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER, in_time
from etapa.journey.engine.judging.compiled_rule import Rules
from etapa.journey.engine.judging.rule_index import RuleIndex, possible_with
from etapa.journey.language.model import ANY_TYPE, Stage


@final
class StageRules:
    """The rules that leave one stage, in the order of the file, and the subsets of them that are needed all the time."""

    __slots__ = ("_by_type", "_other", "changing", "hideable", "id", "index", "number", "phase", "rules", "timed", "touchless")

    def __init__(self, stage: Stage, rules: Rules, few_rules: int, number: int) -> None:
        self.id: Final = stage.id
        self.phase: Final = stage.phase
        self.number: Final = number
        """How many stages come before it in the file."""
        self.rules: Final = rules
        events = [leaf for rule in rules for leaf in rule.leaves if isinstance(leaf, EventHappens)]
        self._by_type: Final = {kind: possible_with(rules, kind) for event in events for kind in event.types}
        # `*` stands for any type that no rule names.
        self._other: Final = possible_with(rules, ANY_TYPE)
        self.touchless: Final = possible_with(rules, None)
        """Those that can hold without a touchpoint."""
        self.timed: Final[Rules] = [rule for rule in self.touchless if rule.condition.changes_by_time()[0]]
        """Those that time alone can make true."""
        self.hideable: Final[Rules] = [rule for rule in self.touchless if rule.needs_event]
        """Those that may be true without a touchpoint but false with it, such as `not: {event: …}`."""
        self.changing: Final[list[CompiledLeaf]] = [leaf for rule in rules for leaf in rule.leaves if any(leaf.changes_by_time())]
        """All conditions in the rules whose truth may change by time alone."""
        self.index: Final = None if len(rules) <= few_rules else RuleIndex(rules, self.changing)
        """None if there are few rules."""

    def for_type(self, touchpoint_type: str) -> Rules:
        """Those that can hold with a touchpoint of that type at hand."""
        return self._by_type.get(touchpoint_type, self._other)


def due_after(rules: StageRules, customer: Customer, now: int) -> int | None:
    """When the timer of a customer in the stage of `rules` next fires after `now`; none if it does not.

    Timers fire when a condition in a rule out of the stage changes, judged without a touchpoint. While no rule is true, only
    times at which one may become true matter: at others nobody would move. But a rule that is true and was passed over moves
    the customer at the next change of any condition, so then all times count.
    """
    until = NEVER
    for rule in rules.touchless:
        if rule.condition.holds(customer, now, None):
            for leaf in rules.changing:
                until = min(until, leaf.until(customer, now))
            return in_time(until)
    for rule in rules.timed:
        until = min(until, rule.condition.rises(customer, now))
    return in_time(until)
