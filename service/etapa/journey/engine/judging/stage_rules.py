"""The rules that leave one stage, and when time next changes one of them."""

from collections.abc import Sequence
from typing import Final, final

from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.event import EventHappens
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.judging.calm import CalmOutcomes, KindRules, touched_by
from etapa.journey.engine.judging.compiled_rule import CompiledRule, Rules, bits_of
from etapa.journey.engine.judging.rule_index import RuleIndex, possible_with
from etapa.journey.language.model import ANY_TYPE, Stage


@final
class StageRules:
    """The rules that leave one stage, in the order of the file, and the subsets of them that are needed all the time."""

    __slots__ = (
        "_by_type",
        "_other",
        "bit",
        "by_kind",
        "calm",
        "changing",
        "hideable",
        "id",
        "index",
        "number",
        "phase",
        "rules",
        "timed",
        "touchless",
        "without_touchpoint",
    )

    def __init__(self, stage: Stage, rules: Rules, few_rules: int, number: int) -> None:
        self.id: Final = stage.id
        self.phase: Final = stage.phase
        self.number: Final = number
        """How many stages come before it in the file."""
        self.bit: Final = 1 << number
        """Stands for it in `Customer.visited`."""
        self.rules: Final = rules
        events = [leaf for rule in rules for leaf in rule.leaves if isinstance(leaf, EventHappens)]
        self._by_type: Final = {kind: possible_with(rules, kind) for event in events for kind in event.types}
        # `*` stands for any type that no rule names.
        self._other: Final = possible_with(rules, ANY_TYPE)
        self.by_kind: list[KindRules] = []
        """For each `TouchpointKind` of the program, by its place, the rules that can hold with such a touchpoint at hand."""
        self.touchless: Final = possible_with(rules, None)
        """Those that can hold without a touchpoint."""
        self.without_touchpoint: Final = KindRules(self.touchless, bits_of(self.touchless))
        """The same, to be judged like those for a kind of touchpoint."""
        self.calm: Final = CalmOutcomes(self, rules)
        self.timed: Final[Rules] = [rule for rule in self.touchless if rule.condition.changes_by_time()[0]]
        """Those that time alone can make true."""
        self.hideable: Final[Rules] = [rule for rule in self.touchless if rule.needs_event]
        """Those that may be true without a touchpoint but false with it, such as `not: {event: …}`."""
        self.changing: Final[list[CompiledLeaf]] = [leaf for rule in rules for leaf in rule.leaves if any(leaf.changes_by_time())]
        """All conditions in the rules whose truth may change by time alone."""
        self.index: Final = None if len(rules) <= few_rules else RuleIndex(rules, self.changing)
        """None if there are few rules."""

    @property
    def types(self) -> list[str]:
        """The types of touchpoints at hand that the rules name."""
        return list(self._by_type)

    def for_type(self, touchpoint_type: str) -> KindRules:
        """Those that can hold with a touchpoint of that type at hand."""
        return KindRules(self._by_type.get(touchpoint_type, self._other), touched_by(self.rules, touchpoint_type))

    def follow_or_wait(self, customer: Customer, now: int, visited: Sequence[str]) -> CompiledRule | None:
        """The first rule that holds without a touchpoint and leads to none of the stages `visited`.

        If there is none, also sets the customer's `due` by these rules, as `due_after` finds it.
        """
        due = NEVER
        passed_over = False
        for rule in self.touchless:
            if rule.is_timed:
                rises = rule.condition.rises(customer, now)
                if rises > now:
                    if rises < due:
                        due = rises
                    continue
            elif not rule.condition.holds(customer, now, None):
                if rule.may_rise:
                    due = min(due, rule.condition.rises(customer, now))
                continue
            if rule.to not in visited:
                return rule
            passed_over = True
        customer.due_at = self.next_change(customer, now) if passed_over else due
        return None

    def next_change(self, customer: Customer, now: int) -> int:
        """When any condition next changes, judged without a touchpoint."""
        until = NEVER
        for leaf in self.changing:
            at = leaf.until_before(customer, now, until)
            if at < until:
                until = at
        return until


def due_after(rules: StageRules, customer: Customer, now: int) -> int:
    """When the timer of a customer in the stage of `rules` next fires after `now`; after the end of time if it does not.

    Timers fire when a condition in a rule out of the stage changes, judged without a touchpoint. While no rule is true, only
    times at which one may become true matter: at others nobody would move. But a rule that is true and was passed over moves
    the customer at the next change of any condition, so then all times count.
    """
    until = NEVER
    for rule in rules.touchless:
        if rule.condition.holds(customer, now, None):
            return rules.next_change(customer, now)
    for rule in rules.timed:
        until = min(until, rule.condition.rises(customer, now))
    return until
