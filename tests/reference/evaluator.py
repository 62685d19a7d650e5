"""Judges a journey from scratch: keeps every touchpoint, and finds timer times by checking every time that could be one.

Written from the definitions of the journey file alone. It shares no code with the engine and ignores cost.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import combinations
from math import floor, fsum
from typing import Any
from zoneinfo import ZoneInfo

from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language import model
from etapa.journey.language.kinds.absence import Absent, OwnPace
from etapa.journey.language.kinds.aggregate import Aggregate
from etapa.journey.language.kinds.clock import LocalClock
from etapa.journey.language.kinds.count import Count
from etapa.journey.language.kinds.date import Date
from etapa.journey.language.kinds.days import Days
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.kinds.first import First
from etapa.journey.language.kinds.in_stage import InStage
from etapa.journey.language.kinds.score import Score
from etapa.journey.language.kinds.sequence import Sequence
from etapa.journey.language.kinds.trait import Trait
from tests.reference import local_time
from tests.reference.campaigns import Marketer
from tests.reference.conversions import operand_as, read_as
from tests.reference.goals import GoalKeeper, PursuedGoal
from tests.reference.local_time import UTC
from tests.reference.values import inside, is_number, json_type, passes, same, satisfies, value_at

FAR = 10**15


@dataclass(frozen=True)
class ReferenceMove:
    """The parts of a stage change that do not depend on wording."""

    sequence: int
    source: str | None
    to: str
    at: int
    cause: str
    rule: str | None
    touchpoint_id: str | None
    dwell: int | None


@dataclass
class Shopper:
    """One customer, by the definitions."""

    journey: model.Journey
    seen: list[Touchpoint] = field(default_factory=list)
    """All touchpoints that were not duplicates, in order of arrival."""
    arrived_in: dict[int, ZoneInfo] = field(default_factory=dict)
    """Where the customer was when each of `seen` arrived, by identity: an equal touchpoint may come twice, from two places."""
    arrived_by: list[int] = field(default_factory=list)
    """The clock by which each of `seen` arrived."""
    moves: list[ReferenceMove] = field(default_factory=list)
    stage: str | None = None
    entered_at: int = 0
    clock: int = 0
    goals: GoalKeeper = field(init=False)
    marketer: Marketer = field(init=False)

    def __post_init__(self) -> None:
        self.goals = GoalKeeper(self.journey, self.true, self._worth)
        self.marketer = Marketer(self.journey, self.goals)

    def meet(self, touchpoint: Touchpoint) -> None:
        if self._comes_again(touchpoint):
            return
        touchpoint = touchpoint.arriving_in(touchpoint.zone)
        if self.stage is None:
            self.clock = touchpoint.at
            self._see(touchpoint)
            self._move(self.journey.initial, self.clock, "touchpoint", None, touchpoint)
        else:
            self.wait_until(touchpoint.at)
            self.clock = max(self.clock, touchpoint.at)
            self._see(touchpoint)
            self.goals.judge(self.clock, touchpoint, lambda _: True)
        self._judge(self.clock, touchpoint, "touchpoint")

    def _comes_again(self, touchpoint: Touchpoint) -> bool:
        last, duration = self.journey.remember_ids, self.journey.remember_for
        begin = FAR if duration is None else max(self.clock, touchpoint.at) - duration
        latest = list(enumerate(zip(self.seen, self.arrived_by, strict=True), last - len(self.seen)))[-1024:]
        return any(each.id == touchpoint.id and (place >= 0 or clock > begin) for place, (each, clock) in latest)

    def _see(self, touchpoint: Touchpoint) -> None:
        self.seen.append(touchpoint)
        self.arrived_by.append(self.clock)
        self.arrived_in[id(touchpoint)] = self._zone()

    def wait_until(self, end: int) -> None:
        """All timers up to `end`."""
        after = self.clock
        while True:
            by_rules = self._next_timer([rule.when for rule in self._rules()], after, end)
            by_goals = {id(each): self._next_look(each, after, end) for each in self.goals.pursued}
            waiting = [each.end for each in self.marketer.waiting] + [self.goals.end_of(each) for each in self.goals.pursued]
            times = [each for each in (by_rules, *by_goals.values(), *waiting) if each is not None and each <= end]
            if not times:
                return
            after = min(times)
            if self.goals.time_out(after):
                self.clock = after
            if self.goals.judge(after, None, lambda goal: by_goals[id(goal)] == after):  # noqa: B023 - it is asked at once
                self.clock = after
            if self.marketer.end_of_quiet(self.seen[0].customer_id, after, self._consents):
                self.clock = after
            if after == by_rules:
                self._judge(after, None, "timer")

    def _judge(self, now: int, touchpoint: Touchpoint | None, cause: str) -> None:
        visited = {self.stage}
        at_hand = touchpoint
        while True:
            for rule in self._rules():
                if rule.to not in visited and self.true(rule.when, now, at_hand):
                    self._move(rule.to, now, cause, rule.id, touchpoint)
                    visited.add(rule.to)
                    at_hand = None
                    break
            else:
                return

    def _move(self, to: str, now: int, cause: str, rule: str | None, touchpoint: Touchpoint | None) -> None:
        dwell = None if self.stage is None else now - self.entered_at
        touchpoint_id = None if touchpoint is None else touchpoint.id
        self.moves.append(ReferenceMove(len(self.moves) + 1, self.stage, to, now, cause, rule, touchpoint_id, dwell))
        source, self.stage, self.entered_at, self.clock = self.stage, to, now, now
        holds = partial(self.true, now=now, touchpoint=None)
        self.goals.enter(to, now)
        self.marketer.hear(self.seen[0].customer_id, len(self.moves), source, to, now, self._consents, holds, self._zone())

    def _consents(self, consent: Trait) -> bool:
        given = [each.traits[consent.name] for each in self._in_order() if consent.name in each.traits]
        if not given or given[-1] is None:
            return False
        if consent.comparison.conversion is not None:
            is_read = read_as(consent.comparison.conversion, given[-1], self._zone()) is not None
            return is_read and self._satisfies(consent.comparison, given[-1])
        if consent.comparison.elements:
            raise NotImplementedError
        # No operator holds for a value whose type differs from its operand's.
        tests = [test for test in consent.comparison.tests if test.operator != "exists"]
        operands = [each for test in tests for each in (test.operand if isinstance(test.operand, tuple) else (test.operand,))]
        return all(json_type(each) == json_type(given[-1]) for each in operands) and satisfies(consent.comparison, given[-1])

    def _rules(self) -> list[model.Rule]:
        return [rule for rule in self.journey.rules if self.stage in rule.sources and rule.to != self.stage]

    # --- timers ---

    def _next_look(self, goal: PursuedGoal, after: int, end: int) -> int | None:
        condition = self.goals.condition_of(goal)
        return None if condition is None else self._next_timer([condition], after, end)

    def _next_timer(self, conditions: list[model.Condition], after: int, end: int) -> int | None:
        """The first time after `after`, up to `end`, at which a part of one of the conditions changes."""
        leaves = [leaf for condition in conditions for leaf in leaves_of(condition)]
        candidates = {at for leaf in leaves for at in self._could_change_at(leaf, after, end) if after < at <= end}
        for at in sorted(candidates):
            if any(self.true(leaf, at, None) != self.true(leaf, at - 1, None) for leaf in leaves):
                return at
        return None

    def _could_change_at(self, leaf: model.Condition, after: int, end: int) -> Iterator[int]:
        match leaf:
            case Count(window=window) | Aggregate(window=window) | Days(window=window):
                yield from (each.at + length for each in self.seen for length in (window.within, window.before) if length is not None)
                if window.calendar is not None:
                    yield from local_time.calendars_turn_at(self._zone(), after, end)
            case Sequence(within=length):
                yield from (each.at + length for each in self.seen)
            case Absent(duration=length):
                yield from (each.at + length for each in self.seen)
            case OwnPace(match):
                wait = self._wait(leaf)
                yield from (each.at + wait for each in self.seen if wait is not None and self._fits(match, each))
            case InStage(length):
                yield self.entered_at + length
            case LocalClock() | Date():
                yield from local_time.could_change_at(leaf, self._zone(), self._trait_told(leaf), after, end)
            case Score(_, _, comparison):
                for test in comparison.tests:
                    yield self._score_turns(leaf, model.Comparison((test,)), after)
            case _:
                pass

    def _score_turns(self, score: Score, test: model.Comparison, after: int) -> int:
        """When the score crosses the bound of a test, by bisection, as the score only moves towards zero."""
        before = satisfies(test, self._score(score, after))
        span = range(after + 1, FAR)
        return span.start + bisect_left(span, 1, key=lambda at: satisfies(test, self._score(score, at)) != before)

    # --- conditions ---

    def true(self, condition: model.Condition, now: int, touchpoint: Touchpoint | None) -> bool:
        match condition:
            case model.All(conditions):
                return all(self.true(each, now, touchpoint) for each in conditions)
            case model.AnyOf(conditions):
                return any(self.true(each, now, touchpoint) for each in conditions)
            case model.Not(negated):
                return not self.true(negated, now, touchpoint)
            case Event(match, within):
                return touchpoint is not None and self._fits(match, touchpoint) and (within is None or touchpoint.at > now - within)
            case Count(match, window, comparison, weights):
                counted = [weight_of(weights, each) for each in self._matching_in(match, window, now)]
                return satisfies(comparison, fsum(counted))
            case Aggregate(kind, path, match, window, comparison, _, _):
                found = [(each, self._values(path, each, condition.conversion)) for each in self._matching_in(match, window, now)]
                values = [weighed(value, condition.weights, each) for each, some in found for value in some]
                return self._satisfies(comparison, aggregate(kind, values), is_read=True)
            case Absent(match, duration):
                known_long_enough = min(each.at for each in self.seen) <= now - duration
                return known_long_enough and not self._matching(match, duration, now)
            case InStage(duration):
                return now - self.entered_at >= duration
            case Sequence(steps, within):
                inside = self._matching(model.Match((model.ANY_TYPE,)), within, now)
                return any(all(map(self._fits, steps, chosen)) for chosen in combinations(inside, len(steps)))
            case Score(_, _, comparison):
                return satisfies(comparison, self._score(condition, now))
            case Trait(name, comparison):
                given = [each for each in self._in_order() if name in each.traits]
                return self._satisfies(comparison, given[-1].traits[name] if given else None)
        return self._true_of_history(condition, now)

    def _wait(self, pace: OwnPace) -> int | None:
        times = sorted(each.at for each in self.seen if self._fits(pace.match, each))
        most = pace.pace.at_most
        if len(times) < 3:
            return most
        mean = Fraction(times[-1] - times[0], len(times) - 1)
        wait = max(floor(pace.pace.gaps * mean), pace.pace.at_least)
        return wait if most is None else min(wait, most)

    def _true_of_history(self, condition: model.Condition, now: int) -> bool:
        match condition:
            case OwnPace(match):
                times_told = [each.at for each in self.seen if self._fits(match, each)]
                wait = self._wait(condition)
                return bool(times_told) and wait is not None and max(times_told) <= now - wait
            case First(path, match, comparison):
                values = [self._value(path, each, comparison.conversion) for each in self._matching(match, None, now)]
                return self._satisfies(comparison, values[0] if values else None, is_read=True)
            case Days(match, window, comparison):
                dates = {local_time.wall(each.at, self.arrived_in[id(each)]).date() for each in self._matching_in(match, window, now)}
                return satisfies(comparison, len(dates))
            case LocalClock(times):
                return local_time.shows(times, now, self._zone())
            case Date():
                return local_time.is_near(condition, self._trait_told(condition), now, self._zone())
        raise TypeError(f"no condition: {condition!r}")

    def _trait_told(self, leaf: model.Condition) -> Any:
        name = leaf.trait if isinstance(leaf, Date) else None
        told = [each.traits[name] for each in self._in_order() if name in each.traits]
        return told[-1] if told else None

    def _zone(self) -> ZoneInfo:
        named = [each.traits[self.journey.zone.trait] for each in self._in_order() if self.journey.zone.trait in each.traits]
        return local_time.zone_called(named[-1] if named else None) or local_time.zone_called(self.journey.zone.otherwise) or UTC

    def _in_order(self) -> list[Touchpoint]:
        """By time, then arrival; the sort is stable."""
        return sorted(self.seen, key=lambda each: each.at)

    def _matching(self, match: model.Match, within: int | None, now: int) -> list[Touchpoint]:
        return [
            each for each in self._in_order() if each.at <= now and (within is None or each.at > now - within) and self._fits(match, each)
        ]

    def _matching_in(self, match: model.Match, window: model.Window, now: int) -> list[Touchpoint]:
        begins, ends = -FAR, now + 1
        if window.within is not None:
            begins = now - window.within + 1
        if window.before is not None:
            ends = now - window.before + 1
        if window.calendar is not None:
            begins, ends = local_time.period(window.calendar, now, self._zone())
        return [each for each in self._in_order() if begins <= each.at < ends and self._fits(match, each)]

    def _worth(self, value: model.GoalValue, after: int, until: int) -> float:
        found = [each for each in self.seen if after < each.at <= until and self._fits(value.match, each)]
        weighted = [weighed(number, value.weights, each) for each in found for number in self._values(value.path, each, value.conversion)]
        return float(aggregate("sum", weighted))

    def _values(self, path: model.Path, touchpoint: Touchpoint, conversion: str | None) -> list[Any]:
        if model.ELEMENTS not in path:
            return [self._value(path, touchpoint, conversion)]
        place = path.index(model.ELEMENTS)
        elements = value_at(path[:place], touchpoint)
        inner = [inside(path[place + 1 :], each) for each in elements] if isinstance(elements, list) else []
        return [read_as(conversion, value, self.arrived_in[id(touchpoint)]) for value in inner if value is not None]

    def _value(self, path: model.Path, touchpoint: Touchpoint, conversion: str | None) -> Any:
        return read_as(conversion, value_at(path, touchpoint), self.arrived_in[id(touchpoint)])

    def _satisfies(self, comparison: model.Comparison, value: Any, zone: ZoneInfo | None = None, *, is_read: bool = False) -> bool:
        """Judged where the customer is now, if no zone is given; `is_read`: the value was converted when it arrived."""
        there = zone or self._zone()
        read = value if is_read else read_as(comparison.conversion, value, there)
        tests = [model.Test(each.operator, operand_as(comparison.conversion, each.operand, there)) for each in comparison.tests]
        return all(passes(test, read) for test in tests) and all(self._elements_fit(each, value, there) for each in comparison.elements)

    def _elements_fit(self, elements: model.Elements, value: Any, zone: ZoneInfo) -> bool:
        asked = elements.asked
        if not isinstance(value, list):
            return elements.quantifier == "none"
        entries = [((), asked)] if isinstance(asked, model.Comparison) else list(asked.entries)
        answers = [all(self._satisfies(each, inside(keys, member), zone) for keys, each in entries) for member in value]
        if elements.quantifier == "all":
            return all(answers)
        return any(answers) is (elements.quantifier == "any")

    def _fits(self, match: model.Match, touchpoint: Touchpoint) -> bool:
        return (model.ANY_TYPE in match.types or touchpoint.type in match.types) and all(
            self._satisfies(comparison, value_at(path, touchpoint), self.arrived_in[id(touchpoint)])
            for path, comparison in match.where.entries
        )

    def _score(self, score: Score, now: int) -> float:
        points = dict(score.points)
        return fsum(points.get(each.type, 0.0) * 2.0 ** -((now - each.at) / score.half_life) for each in self.seen)


def leaves_of(condition: model.Condition) -> Iterator[model.Condition]:
    match condition:
        case model.All(conditions) | model.AnyOf(conditions):
            for each in conditions:
                yield from leaves_of(each)
        case model.Not(negated):
            yield from leaves_of(negated)
        case _:
            yield condition


def aggregate(kind: str, values: list[Any]) -> Any:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    match kind:
        case "sum":
            return fsum(numbers)
        case "avg":
            return fsum(numbers) / len(numbers) if numbers else None
        case "min":
            return min(numbers, default=None)
        case "max":
            return max(numbers, default=None)
        case "distinct":
            different: list[Any] = []
            for value in values:
                if value is not None and not any(alike(value, each) for each in different):
                    different.append(value)
            return len(different)
        case _:
            return values[-1] if values else None


def alike(one: Any, other: Any) -> bool:
    """Member by member."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(value, other[key]) for key, value in one.items())
    return same(one, other)


def weight_of(weights: model.Weights | None, touchpoint: Touchpoint) -> float:
    if weights is None:
        return 1
    named = dict(weights)
    return named[touchpoint.type] if touchpoint.type in named else named["*"]


def weighed(value: Any, weights: model.Weights | None, touchpoint: Touchpoint) -> Any:
    return float(value) * float(weight_of(weights, touchpoint)) if weights is not None and is_number(value) else value
