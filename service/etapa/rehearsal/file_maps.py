"""The maps of a file of touchpoints: one of all customers, and one for each persona."""

from collections.abc import Mapping

from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.language.model import Journey
from etapa.journey.ledger.ledger import JourneyLedger
from etapa.journey.ledger.periods import end_of, start_of
from etapa.journey.ledger.report import ReportQuery, report_of
from etapa.journey.ledger.trends import trends_of
from etapa.journey.map.document import JourneyMap
from etapa.journey.map.draw import draw
from etapa.journey.map.figures import Figures
from etapa.journey.map.recent import RecentMoves
from etapa.journey.map.rules_told import RulesTold
from etapa.journey.map.ways import ShownSpan, population_of, reached_of, ways_of
from etapa.rehearsal.replay import Told
from etapa.uplift.on_the_map import campaign_effects

EVERYBODY = ""


class FileMaps:
    """Takes in stage changes while a file is replayed, and draws maps with the resulting ledger."""

    def __init__(self, journey: Journey, rules: RulesTold, since: int | None = None, to: int | None = None) -> None:
        """`since`, `to`: the first instant shown and the first after those shown (microseconds since 1970); none: all."""
        self._span = since, to
        self._journey = journey
        self._rules = rules
        self._stages = [stage.id for stage in journey.stages]
        self._recent = RecentMoves(since, to)
        self._has_moves = False
        """Whether there was any customer at all; otherwise nothing has been measured, and the map shows only the design."""

    def told(self, each: Told) -> None:
        """Take in a stage change; nothing else is needed."""
        if isinstance(each, StageChange):
            self._recent.moved(each)
            to = self._span[1]
            self._has_moves = self._has_moves or to is None or each.at < to

    def drawn(self, ledger: JourneyLedger, until: int | None) -> Mapping[str, JourneyMap]:
        """The maps by persona; the empty text stands for all customers. `until`: how far timers ran, if past the last touchpoint."""
        personas = [persona.id for persona in self._journey.design.personas]
        return {persona or EVERYBODY: self._drawn(ledger, until, persona) for persona in (None, *personas)}

    def _drawn(self, ledger: JourneyLedger, until: int | None, persona: str | None) -> JourneyMap:
        if not self._has_moves:
            return draw(self._journey, self._rules, Figures(persona=persona))
        since, to = self._span
        report = report_of(ledger, ReportQuery(since, to, persona=persona), self._stages)
        periods = [period for table in ("touchpoints", "moves") for period, _ in ledger.of(table)]
        begins = since if since is not None else min(map(start_of, periods), default=None)
        ends = max(map(end_of, periods), default=None)
        if until is not None and ends is not None:
            ends = max(ends, until)
        if to is not None:
            ends = to
        population = population_of(ledger, self._stages, ShownSpan(None, to, persona))
        trends = {} if begins is None or ends is None else trends_of(ledger, persona, population, begins, ends)
        effects = campaign_effects(self._journey, ledger) if persona is None and self._span == (None, None) else {}
        way = None if ends is None else ways_of(ledger, ShownSpan(since, ends, persona))
        reached = reached_of(ledger, self._stages, ShownSpan(since, ends, persona))
        figures = Figures(report.tables, persona, begins, ends, since is not None, report.exact, population, trends, way, effects)
        return draw(self._journey, self._rules, figures, reached, self._recent.latest(persona))
