"""Warnings and remarks about a sound journey: what its author may not have meant."""

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush

from etapa.journey.duration import format_duration
from etapa.journey.language.circles import circles
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.kinds.in_stage import InStage
from etapa.journey.language.kinds.logic import condition_implies, needs_event, never_true_together
from etapa.journey.language.kinds.subjects import Subject, filed_under, implied_by, may_clash, topics
from etapa.journey.language.model import All, AnyOf, Condition, Journey, Not, Rule
from etapa.journey.language.reading.findings import Position, Report, listed, listed_shortly
from etapa.journey.units import HOUR

SHORTEST_ROUND = HOUR
"""A circle of rules that time alone drives must take at least this long."""


def look_over(
    journey: Journey,
    stages: Sequence[Position],
    rules: Sequence[Position],
    campaigns: Sequence[Position],
    defaults: Sequence[bool],
    report: Report,
) -> None:
    """Report what looks odd. The positions are those of the journey's stages, rules and campaigns, in order.

    `defaults`: which of the rules have no `from` in the file.
    """
    _stages(journey, stages, report)
    chains = _Chains(journey.rules)
    implied = _Implied()
    for index, rule in enumerate(journey.rules):
        winners = _always_beaten_by(rule, implied.by(rule), chains)
        implied.file(rule)
        if winners:
            report.warning(rules[index], f"rule `{rule.id}` never wins: whenever it holds, {listed(winners)} above it holds too")
    clashes = _Clashes(journey.rules)
    for index, other in _never_back(journey, defaults, clashes):
        rule, to = journey.rules[index], journey.rules[other].to
        report.warning(
            rules[index],
            f"rule `{rule.id}` has no `from`, so it leaves only stages listed before `{rule.to}`: customers whom `{journey.rules[other].id}`"
            f' moved to `{to}` stay there when `{rule.id}` holds; if they should leave, too, write `from: "*"`, every other stage',
        )
    for circle, seconds in _rounds_by_time(journey.rules):
        ids = listed(journey.rules[index].id for index in circle)
        report.error(
            rules[min(circle)],
            f"time alone moves customers in a circle through the rules {ids}, {format_duration(seconds)} per round, for ever; a round must "
            f"take at least {format_duration(SHORTEST_ROUND)}, so make an `in_stage` longer, or have one of the rules wait for something else",
        )
    for cycle in _chases(journey.rules, clashes):
        report.warning(
            rules[cycle[0]],
            f"rules {listed_shortly([journey.rules[index].id for index in cycle])} can chase each other: they can hold at the same "
            "time without a touchpoint, so customers may move back and forth",
        )
    for index, campaign in enumerate(journey.campaigns):
        for transition in campaign.on:
            if not any(_fits(rule, transition.sources, transition.targets) for rule in journey.rules) and not (
                transition.sources is None and transition.targets is not None and journey.initial in transition.targets
            ):
                report.warning(campaigns[index], f"campaign `{campaign.id}` waits for a stage change that no rule makes")


class _Clashes:
    """Which conditions certainly never hold together."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._conditions = [rule.when for rule in rules]
        self._topics = [topics(condition) for condition in self._conditions]
        self._never = [never_true_together([condition]) is not None for condition in self._conditions]

    def never_together(self, one: int, other: int) -> bool:
        if self._never[one] or self._never[other]:
            return True
        if not may_clash(self._topics[one], self._topics[other]):
            return False
        return never_true_together((self._conditions[one], self._conditions[other])) is not None


def _never_back(journey: Journey, defaults: Sequence[bool], clashes: _Clashes) -> Iterator[tuple[int, int]]:
    """Rules without `from`, each with a rule that leads further down the list and never holds together with it: tiers that only rise."""
    moves = {(source, rule.to) for rule in journey.rules for source in rule.sources}
    places = {stage.id: place for place, stage in enumerate(journey.stages)}
    for index, rule in enumerate(journey.rules):
        if not defaults[index] or needs_event(rule.when):
            continue
        for other, further in enumerate(journey.rules):
            if (
                places[further.to] > places[rule.to]
                and not needs_event(further.when)
                and (further.to, rule.to) not in moves
                and clashes.never_together(index, other)
            ):
                yield index, other
                break


def _fits(rule: Rule, sources: tuple[str, ...] | None, targets: tuple[str, ...] | None) -> bool:
    return (sources is None or not set(sources).isdisjoint(rule.sources)) and (targets is None or rule.to in targets)


def _stages(journey: Journey, positions: Sequence[Position], report: Report) -> None:
    reached = _reachable(journey.initial, journey.rules)
    left = {source for rule in journey.rules for source in rule.sources}
    for stage, position in zip(journey.stages, positions, strict=True):
        if stage.id not in reached:
            report.warning(position, f"stage `{stage.id}` cannot be reached: no rules lead from `{journey.initial}` to it")
        elif stage.id not in left:
            report.info(position, f"stage `{stage.id}` can never be left: no rule leads out of it")


def _reachable(start: str, rules: Iterable[Rule]) -> set[str]:
    return _reached(start, _ways(rules))


def _ways(rules: Iterable[Rule]) -> dict[str, set[str]]:
    """The stages that rules lead to, by the stage that they leave."""
    ways: dict[str, set[str]] = {}
    for rule in rules:
        for source in rule.sources:
            ways.setdefault(source, set()).add(rule.to)
    return ways


def _reached(start: str, ways: dict[str, set[str]]) -> set[str]:
    reached = {start}
    waiting = [start]
    while waiting:
        beyond = ways.get(waiting.pop(), set()) - reached
        reached |= beyond
        waiting += beyond
    return reached


class _Chains:
    """How far one touchpoint or timer may move customers. Only the first move can depend on the touchpoint."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._first = _ways(rule for rule in rules if needs_event(rule.when))
        self._then = _ways(rule for rule in rules if not needs_event(rule.when))
        self._from: dict[str, set[str]] = {}

    def from_stage(self, start: str) -> set[str]:
        """All stages that a chain of moves from `start` may pass through."""
        if start not in self._from:
            ways = {**self._then, start: self._then.get(start, set()) | self._first.get(start, set())}
            self._from[start] = _reached(start, ways)
        return self._from[start]


