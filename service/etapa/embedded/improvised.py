"""Simulated customers for any journey: each looks for a way out of its current stage, and does what a rule there requires.

The conditions of a rule say what it needs: which touchpoints, with which values, and how long to wait. Meanwhile a twin of the customer
goes through the real core, so that the story knows which stage it has reached. If a condition does not reveal what it needs (for
example a regular expression), the story goes on without it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from etapa.contracts.incoming.rejected import Rejected
from etapa.embedded.stories import Character, Story, StoryStep
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.kinds.absence import Absent, OwnPace
from etapa.journey.language.kinds.aggregate import Aggregate
from etapa.journey.language.kinds.condition import All, AnyOf, Condition, Leaf, Not
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.kinds.first import First
from etapa.journey.language.kinds.in_stage import InStage
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.matching.matches import ANY_TYPE, Comparison, Match, Path, Scalar
from etapa.journey.language.matching.predicates import compile_comparison
from etapa.journey.language.model import Journey, Rule
from etapa.journey.units import DAY, HOUR, MINUTE
from etapa.rehearsal.replay import Replay

CHANNELS: Final = ("web", "app", "store", "phone")
MOST_TRIES: Final = 8
"""How many times a customer does what a rule requires before trying something else."""
MOST_STEPS: Final = 60
LEAVES: Final = 0.06
"""Share of customers who are lost at each turn of their story."""
SOME_TYPE: Final = "visit"
"""Touchpoints of customers that no rule requires."""

_START: Final = 1_000 * 365 * DAY
"""When the twin's time begins: far from both ends of the calendar."""
_USUAL_GAP: Final = 1 * DAY
_CONSENTING: Final = 0.7


@dataclass(frozen=True, slots=True)
class Cue:
    """One way to make a rule true. Durations are in microseconds."""

    matches: tuple[Match, ...]
    """The touchpoints that are needed, in this order, perhaps several times."""
    values: tuple[tuple[Path, Comparison, bool], ...]
    """The values that they need, and whether these add up over several touchpoints."""
    wait: int
    """How long nothing must happen afterwards; 0: no wait is needed."""
    gap: int
    """The usual time between two touchpoints."""


class Improvisation:
    """All stories of a journey's simulated customers."""

    def __init__(self, journey: Journey) -> None:
        self._program: Program = compile_journey(journey)
        self._consent = journey.consent
        self._types = _types_named(journey) or (SOME_TYPE,)
        self.gap: Final = _usual_gap(journey)
        """The usual time between two touchpoints of one customer, in microseconds."""
        self.longest: Final = max(_times(journey), default=self.gap)
        """The longest time that a rule names."""
        self._cues: Mapping[str, Sequence[Cue]] = {
            stage.id: [cue for rule in journey.rules if stage.id in rule.sources and rule.to != stage.id for cue in _cues(rule, self.gap)]
            for stage in journey.stages
        }

    def character(self, random: Random) -> Character:
        """One customer. The same random numbers give the same story."""
        own = Random(random.random())
        return Character(self._traits(random), lambda: self._story(own))

    def _traits(self, random: Random) -> dict[str, Any]:
        """The traits of a new customer: most may be contacted."""
        consent = self._consent
        if consent is None or random.random() > _CONSENTING:
            return {}
        value = fitting(consent.comparison, random)
        return {} if value is None else {consent.name: value}

    def _story(self, random: Random) -> Story:
        """What one customer does. It ends when the customer is lost or no rule leads further."""
        twin = _Twin(self._program)
        # Not everybody begins with a touchpoint that moves them.
        first = self._step(Match((random.choice((*self._types, SOME_TYPE)),)), (), 0, random)
        yield first
        twin.does(first)
        late = 0
        steps = 1
        while steps < MOST_STEPS and random.random() > LEAVES:
            cues = self._cues.get(twin.stage, ())
            if not cues:
                return
            cue = random.choice(cues)
            if cue.wait:
                late += int(cue.wait * random.uniform(1.0, 1.2))
                if not cue.matches:
                    twin.waits(late)
                    steps += 1
                    continue
            before = twin.stage
            for _ in range(MOST_TRIES):
                for match in cue.matches:
                    wait = late + int(random.triangular(0, 2 * cue.gap, cue.gap / 2))
                    late = 0
                    step = self._step(match, cue.values, wait, random)
                    yield step
                    steps += 1
                    twin.does(step)
                if twin.stage != before or not cue.matches:
                    break

    def _step(self, match: Match, values: Sequence[tuple[Path, Comparison, bool]], wait: int, random: Random) -> StoryStep:
        made: dict[str, Any] = {"properties": {}, "traits": {}, "channel": random.choice(CHANNELS)}
        for path, comparison, adds_up in values:
            _put(made, path, fitting(comparison, random, adds_up=adds_up))
        for path, comparison in match.where.entries:
            _put(made, path, fitting(comparison, random))
        types = self._types if match.types == (ANY_TYPE,) else match.types
        return StoryStep(wait, random.choice(types), made["channel"], made["properties"], made["traits"] or None)


class _Twin:
    """A copy of the customer in the bare core, to know its stage."""

    def __init__(self, program: Program) -> None:
        self._replay = Replay(program)
        self._now = _START
        self._number = 0
        self.stage = program.initial

    def does(self, step: StoryStep) -> None:
        self._now += int(step.wait)
        self._number += 1
        touchpoint = Touchpoint(str(self._number), "twin", step.type, self._now, step.channel, step.properties, step.traits or {})
        for touched in self._replay.take(touchpoint):
            if not isinstance(touched, Rejected):
                for change in touched.changes:
                    self.stage = change.to

    def waits(self, time: int) -> None:
        for change in self._replay.run_timers(self._now + time, lambda _: None):
            self.stage = change.to


