"""A journey, compiled once: what to remember of each touchpoint, and which rules to judge in each stage.

A `Program` is immutable once compiled; all partitions share it.
"""

from collections.abc import Iterable, Mapping
from typing import Final, final

from etapa.journey.engine.accumulators.accumulator import Accumulator, Windowed
from etapa.journey.engine.accumulators.kept_value import Ask
from etapa.journey.engine.accumulators.ordered import OrderedSteps
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.conditions.beginnings import digests_of, trait_key
from etapa.journey.engine.conditions.compile import Compiler
from etapa.journey.engine.conditions.condition import CompiledLeaf, Condition
from etapa.journey.engine.conditions.event import EventHappens
from etapa.journey.engine.conditions.whereabouts import Whereabouts
from etapa.journey.engine.facts.customer import DIGEST_BYTES, Customer
from etapa.journey.engine.facts.instant import END_OF_TIME, NEVER
from etapa.journey.engine.judging.campaigns import Campaigns, compile_campaigns
from etapa.journey.engine.judging.feelings import CompiledFeeling
from etapa.journey.engine.judging.goals import CompiledGoal, Goals
from etapa.journey.engine.judging.personas import CompiledPersona, Personas
from etapa.journey.engine.judging.repeats import RepeatsWithin
from etapa.journey.language.kinds.logic import reads_dates
from etapa.journey.language.model import ANY_TYPE, Campaign, CustomerZone, Journey, Rule, Stage

LONGEST_SHOWN: Final = 200
"""Most characters of a condition that labels a number."""


def compile_journey(journey: Journey) -> "Program":
    """The program of a journey. Conditions that need the same memory share one accumulator.

    A rule never leads from a stage to itself, because staying is not a change; such pairs are left out.
    """
    compiler = Compiler(journey.zone)
    compiled = [(rule, compiler.condition_of(rule.id, rule.when)) for rule in journey.rules]
    stages = {
        stage.id: StageRules(
            stage,
            [CompiledRule(rule, condition) for rule, condition in compiled if stage.id in rule.sources and rule.to != stage.id],
        )
        for stage in journey.stages
    }
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
        journey,
        stages,
        surroundings.by_key,
        traits,
        compile_campaigns(journey, asked, goals, surroundings.whereabouts),
        Goals(goals),
        whereabouts,
        compiler.watched,
        surroundings.watches_of_traits,
        surroundings.asks_of_traits,
        Personas(personas) if personas else None,
    )


def _goal_condition(compiler: Compiler, campaign: Campaign) -> Condition | None:
    """The condition of a campaign's goal, if it has one."""
    goal = campaign.goal
    return None if goal is None or goal.when is None else compiler.condition_of(f"goal of {campaign.id}", goal.when)


@final
class CompiledRule:
    """A rule, as listed under a stage that it leaves."""

    __slots__ = ("condition", "id", "is_timed", "leaves", "needs_event", "to")

    def __init__(self, rule: Rule, condition: Condition) -> None:
        self.id: Final = rule.id
        self.to: Final = rule.to
        self.condition = condition
        self.leaves: Final = condition.leaves()
        self.needs_event: Final = any(isinstance(leaf, EventHappens) for leaf in self.leaves)
        """Whether the touchpoint at hand makes a difference."""
        self.is_timed: Final = not self.needs_event and condition.changes_by_time()[0]
        """Whether time alone makes it true, so that `rises` also tells whether it holds."""


Rules = list[CompiledRule]


@final
class StageRules:
    """The rules that leave one stage, in the order of the file, and the subsets of them that are needed all the time."""

    __slots__ = ("_by_type", "_other", "changing", "hideable", "id", "phase", "rules", "timed", "touchless")

    def __init__(self, stage: Stage, rules: Rules) -> None:
        self.id: Final = stage.id
        self.phase: Final = stage.phase
        self.rules: Final = rules
        events = [leaf for rule in rules for leaf in rule.leaves if isinstance(leaf, EventHappens)]
        self._by_type: Final = {kind: _possible(rules, kind) for event in events for kind in event.types}
        # `*` stands for any type that no rule names.
        self._other: Final = _possible(rules, ANY_TYPE)
        self.touchless: Final = _possible(rules, None)
        """Those that can hold without a touchpoint."""
        self.timed: Final[Rules] = [rule for rule in self.touchless if rule.condition.changes_by_time()[0]]
        """Those that time alone can make true."""
        self.hideable: Final[Rules] = [rule for rule in self.touchless if rule.needs_event]
        """Those that may be true without a touchpoint but false with it, such as `not: {event: …}`."""
        self.changing: Final[list[CompiledLeaf]] = [leaf for rule in rules for leaf in rule.leaves if any(leaf.changes_by_time())]
        """All conditions in the rules whose truth may change by time alone."""

    def for_type(self, touchpoint_type: str) -> Rules:
        """Those that can hold with a touchpoint of that type at hand."""
        return self._by_type.get(touchpoint_type, self._other)


