"""What the tests of a journey reach: rules that moved somebody, and stages that somebody entered."""

from collections.abc import Iterable

from etapa.journey.language.model import Journey
from etapa.rehearsal.scenarios import Move


class Coverage:
    """Filled test by test. Only what really happened counts, whatever a test expected."""

    def __init__(self, journey: Journey) -> None:
        self._rules = {rule.id: False for rule in journey.rules}
        self._stages = {stage.id: False for stage in journey.stages}

    def add(self, moves: Iterable[Move]) -> None:
        """Count the moves of one test."""
        for move in moves:
            self._stages[move.to] = True
            if move.rule is not None:
                self._rules[move.rule] = True

    @property
    def rules(self) -> int:
        """How many rules the journey has."""
        return len(self._rules)

    @property
    def stages(self) -> int:
        """How many stages the journey has."""
        return len(self._stages)

    @property
    def rules_not_fired(self) -> list[str]:
        """Rules that moved nobody in any test, in the order of the journey."""
        return [rule for rule, fired in self._rules.items() if not fired]

    @property
    def stages_not_entered(self) -> list[str]:
        """Stages that nobody entered in any test, in the order of the journey."""
        return [stage for stage, entered in self._stages.items() if not entered]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return not self.rules_not_fired and not self.stages_not_entered
