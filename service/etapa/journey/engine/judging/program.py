"""A journey, compiled once: what to remember of each touchpoint, and which rules to judge in each stage.

A `Program` is immutable once compiled; all partitions share it.
"""

from collections.abc import Iterable, Mapping
from typing import Final, final

from etapa.journey.engine.accumulators.accumulator import Accumulator, Windowed
from etapa.journey.engine.accumulators.expiring import Expiring
from etapa.journey.engine.accumulators.kept_value import Ask
from etapa.journey.engine.accumulators.ordered import OrderedSteps
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.conditions.compile import Compiler
from etapa.journey.engine.conditions.condition import Condition
from etapa.journey.engine.facts.customer import DIGEST_BYTES
from etapa.journey.engine.judging.campaigns import Campaigns, compile_campaigns
from etapa.journey.engine.judging.compiled_rule import CompiledRule, Rules
from etapa.journey.engine.judging.feelings import CompiledFeeling
from etapa.journey.engine.judging.goals import CompiledGoal, Goals
from etapa.journey.engine.judging.ideal_way import CompiledWay
from etapa.journey.engine.judging.personas import CompiledPersona, Personas
from etapa.journey.engine.judging.repeats import RepeatsWithin
from etapa.journey.engine.judging.stage_rules import StageRules
from etapa.journey.engine.judging.touchpoint_kind import TouchpointKind
from etapa.journey.engine.queries.beginnings import digests_of, known_of, stages_by_digest, trait_key
from etapa.journey.engine.queries.kept_trait import KeptTrait
from etapa.journey.engine.queries.whereabouts import Whereabouts
from etapa.journey.language.kinds.logic import reads_dates
from etapa.journey.language.model import ANY_TYPE, Campaign, CustomerZone, Journey, Rule
from etapa.journey.ledger.tables import Segment

LONGEST_SHOWN: Final = 200
"""Most characters of a condition that labels a number."""

FEW_RULES: Final = 8
"""Up to so many rules out of a stage are judged one by one, which is then faster than an index."""


def compile_journey(journey: Journey, few_rules: int = FEW_RULES) -> "Program":
    """The program of a journey. Conditions that need the same memory share one accumulator.

    A rule never leads from a stage to itself, because staying is not a change; such pairs are left out. The rules out of a stage
    are indexed if there are more than `few_rules`; that changes nothing but the speed.
    """
    compiler = Compiler(journey.zone)
    compiled = [(rule, compiler.condition_of(rule.id, rule.when)) for rule in journey.rules]
    order = {stage.id: number for number, stage in enumerate(journey.stages)}
    stages = {
        stage.id: StageRules(stage, _leaving(stage.id, compiled, journey, order), few_rules, order[stage.id]) for stage in journey.stages
    }
    for number, rule in enumerate([rule for stage in stages.values() for rule in stage.rules]):
        rule.number = number
    asked = {
        campaign.id: compiler.condition_of(f"campaign {campaign.id}", campaign.when)
        for campaign in journey.campaigns
        if campaign.when is not None
    }
    personas = [
        CompiledPersona(persona.id, compiler.condition_of(f"persona {persona.id}", persona.condition))
        for persona in journey.design.personas
    ]
    goals = {
        campaign.id: CompiledGoal(campaign.goal, _goal_condition(compiler, campaign))
        for campaign in journey.campaigns
        if campaign.goal is not None
    }
    for campaign_id, goal in goals.items():
        if goal.value is not None:
            compiler.watched.append((f"goal of {campaign_id}", "value", goal.value.watches()))
    if journey.consent is not None:
        compiler.watch_consent(journey.consent)
    compiler.watch_zone(journey.zone)
    surroundings = compiler.surroundings
    surroundings.asks_for_zone = surroundings.asks_for_zone or (journey.consent is not None and reads_dates(journey.consent))
    whereabouts = surroundings.whereabouts if surroundings.asks_for_zone and journey.zone != CustomerZone() else None
    conditions = [*asked.values(), *[persona.condition for persona in personas]]
    conditions += [goal.condition for goal in goals.values() if goal.condition is not None]
    traits = _traits_named(journey, stages, conditions)
    if whereabouts is not None or any(campaign.quiet is not None for campaign in journey.campaigns):
        traits.update(surroundings.whereabouts.traits())
    if journey.identity is not None:
        traits.update(journey.identity.known)
    return Program(
        journey=journey,
        stages=stages,
        accumulators=surroundings.by_key,
        traits=traits,
        campaigns=compile_campaigns(journey, asked, goals, surroundings.whereabouts),
        goals=Goals(goals),
        whereabouts=whereabouts,
        watched=compiler.watched,
        watches_of_traits=surroundings.watches_of_traits,
        asks_of_traits=surroundings.asks_of_traits,
        personas=Personas(personas) if personas else None,
    )