def _cues(rule: Rule, usual: int) -> Iterator[Cue]:
    for leaves in _ways(rule.when):
        matches: list[Match] = []
        values: list[tuple[Path, Comparison, bool]] = []
        wait, gap = 0, usual
        for leaf in leaves:
            needed = ((leaf.match, leaf.within),) if isinstance(leaf, Event) else leaf.needed()
            for match, within in needed:
                if match not in matches:
                    matches.append(match)
                if within is not None:
                    gap = min(gap, within // 8)
            if isinstance(leaf, Aggregate | First):
                values.append((leaf.path, leaf.comparison, isinstance(leaf, Aggregate) and leaf.kind == "sum"))
            if isinstance(leaf, Trait):
                values.append((("traits", leaf.name), leaf.comparison, False))
            wait = max(wait, _waited_for(leaf))
        if not matches and any(path[0] == "traits" for path, _, _ in values):
            matches.append(Match((ANY_TYPE,)))
        # What makes an `event` true comes last, because everything else must hold at that moment.
        events = [leaf.match for leaf in leaves if isinstance(leaf, Event)]
        ordered = [match for match in matches if match not in events] + events
        if ordered or wait:
            yield Cue(tuple(ordered), tuple(values), wait, max(gap, MINUTE // 6))


def _ways(condition: Condition) -> Iterator[tuple[Leaf, ...]]:
    """Sets of leaves that together make a condition true, one for each alternative. What must not hold is left to chance."""
    match condition:
        case All(conditions):
            # Not all combinations of alternatives: they differ from the first way of each part in only one part.
            together = [list(_ways(each)) or [()] for each in conditions]
            for place, ways in enumerate(together):
                for way in ways if place == 0 else ways[1:]:
                    others = [each[0] for number, each in enumerate(together) if number != place]
                    yield tuple(leaf for part in (*others, way) for leaf in part)
        case AnyOf(conditions):
            for each in conditions:
                yield from _ways(each)
        case Not():
            yield ()
        case Leaf():
            yield (condition,)


def _waited_for(leaf: Leaf) -> int:
    """How long nothing must happen until a condition holds; 0 for conditions that touchpoints make true."""
    match leaf:
        case InStage():
            return leaf.duration
        case Absent():
            return leaf.duration
        case OwnPace(pace=pace):
            return pace.at_most or pace.at_least
        case _:
            return 0


def _types_named(journey: Journey) -> tuple[str, ...]:
    """The types of touchpoints that rules require, each once, in the order of the file."""
    cues = (cue for rule in journey.rules for cue in _cues(rule, _USUAL_GAP))
    return tuple(dict.fromkeys(kind for cue in cues for match in cue.matches for kind in match.types if kind != ANY_TYPE))


def _usual_gap(journey: Journey) -> int:
    """A tenth of the shortest duration in a rule, but at least seconds and at most days."""
    times = _times(journey)
    return max(MINUTE // 6, min(2 * DAY, min(times) // 10)) if times else HOUR


def _times(journey: Journey) -> list[int]:
    """All durations in its rules."""
    leaves = (leaf for rule in journey.rules for way in _ways(rule.when) for leaf in way)
    return [time for leaf in leaves if (time := _waited_for(leaf) or leaf.reach())]


def fitting(comparison: Comparison, random: Random, *, adds_up: bool = False) -> Scalar | list[Scalar]:
    """A value that satisfies the comparison, or a part of one if values add up; None if none is found."""
    found: list[Scalar | list[Scalar]] = [
        candidate for test in comparison.tests for candidate in _candidates(test.operator, test.operand, random)
    ]
    numbers = [value for value in found if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) > 1:
        found.append(sum(numbers) / len(numbers))
    accepts = compile_comparison(comparison).accepts
    random.shuffle(found)
    chosen = next((value for value in found if accepts(value)), None)
    if adds_up and isinstance(chosen, int | float) and not isinstance(chosen, bool):
        return round(chosen * random.uniform(0.2, 0.6), 2)
    return chosen


def _candidates(operator: str, operand: Scalar | tuple[Scalar, ...], random: Random) -> Iterator[Scalar | list[Scalar]]:
    if isinstance(operand, tuple):
        yield from operand
        yield "something else"
    elif operator in ("gt", "gte", "lt", "lte") and isinstance(operand, int | float):
        yield operand
        by = max(1, abs(operand) // 2)
        yield operand + (random.randint(1, int(by)) if operator in ("gt", "gte") else -random.randint(1, int(by)))
    elif operator == "contains":
        yield [operand]
        yield operand
    elif operator == "exists":
        yield "yes"
    elif operator == "ne":
        yield from ("something else", 0, True)
    else:
        # `eq`, and comparisons with the beginning, the end or the order of a text.
        yield operand


def _put(made: dict[str, Any], path: Path, value: Scalar | list[Scalar]) -> None:
    """Put a value where the path leads, creating maps on the way."""
    if value is None or path[0] == "type":
        return
    if path[0] == "channel":
        made["channel"] = value
        return
    inside: dict[str, Any] = made[path[0]]
    for key in path[1:-1]:
        further = inside.setdefault(key, {})
        if not isinstance(further, dict):
            return
        inside = further
    inside[path[-1]] = value
