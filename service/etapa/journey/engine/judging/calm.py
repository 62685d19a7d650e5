"""What stays known of a customer for whom no rule out of its stage holds, if the stage has few rules: which of them time alone will make true.

With the next touchpoint, only these are judged, and those that look at something that such a touchpoint changes. Often there are none of the second
kind, and what the first wait for cannot change: then nothing is judged, and the customer's next due time stays.

All rules are judged after everything else that changes a customer, as with a `RuleIndex`, which does more of this for stages with many rules. What
comes of it is the same as if all rules were judged every time, down to the byte.
"""

from typing import Final, final

from etapa.journey.engine.conditions.absence import NothingFor
from etapa.journey.engine.conditions.in_stage import InStageFor
from etapa.journey.engine.judging.compiled_rule import CompiledRule, Rules, bits_of
from etapa.journey.language.model import ANY_TYPE

MOST_KEPT: Final = 4096
"""How many different sets of waiting rules are kept."""


@final
class KindRules:
    """The rules out of a stage that can hold with a touchpoint of one kind at hand."""

    __slots__ = ("every", "rules", "touched")

    def __init__(self, rules: Rules, touched: int) -> None:
        self.rules: Final = rules
        self.every: Final = bits_of(rules)
        """The set of all of them."""
        self.touched: Final = touched
        """The set of those that look at something that such a touchpoint changes, or at the touchpoint itself."""


@final
class Calm:
    """What is known of a customer since its last touchpoint, which made no rule true. Not stored, because it follows from the state."""

    __slots__ = ("restless", "stage", "waiting")

    def __init__(self, stage: object, waiting: int, restless: int) -> None:
        self.stage: Final = stage
        """The `StageRules` by which it was judged."""
        self.waiting: Final = waiting
        """The set of rules that time alone will make true."""
        self.restless: Final = restless
        """Those of them that may have another time when they are judged again, although no touchpoint changed it."""


@final
class CalmOutcomes:
    """What judging one stage's rules may come to if none holds. Customers with the same outcome share one object."""

    __slots__ = ("_kept", "_restless", "_stage")

    def __init__(self, stage: object, rules: Rules) -> None:
        self._stage: Final = stage
        self._restless: Final = bits_of([rule for rule in rules if not has_fixed_time(rule)])
        self._kept: Final[dict[int, Calm]] = {}

    def of(self, waiting: int) -> Calm:
        """The outcome that these rules wait for time."""
        calm = self._kept.get(waiting)
        if calm is None:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            calm = self._kept[waiting] = Calm(self._stage, waiting, waiting & self._restless)
        return calm


def left_to_judge(known: Calm, rules: KindRules) -> int:
    """The set of the rules to judge with a touchpoint at hand, by what is known of the customer."""
    asked = rules.touched | known.restless
    return asked | known.waiting if asked else 0


def has_fixed_time(rule: CompiledRule) -> bool:
    """Whether the time at which the rule becomes true stays the same until a touchpoint, a trait or a move changes it.

    It does if nothing in the rule becomes false by time, so that what is true by then stays so.
    """
    by_time = [leaf for leaf in rule.leaves if any(leaf.changes_by_time())]
    return all(isinstance(leaf, NothingFor | InStageFor) for leaf in by_time) and not rule.condition.changes_by_time()[1]


def touched_by(rules: Rules, touchpoint_type: str) -> int:
    """The set of the rules that look at something that a touchpoint of the type changes; `*`: of a type that no rule names."""
    touched = 0
    for rule in rules:
        if any(touchpoint_type in leaf.touched_by or ANY_TYPE in leaf.touched_by for leaf in rule.leaves):
            touched |= rule.bit
    return touched
