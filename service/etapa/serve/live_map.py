"""The journey map as it is now: who is in which stage over the whole installation, and which moves this process has published."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec
from prometheus_client import CollectorRegistry

from etapa.journey.language.model import Journey
from etapa.journey.map.document import JourneyMap
from etapa.journey.map.draw import draw
from etapa.journey.map.figures import Figures, Row
from etapa.journey.map.rules_told import RulesTold
from etapa.languages.read import languages
from etapa.serve.ports import StageReader

_CHANGES = "etapa_stage_changes_total"


class LiveFigures(msgspec.Struct, frozen=True):
    """What changes on a map from one second to the next."""

    stages: Mapping[str, int]
    flows: Sequence[tuple[str, str, int]]
    """From where, to where, how often."""


class LiveMap:
    """Draws with what the view and the metrics of this process say."""

    def __init__(self, journey: Journey, reader: StageReader, registry: CollectorRegistry) -> None:
        self._journey = journey
        self._reader = reader
        self._registry = registry

    async def drawn(self) -> JourneyMap:
        """The whole map. Raises `ViewError` when the view does not answer."""
        counts = (await self._reader.stage_counts()).counts
        figures = Figures({"moves": moves_of(self._registry)}, population=counts, partial=True)
        return draw(self._journey, self._rules, figures)

    async def figures(self) -> LiveFigures:
        """Its changing figures alone. Raises `ViewError` when the view does not answer."""
        counts = (await self._reader.stage_counts()).counts
        flows: Counter[tuple[str, str]] = Counter()
        for row in moves_of(self._registry):
            if row["from"] is not None:
                flows[row["from"], row["to"]] += row["count"]
        stages = {stage.id: counts.get(stage.id, 0) for stage in self._journey.stages}
        return LiveFigures(stages, [(source, to, count) for (source, to), count in sorted(flows.items())])

    @cached_property
    def _rules(self) -> RulesTold:
        # Only who looks at the map needs sentences, so a worker starts without them.
        return RulesTold(self._journey, languages())


def moves_of(registry: CollectorRegistry) -> list[Row]:
    """The stage changes that this process has published since it started, as rows of a report."""
    return [
        {"from": sample.labels["from"] or None, "to": sample.labels["to"], "cause": sample.labels["cause"], "count": int(sample.value)}
        for metric in registry.restricted_registry([_CHANGES]).collect()
        for sample in metric.samples
        if sample.name == _CHANGES
    ]
