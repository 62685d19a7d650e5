"""Makes the map from a journey and its figures."""

from collections.abc import Mapping, Sequence

from etapa.journey.engine.facts.instant import time_text
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.language.design.parts import StageDesign
from etapa.journey.language.model import Journey, Stage
from etapa.journey.map.columns import channels_of, points_of, stay_of, touchpoints_of
from etapa.journey.map.document import (
    CampaignLane,
    Flow,
    FlowKind,
    FlowRule,
    GroupGoals,
    IdealWay,
    JourneyMap,
    MapDetour,
    MapOnward,
    MapPersona,
    MapPhase,
    MapReason,
    MapStageColumn,
    RecentMove,
)
from etapa.journey.map.extremes import extremes_of
from etapa.journey.map.feeling import feeling_of
from etapa.journey.map.figures import Figures
from etapa.journey.map.recent import Latest
from etapa.journey.map.rules_told import RulesTold
from etapa.journey.map.ways import WayFigures
from etapa.journey.units import DAY, SECOND

NOTHING_SAID = StageDesign({}, (), (), (), None)
NO_MOVES: Latest = {}


def draw(
    journey: Journey,
    told: RulesTold,
    figures: Figures,
    reached: Mapping[str, int] | None = None,
    latest: Latest = NO_MOVES,
) -> JourneyMap:
    """The map of `figures`. `told`: the journey's rules as sentences; `reached` (customers by stage), `latest`: what single customers tell, if they are known."""
    frame = journey.design.frame
    ideal = frame.ideal if frame is not None else ()
    population = _population(journey, figures)
    flows = _flows(journey, told, figures, ideal, latest)
    everybody = sum(population.values())
    stages = [_stage(journey, stage, figures, flows, ideal, population, everybody, reached) for stage in journey.stages]
    return JourneyMap(
        journey=journey.id,
        version=journey.version,
        state="current" if frame is None else frame.state,
        scope={} if frame is None else frame.scope,
        persona=figures.persona,
        begins=None if figures.begins is None else time_text(figures.begins),
        ends=None if figures.ends is None else time_text(figures.ends),
        part=figures.is_part,
        exact=figures.exact,
        customers=everybody,
        personas=[
            MapPersona(each.id, each.label, each.about, sum(row["new"] for row in figures.rows("personas", persona=each.id)))
            for each in journey.design.personas
        ],
        phases=_phases(journey),
        stages=stages,
        flows=flows,
        ideal=ideal,
        feeling_scale=None if frame is None or frame.feeling is None else (frame.feeling.worst, frame.feeling.best),
        way=_way(figures.way) if ideal and figures.way is not None else None,
        extremes=extremes_of(stages, flows),
        campaigns=_campaigns(journey, figures),
    )


def _population(journey: Journey, figures: Figures) -> Mapping[str, int]:
    if figures.population is not None:
        return {stage.id: figures.population.get(stage.id, 0) for stage in journey.stages}
    return {stage.id: max(0, figures.total("moves", to=stage.id) - figures.total("moves", from_=stage.id)) for stage in journey.stages}


def _phases(journey: Journey) -> list[MapPhase]:
    labels = {phase.id: phase.label for phase in journey.design.phases}
    phases: list[MapPhase] = []
    for stage in journey.stages:
        if phases and phases[-1].id == stage.phase:
            phases[-1] = MapPhase(stage.phase, phases[-1].label, [*phases[-1].stages, stage.id])
        else:
            phases.append(MapPhase(stage.phase, labels.get(stage.phase or "", {}), [stage.id]))
    return phases


def _stage(
    journey: Journey,
    stage: Stage,
    figures: Figures,
    flows: Sequence[Flow],
    ideal: Sequence[str],
    population: Mapping[str, int],
    everybody: int,
    reached: Mapping[str, int] | None,
) -> MapStageColumn:
    design = journey.design.stages.get(stage.id, NOTHING_SAID)
    frame = journey.design.frame
    entered = figures.total("moves", to=stage.id)
    felt = next(iter(figures.rows("feeling", stage=stage.id)), None)
    return MapStageColumn(
        id=stage.id,
        label=stage.label,
        phase=stage.phase,
        on_ideal_way=stage.id in ideal,
        goal=design.goal,
        activities=design.activities,
        customers=population[stage.id],
        share=_share(population[stage.id], everybody),
        trend=figures.trends.get(stage.id, ()),
        entered=entered,
        left=figures.total("moves", from_=stage.id),
        new=figures.total("moves", from_=None, to=stage.id),
        reached=None if reached is None else reached.get(stage.id, 0),
        channels=channels_of(journey, design, figures, stage.id),
        touchpoints=touchpoints_of(journey, design, figures, stage.id),
        feeling=None if frame is None or frame.feeling is None else feeling_of(felt, frame.feeling),
        points=points_of(journey, design),
        stay=stay_of(design, figures, stage.id),
        onward=_onward(design, flows, ideal, stage.id, entered),
    )