class _Implied:
    """Rules by what their conditions are about, to find those that another condition may imply without comparing each with each."""

    def __init__(self) -> None:
        self._filed: dict[Subject, list[tuple[int, Rule]]] = {}
        self._count = 0

    def file(self, rule: Rule) -> None:
        for subject in filed_under(rule.when):
            self._filed.setdefault(subject, []).append((self._count, rule))
        self._count += 1

    def by(self, rule: Rule) -> list[Rule]:
        """The filed rules whose condition that of `rule` may imply, in the order in which they were filed."""
        found = {place: other for subject in implied_by(rule.when) for place, other in self._filed.get(subject, ())}
        return [found[place] for place in sorted(found)]


def _always_beaten_by(rule: Rule, above: Sequence[Rule], chains: _Chains) -> list[str]:
    """Ids of rules `above` that together beat `rule` in every stage it leaves; empty if it can win somewhere."""
    winners: dict[str, None] = {}
    for source in rule.sources:
        winner = next((other for other in above if source in other.sources and _beats(other, rule, source, chains)), None)
        if winner is None:
            return []
        winners[winner.id] = None
    return list(winners)


def _beats(above: Rule, below: Rule, source: str, chains: _Chains) -> bool:
    if not condition_implies(below.when, above.when):
        return False
    if above.to == below.to or needs_event(below.when):
        return True
    # In a chain of moves, `above` is passed over if it leads back to a stage of the chain; then `below` gets its turn.
    return source not in chains.from_stage(above.to)


def _chases(rules: Sequence[Rule], clashes: _Clashes) -> Iterator[list[int]]:
    """Rules, in order, that lead in a circle, where each can hold together with the next, all without a touchpoint."""
    quiet = [index for index, rule in enumerate(rules) if not needs_event(rule.when)]
    leaving: dict[str, list[int]] = {}
    for index in quiet:
        for source in rules[index].sources:
            leaving.setdefault(source, []).append(index)
    onwards = {index: leaving.get(rules[index].to, []) for index in quiet}
    for circle in circles(onwards, lambda one, other: not clashes.never_together(one, other)):
        yield sorted(circle)


def _rounds_by_time(rules: Sequence[Rule]) -> Iterator[tuple[list[int], int]]:
    """Circles of rules, each driven by `in_stage` alone, shorter than `SHORTEST_ROUND`, with their duration; each rule once."""
    quickest: dict[str, dict[str, tuple[int, int]]] = {}
    for index, rule in enumerate(rules):
        dwell = _holds_after(rule.when)
        if dwell:
            for source in rule.sources:
                out = quickest.setdefault(source, {})
                if source != rule.to and (rule.to not in out or dwell < out[rule.to][0]):
                    out[rule.to] = dwell, index
    told: set[int] = set()
    for stage in quickest:
        circle = _quickest_round(stage, quickest)
        if circle is not None and told.isdisjoint(circle[0]):
            told.update(circle[0])
            yield circle


def _quickest_round(start: str, quickest: dict[str, dict[str, tuple[int, int]]]) -> tuple[list[int], int] | None:
    """The rules of the quickest way from a stage back to itself, and how long it takes; none if it is long enough."""
    waiting: list[tuple[int, str, list[int]]] = [(0, start, [])]
    reached: set[str] = set()
    while waiting:
        elapsed, stage, way = heappop(waiting)
        if stage == start and way:
            return way, elapsed
        if stage in reached:
            continue
        if stage != start or way:
            reached.add(stage)
        for to, (dwell, index) in quickest.get(stage, {}).items():
            if elapsed + dwell < SHORTEST_ROUND and to not in reached:
                heappush(waiting, (elapsed + dwell, to, [*way, index]))
    return None


def _holds_after(condition: Condition) -> int | None:
    """How long after entering a stage the condition holds by `in_stage` alone; none if something else must be true."""
    match condition:
        case InStage(duration):
            return duration
        case Not(Event()):
            return 0
        case All(conditions):
            dwells = [_holds_after(each) for each in conditions]
            known = [dwell for dwell in dwells if dwell is not None]
            return max(known) if len(known) == len(dwells) else None
        case AnyOf(conditions):
            return min((dwell for each in conditions if (dwell := _holds_after(each)) is not None), default=None)
        case _:
            return None
