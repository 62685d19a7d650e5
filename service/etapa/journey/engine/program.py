"""A journey, compiled once: what to remember of which touchpoint, and which rules to judge in which stage.

A `Program` is never changed after it was compiled; all partitions share it.
"""

from collections.abc import Callable, Iterable, Mapping

from etapa.journey.engine.accumulator import Accumulator, Window
from etapa.journey.engine.beginnings import digests_of, trait_key
from etapa.journey.engine.campaigns import Campaigns, compile_campaigns
from etapa.journey.engine.compile import Compiler
from etapa.journey.engine.conditions import Condition, Leaf
from etapa.journey.engine.customer import DIGEST_BYTES, Customer, Memory
from etapa.journey.engine.instant import END_OF_TIME, NEVER
from etapa.journey.engine.leaves import EventHappens, TraitCompares
from etapa.journey.engine.touchpoint import Touchpoint
from etapa.journey.language.model import ANY_TYPE, Journey, Rule, Stage

Record = Callable[[Memory, Touchpoint, int], None]


def compile_journey(journey: Journey) -> "Program":
    """The program of a journey. Conditions that need the same memory share one accumulator.

    A rule never leads from a stage to itself: staying is no change, so such a pair is left out.
    """
    compiler = Compiler()
    compiled = [(rule, compiler.condition(rule.when)) for rule in journey.rules]
    stages = {
        stage.id: StageRules(
            stage,
            tuple(CompiledRule(rule, condition) for rule, condition in compiled if stage.id in rule.sources and rule.to != stage.id),
        )
        for stage in journey.stages
    }
    asked = {campaign.id: compiler.condition(campaign.when) for campaign in journey.campaigns if campaign.when is not None}
    return Program(
        journey, stages, compiler.accumulators, _traits_named(journey, stages, asked.values()), compile_campaigns(journey, asked)
    )


class CompiledRule:
    """A rule that leaves the stage it is listed under."""

    __slots__ = ("condition", "holds", "id", "is_timed", "leaves", "needs_event", "rises", "to")

    def __init__(self, rule: Rule, condition: Condition) -> None:
        self.id = rule.id
        self.to = rule.to
        self.condition = condition
        self.leaves: tuple[Leaf, ...] = tuple(condition.leaves())
        self.needs_event = any(isinstance(leaf, EventHappens) for leaf in self.leaves)
        """Whether the touchpoint at hand makes a difference."""
        self.is_timed = not self.needs_event and condition.changes_by_time()[0]
        """Whether it is time alone that makes it true, so that `rises` tells whether it holds, too."""
        # Bound once: these are called for every touchpoint.
        self.holds = condition.holds
        self.rises = condition.rises


Rules = tuple[CompiledRule, ...]


class StageRules:
    """The rules that leave one stage, in the order of the file, and the parts of that list that are asked for all the time."""

    __slots__ = ("_by_type", "_other", "changing", "hideable", "id", "phase", "rules", "timed", "touchless")

    def __init__(self, stage: Stage, rules: Rules) -> None:
        self.id = stage.id
        self.phase = stage.phase
        self.rules = rules
        events = [leaf for rule in rules for leaf in rule.leaves if isinstance(leaf, EventHappens)]
        self._by_type = {kind: _possible(rules, kind) for event in events for kind in event.types}
        # `*` as a type is one that no rule names.
        self._other = _possible(rules, ANY_TYPE)
        self.touchless = _possible(rules, None)
        """Those that can hold without a touchpoint."""
        self.timed: Rules = tuple(rule for rule in self.touchless if rule.condition.changes_by_time()[0])
        """Those that time alone can make true."""
        self.hideable: Rules = tuple(rule for rule in self.touchless if rule.needs_event)
        """Those that may be true without a touchpoint although they are not with it, such as `not: {event: …}`."""
        self.changing: tuple[Leaf, ...] = tuple(leaf for rule in rules for leaf in rule.leaves if any(leaf.changes_by_time()))
        """All conditions in the rules whose truth time alone may change."""

    def for_type(self, touchpoint_type: str) -> Rules:
        """Those that can hold with a touchpoint of that type at hand."""
        return self._by_type.get(touchpoint_type, self._other)


class Program:
    """A compiled journey."""

    __slots__ = (
        *("_other_records", "_records", "accumulators", "campaigns", "grace", "initial", "journey", "known", "memories", "recent_bytes"),
        *("stages", "traits", "version", "windows"),
    )

    def __init__(
        self,
        journey: Journey,
        stages: Mapping[str, StageRules],
        accumulators: Mapping[str, Accumulator],
        traits: Iterable[str],
        campaigns: Campaigns | None,
    ) -> None:
        self.journey = journey
        self.version = journey.version
        self.initial = journey.initial
        self.grace = journey.grace
        self.recent_bytes = DIGEST_BYTES * journey.remember_ids
        """How many bytes of touchpoint digests a customer keeps."""
        self.stages = stages
        self.campaigns = campaigns
        """None when the journey has none."""
        self.accumulators = accumulators
        """By key. Customers' memories hold no other keys, but for those that a newer version left there."""
        self.windows = tuple(each for each in accumulators.values() if isinstance(each, Window))
        self._records = {kind: self._records_of({kind, ANY_TYPE}) for accumulator in accumulators.values() for kind in accumulator.types}
        self._other_records = self._records_of({ANY_TYPE})
        self.traits = tuple(sorted(traits))
        """The traits that rules and campaigns name; customers keep no others. Sorted, so that equal customers are stored alike."""
        self.memories = digests_of([*accumulators, *map(trait_key, self.traits)])
        """All that is remembered of a customer, each with the few bytes that stand for it in a state."""
        self.known = b"".join(self.memories.values())

    def records_for(self, touchpoint_type: str) -> tuple[Record, ...]:
        """What takes in a touchpoint of that type."""
        return self._records.get(touchpoint_type, self._other_records)

    def _records_of(self, types: set[str]) -> tuple[Record, ...]:
        return tuple(each.record for each in self.accumulators.values() if not types.isdisjoint(each.types))


def due_after(rules: StageRules, customer: Customer, now: int) -> int | None:
    """When the timer of a customer in the stage of `rules` strikes next, after `now`; none when it does not.

    Timer times are those at which a condition in a rule out of the stage changes, judged without a touchpoint. While none
    of the rules is true, only times at which one may become so are taken: at the others nobody would move. But a rule that
    is true and was passed over moves the customer at the next change of any condition, so then all of them are taken.
    """
    until = NEVER
    for rule in rules.touchless:
        if rule.holds(customer, now, None):
            return in_time(min(leaf.until(customer, now) for leaf in rules.changing)) if rules.changing else None
    for rule in rules.timed:
        until = min(until, rule.rises(customer, now))
    return in_time(until)


def in_time(due: int) -> int | None:
    """`due`, or none when that is after the end of time."""
    return due if due <= END_OF_TIME else None


def _traits_named(journey: Journey, stages: Mapping[str, StageRules], asked: Iterable[Condition]) -> set[str]:
    leaves = [leaf for stage in stages.values() for rule in stage.rules for leaf in rule.leaves]
    leaves += [leaf for condition in asked for leaf in condition.leaves()]
    named = {leaf.name for leaf in leaves if isinstance(leaf, TraitCompares)}
    return named if journey.consent is None else named | {journey.consent.name}


def _possible(rules: Rules, touchpoint_type: str | None) -> Rules:
    return tuple(rule for rule in rules if rule.condition.possible(touchpoint_type) is not False)