def _leaving(stage: str, compiled: list[tuple[Rule, Condition]], journey: Journey, order: Mapping[str, int]) -> Rules:
    leaving = [(rule, order[rule.to], condition) for rule, condition in compiled if stage in rule.sources and rule.to != stage]
    return [CompiledRule(rule, condition, place, journey.stages[to].id, to) for place, (rule, to, condition) in enumerate(leaving)]


def _goal_condition(compiler: Compiler, campaign: Campaign) -> Condition | None:
    """The condition of a campaign's goal, if it has one."""
    goal = campaign.goal
    return None if goal is None or goal.when is None else compiler.condition_of(f"goal of {campaign.id}", goal.when)


@final
class Program:
    """A compiled journey."""

    __slots__ = (
        *(
            "_kinds",
            "_other",
            "_watched",
            "accumulators",
            "asks_of_traits",
            "campaigns",
            "every_accumulator",
            "every_stage",
            "feeling",
            "goals",
            "grace",
            "ideal_way",
            "initial",
            "journey",
            "keys",
            "known",
        ),
        *(
            "memories",
            "names",
            "personas",
            "recent_bytes",
            "repeats",
            "segments",
            "stages",
            "stages_by_digest",
            "stages_each",
            "traits",
            "traits_kept",
            "version",
            "whereabouts",
            "windows",
        ),
    )

    def __init__(
        self,
        *,
        journey: Journey,
        stages: dict[str, StageRules],
        accumulators: dict[str, Accumulator],
        traits: Iterable[str],
        campaigns: Campaigns | None,
        goals: Goals,
        whereabouts: Whereabouts | None,
        watched: list[tuple[str, str, list[Watch]]],
        watches_of_traits: dict[str, list[Watch]],
        asks_of_traits: dict[str, list[Ask]],
        personas: Personas | None,
    ) -> None:
        self.journey: Final = journey
        self.version: Final = journey.version
        self.initial: Final = stages[journey.initial].id
        self.grace: Final = journey.grace
        self.recent_bytes: Final = DIGEST_BYTES * journey.remember_ids
        """How many bytes of touchpoint digests a customer keeps, unless they are kept for a time."""
        self.repeats: Final = None if journey.remember_for is None else RepeatsWithin(journey.remember_ids, journey.remember_for)
        """Recognises repeats within a time; none if only the last ids are kept."""
        self.stages: Final = stages
        self.every_stage: Final = list(stages.values())
        """By number."""
        self.campaigns: Final = campaigns
        """None when the journey has none."""
        self.goals: Final = goals
        self.personas: Final = personas
        """None when the journey has none."""
        frame = journey.design.frame
        self.feeling: Final = None if frame is None or frame.feeling is None else CompiledFeeling(frame.feeling)
        """Reads how customers feel; none if the journey does not define it."""
        ideal = () if frame is None else frame.ideal
        self.ideal_way: Final = CompiledWay(ideal) if ideal or personas is not None else None
        """Follows customers along the ideal way and from persona to persona; none if the journey defines neither."""
        self.whereabouts: Final = whereabouts
        """Finds the zone in which a touchpoint arrives; none if nothing depends on it."""
        self.accumulators: Final = accumulators
        """By key, in order of their places."""
        self.keys: Final = tuple(accumulators)
        """Customers' memories hold no other keys, except those that a newer version left there."""
        self.every_accumulator: Final = list(accumulators.values())
        self.asks_of_traits: Final = asks_of_traits
        """What conditions ask of the whole value of a trait, by trait."""
        self._watched: Final = watched
        self.windows: Final = Expiring([each for each in self.every_accumulator if isinstance(each, Windowed | OrderedSteps)])
        types = sorted(({kind for each in self.every_accumulator for kind in each.types} | _types_of_design(journey)) - {ANY_TYPE})
        ids: list[str | None] = [None] if personas is None else personas.ids
        self.segments: Final[list[Segment]] = [Segment(persona, stage) for persona in ids for stage in stages]
        """Ordered by persona, none first, then by stage."""
        self.stages_each: Final = len(stages)
        """How many segments each persona has."""
        # A rule may ask for the touchpoint at hand by a type that nothing counts.
        types += sorted({kind for stage in stages.values() for kind in stage.types} - {*types, ANY_TYPE})
        self._kinds: Final = {kind: self._kind(kind, place) for place, kind in enumerate(types)}
        self._other: Final = self._kind(ANY_TYPE, len(types))
        for stage in stages.values():
            stage.by_kind = [stage.for_type(kind) for kind in (*types, ANY_TYPE)]
        self.traits: Final = sorted(traits)
        """The traits that rules and campaigns name; customers keep no others. Sorted, so that equal customers have equal bytes."""
        self.traits_kept: Final = [KeptTrait(name, asks_of_traits.get(name, []), watches_of_traits.get(name, [])) for name in self.traits]
        self.memories: Final = digests_of([*accumulators, *map(trait_key, self.traits)])
        """Everything remembered of a customer, each with the few bytes that identify it in a state."""
        self.known: Final = known_of(stages, self.memories)
        """`Customer.known` of this version."""
        self.stages_by_digest: Final = stages_by_digest(stages)
        self.names: Final = _names_in_states(self)
        """What states name again and again, each once."""

    def kind_of(self, touchpoint_type: str) -> TouchpointKind:
        """What the journey makes of touchpoints of that type."""
        return self._kinds.get(touchpoint_type, self._other)

    def type_mismatches(self) -> list[tuple[str, str, int]]:
        """How many values of a type that it cannot use each condition has met since the program was compiled.

        Each entry: a rule's id, or `campaign`, `goal of` or `persona` and an id, or `consent`, or `zone`; the condition in words, shortened if long; the number.
        """
        found: dict[tuple[str, str], list[Watch]] = {}
        for subject, text, watches in self._watched:
            if watches:
                shown = text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
                found.setdefault((subject, shown), []).extend(watches)
        # Two conditions of a rule may look at the same memory.
        return [(subject, text, sum([each.number for each in dict.fromkeys(watches)])) for (subject, text), watches in found.items()]

    def _kind(self, touchpoint_type: str, place: int) -> TouchpointKind:
        taking = [each for each in self.every_accumulator if not {touchpoint_type, ANY_TYPE}.isdisjoint(each.types)]
        says_feeling = self.feeling is not None and self.feeling.is_said_by(touchpoint_type)
        return TouchpointKind(place, taking, says_feeling=says_feeling)


def _names_in_states(program: Program) -> tuple[str, ...]:
    """Those that most states hold come first, because there may not be room for all of them (see `contracts.stored.in_common`)."""
    personas = () if program.personas is None else program.personas.ids
    rules = [rule.id for stage in program.stages.values() for rule in stage.rules]
    return tuple(dict.fromkeys([*program.stages, *program.keys, *program.traits, *rules, *[each for each in personas if each is not None]]))


def _types_of_design(journey: Journey) -> set[str]:
    """The types of touchpoints that the design names."""
    design = journey.design
    named = {each.id for each in design.types}
    named.update([touchpoint.type for stage in design.stages.values() for touchpoint in stage.touchpoints])
    if design.frame is not None and design.frame.feeling is not None:
        named.update(design.frame.feeling.types)
    return named


def _traits_named(journey: Journey, stages: Mapping[str, StageRules], asked: Iterable[Condition]) -> set[str]:
    leaves = [leaf for stage in stages.values() for rule in stage.rules for leaf in rule.leaves]
    leaves += [leaf for condition in asked for leaf in condition.leaves()]
    named = {trait for leaf in leaves for trait in leaf.traits()}
    return named if journey.consent is None else named | {journey.consent.name}
