"""What a journey's tests reach: rules that moved somebody, stages that somebody entered, campaigns that were triggered."""

from etapa.journey.language.model import Journey
from etapa.rehearsal.scenarios import ScenarioRun


class Coverage:
    """The coverage so far; `add` each test. Only what really happened counts, whatever a test expected."""

    def __init__(self, journey: Journey) -> None:
        self._rules = {rule.id: False for rule in journey.rules}
        self._stages = {stage.id: False for stage in journey.stages}
        self._campaigns = {campaign.id: False for campaign in journey.campaigns}

    def add(self, run: ScenarioRun) -> None:
        """Count what one test did."""
        for move in run.moves:
            self._stages[move.to] = True
            if move.rule is not None:
                self._rules[move.rule] = True
        for campaign in run.triggers:
            self._campaigns[campaign] = True

    @property
    def rules(self) -> int:
        """How many rules the journey has."""
        return len(self._rules)

    @property
    def stages(self) -> int:
        """How many stages the journey has."""
        return len(self._stages)

    @property
    def campaigns(self) -> int:
        """How many campaigns the journey has."""
        return len(self._campaigns)

    @property
    def rules_not_fired(self) -> list[str]:
        """Rules that moved nobody in any test, in the order of the journey."""
        return [rule for rule, fired in self._rules.items() if not fired]

    @property
    def stages_not_entered(self) -> list[str]:
        """Stages that nobody entered in any test, in the order of the journey."""
        return [stage for stage, entered in self._stages.items() if not entered]

    @property
    def campaigns_not_triggered(self) -> list[str]:
        """Campaigns that no test triggered, in the order of the journey."""
        return [campaign for campaign, triggered in self._campaigns.items() if not triggered]

    @property
    def is_whole(self) -> bool:
        """Whether everything is reached."""
        return not (self.rules_not_fired or self.stages_not_entered or self.campaigns_not_triggered)
