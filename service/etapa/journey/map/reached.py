"""How many different customers have been in each stage, which only somebody who knows single customers can tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from etapa.journey.engine.facts.stage_change import StageChange


@dataclass(slots=True)
class _Seen:
    stages: int = 0
    """A bit for each stage."""
    persona: str | None = None
    is_shown: bool = False
    """Whether the customer moved in the time shown."""


class Reached:
    """Memory grows with customers, not with moves."""

    def __init__(self, stages: Sequence[str], since: int | None = None, to: int | None = None) -> None:
        """`since`, `to`: of customers who moved from the one instant until before the other, with all that they did before; none: of all."""
        self._since: Final = since
        self._to: Final = to
        self._bit: Final = {stage: 1 << place for place, stage in enumerate(stages)}
        self._seen: Final[dict[str, _Seen]] = {}

    @property
    def anybody(self) -> bool:
        """Whether there was any customer, in the time shown or before."""
        return bool(self._seen)

    def moved(self, change: StageChange) -> None:
        """Take in a stage change. The customer belongs to the persona that it has at the last one."""
        if self._to is not None and change.at >= self._to:
            return
        seen = self._seen.setdefault(change.customer_id, _Seen())
        seen.stages |= self._bit.get(change.to, 0)
        seen.persona = change.persona
        seen.is_shown = seen.is_shown or self._since is None or change.at >= self._since

    def left(self, customer_id: str) -> None:
        """A customer turned out to be another, whose way goes on under the other id."""
        self._seen.pop(customer_id, None)

    def by_stage(self, persona: str | None = None) -> Mapping[str, int]:
        """Customers of one persona, or of all, by stage."""
        shown = [each.stages for each in self._seen.values() if each.is_shown and persona in (None, each.persona)]
        return {stage: sum(bool(stages & bit) for stages in shown) for stage, bit in self._bit.items()}