def _onward(design: StageDesign, flows: Sequence[Flow], ideal: Sequence[str], stage: str, entered: int) -> MapOnward | None:
    if stage not in ideal[:-1]:
        return None
    to = ideal[ideal.index(stage) + 1]
    count = sum(flow.count for flow in flows if (flow.source, flow.to) == (stage, to))
    # Customers who entered before the time shown may move on during it.
    return MapOnward(to, count, min(1.0, _share(count, entered)), None if design.promise is None else design.promise.onward)


def _flows(journey: Journey, told: RulesTold, figures: Figures, ideal: Sequence[str], latest: Latest) -> list[Flow]:
    order = {stage.id: place for place, stage in enumerate(journey.stages)}
    leading: dict[tuple[str, str], list[str]] = {}
    for rule in journey.rules:
        for source in rule.sources:
            if source != rule.to:
                leading.setdefault((source, rule.to), []).append(rule.id)
    causes: dict[tuple[str, str], dict[str, int]] = {}
    for row in figures.rows("moves"):
        if row["from"] is not None:
            counts = causes.setdefault((row["from"], row["to"]), {})
            counts[row["cause"]] = counts.get(row["cause"], 0) + row["count"]
    stays = {(row["from"], row["to"]): row for row in figures.rows("stays")}
    rules = figures.by_rule()
    flows = []
    # A move of an earlier version may be between stages that no longer exist.
    for source, to in sorted(
        (move for move in {*leading, *causes} if move[0] in order and move[1] in order), key=lambda m: (order[m[0]], order[m[1]])
    ):
        counts = causes.get((source, to), {})
        count = sum(counts.values())
        stay = stays.get((source, to), {})
        by_rule = None if rules is None else rules.get((source, to), {})
        flows.append(
            Flow(
                source=source,
                to=to,
                kind=_kind(source, to, ideal, order),
                count=count,
                share=_share(count, figures.total("moves", from_=source)),
                median_seconds=stay.get("median_seconds"),
                p90_seconds=stay.get("p90_seconds"),
                causes=counts,
                rules=[
                    FlowRule(rule, told.sentence(rule), told.code(rule), None if by_rule is None else by_rule.get(rule, 0))
                    for rule in leading.get((source, to), ())
                ],
                recent=[_recent(told, each) for each in latest.get((source, to), ())],
            )
        )
    return flows


def _recent(told: RulesTold, change: StageChange) -> RecentMove:
    reasons = [MapReason(told.reason(clause.condition), clause.observed) for clause in change.because]
    return RecentMove(time_text(change.at), change.rule, reasons)


def _kind(source: str, to: str, ideal: Sequence[str], order: Mapping[str, int]) -> FlowKind:
    if source in ideal and to in ideal:
        step = ideal.index(to) - ideal.index(source)
        return "ideal" if step == 1 else "forward" if step > 0 else "back"
    if ideal:
        return "aside"
    return "forward" if order[to] > order[source] else "back"


def _way(way: WayFigures) -> IdealWay:
    return IdealWay(
        way.customers,
        way.on_way,
        _share(way.on_way, way.customers),
        way.fitness,
        [
            MapDetour(
                each.source,
                each.to,
                each.customers,
                None if each.customers is None else _share(each.customers, way.customers),
                each.times,
                round(each.lost * SECOND / DAY, 3),
                {rule: count for rule, count in each.rules.items() if rule is not None},
            )
            for each in way.detours
        ],
    )


def _campaigns(journey: Journey, figures: Figures) -> list[CampaignLane]:
    every = tuple(stage.id for stage in journey.stages)
    found = []
    for campaign in journey.campaigns:
        entered = {stage for on in campaign.on for stage in (every if on.targets is None else on.targets)}
        outcomes: dict[str, int] = {}
        for row in figures.rows("campaigns", campaign=campaign.id):
            outcomes[row["outcome"]] = outcomes.get(row["outcome"], 0) + row["count"]
        known = outcomes if figures.counts("campaigns") else None
        goals = {row["group"]: GroupGoals(row["ended"], row["met"]) for row in figures.rows("goals", campaign=campaign.id) if row["ended"]}
        stages = [stage for stage in every if stage in entered]
        effect = figures.effects.get(campaign.id)
        found.append(CampaignLane(campaign.id, campaign.label, stages, known, goals.get("sent"), goals.get("holdout"), effect))
    return found


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
