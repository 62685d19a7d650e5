"""A rule, compiled, under one of the stages that it leaves."""

from typing import Final, final

from etapa.journey.engine.conditions.condition import Condition
from etapa.journey.engine.conditions.event import EventHappens
from etapa.journey.language.model import Rule


@final
class CompiledRule:
    """A rule, as listed under a stage that it leaves. `place`: how many rules out of that stage are judged before it."""

    __slots__ = ("bit", "condition", "id", "is_timed", "leaves", "may_rise", "needs_event", "place", "to")

    def __init__(self, rule: Rule, condition: Condition, place: int) -> None:
        self.id: Final = rule.id
        self.to: Final = rule.to
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


def words_for(rule: CompiledRule | None) -> str:
    """What was being judged, for `EvaluationFailed`."""
    return "its next timer" if rule is None else f"rule {rule.id!r}"