@final
class Program:
    """A compiled journey."""

    __slots__ = (
        *(
            "_by_type",
            "_other",
            "_watched",
            "accumulators",
            "asks_of_traits",
            "campaigns",
            "every_accumulator",
            "feeling",
            "goals",
            "grace",
            "initial",
            "journey",
            "keys",
            "known",
        ),
        *("memories", "personas", "recent_bytes", "repeats", "stages", "traits", "version", "watches_of_traits", "whereabouts", "windows"),
    )

    def __init__(
        self,
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
        self.initial: Final = journey.initial
        self.grace: Final = journey.grace
        self.recent_bytes: Final = DIGEST_BYTES * journey.remember_ids
        """How many bytes of touchpoint digests a customer keeps, unless they are kept for a time."""
        self.repeats: Final = None if journey.remember_for is None else RepeatsWithin(journey.remember_ids, journey.remember_for)
        """Recognises repeats within a time; none if only the last ids are kept."""
        self.stages: Final = stages
        self.campaigns: Final = campaigns
        """None when the journey has none."""
        self.goals: Final = goals
        self.personas: Final = personas
        """None when the journey has none."""
        frame = journey.design.frame
        self.feeling: Final = None if frame is None or frame.feeling is None else CompiledFeeling(frame.feeling)
        """Reads how customers feel; none if the journey does not define it."""
        self.whereabouts: Final = whereabouts
        """Finds the zone in which a touchpoint arrives; none if nothing depends on it."""
        self.accumulators: Final = accumulators
        """By key, in order of their places."""
        self.keys: Final = tuple(accumulators)
        """Customers' memories hold no other keys, except those that a newer version left there."""
        self.every_accumulator: Final = list(accumulators.values())
        self.asks_of_traits: Final = asks_of_traits
        """What conditions ask of the whole value of a trait, by trait."""
        self.watches_of_traits: Final = watches_of_traits
        """What checks the values of traits as they arrive, by trait."""
        self._watched: Final = watched
        self.windows: Final = [each for each in self.every_accumulator if isinstance(each, Windowed | OrderedSteps)]
        """Those whose memory expires one day even if nothing happens."""
        self._by_type: Final = {kind: self._taking({kind, ANY_TYPE}) for each in self.every_accumulator for kind in each.types}
        self._other: Final = self._taking({ANY_TYPE})
        self.traits: Final = sorted(traits)
        """The traits that rules and campaigns name; customers keep no others. Sorted, so that equal customers have equal bytes."""
        self.memories: Final = digests_of([*accumulators, *map(trait_key, self.traits)])
        """Everything remembered of a customer, each with the few bytes that identify it in a state."""
        self.known: Final = b"".join(self.memories.values())

    def accumulators_for(self, touchpoint_type: str) -> list[Accumulator]:
        """The accumulators that take in touchpoints of that type."""
        return self._by_type.get(touchpoint_type, self._other)

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

    def _taking(self, types: set[str]) -> list[Accumulator]:
        return [each for each in self.every_accumulator if not types.isdisjoint(each.types)]


def due_after(rules: StageRules, customer: Customer, now: int) -> int | None:
    """When the timer of a customer in the stage of `rules` next fires after `now`; none if it does not.

    Timers fire when a condition in a rule out of the stage changes, judged without a touchpoint. While no rule is true, only
    times at which one may become true matter: at others nobody would move. But a rule that is true and was passed over moves
    the customer at the next change of any condition, so then all times count.
    """
    until = NEVER
    for rule in rules.touchless:
        if rule.condition.holds(customer, now, None):
            for leaf in rules.changing:
                until = min(until, leaf.until(customer, now))
            return in_time(until)
    for rule in rules.timed:
        until = min(until, rule.condition.rises(customer, now))
    return in_time(until)


def in_time(due: int) -> int | None:
    """`due`, or none if it is after the end of time."""
    return due if due <= END_OF_TIME else None


def _traits_named(journey: Journey, stages: Mapping[str, StageRules], asked: Iterable[Condition]) -> set[str]:
    leaves = [leaf for stage in stages.values() for rule in stage.rules for leaf in rule.leaves]
    leaves += [leaf for condition in asked for leaf in condition.leaves()]
    named = {trait for leaf in leaves for trait in leaf.traits()}
    return named if journey.consent is None else named | {journey.consent.name}


def _possible(rules: Rules, touchpoint_type: str | None) -> Rules:
    return [rule for rule in rules if rule.condition.possible(touchpoint_type) is not False]
