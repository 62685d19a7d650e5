"""What a sound journey says about itself that its author may not have meant: warnings and remarks."""

from collections.abc import Iterator, Sequence

from etapa.journey.language.findings import Position, Report, listed
from etapa.journey.language.logic import condition_implies, needs_event, never_true_together
from etapa.journey.language.model import Journey, Rule


def look_over(
    journey: Journey, stages: Sequence[Position], rules: Sequence[Position], campaigns: Sequence[Position], report: Report
) -> None:
    """Report what is odd; the positions are those of the journey's stages, rules and campaigns, in their order."""
    _stages(journey, stages, report)
    for index, rule in enumerate(journey.rules):
        winners = _always_beaten_by(rule, journey.rules[:index], journey.rules)
        if winners:
            report.warning(rules[index], f"rule `{rule.id}` never wins: whenever it holds, {listed(winners)} above it holds too")
    for cycle in _chases(journey.rules):
        first = min(cycle)
        report.warning(
            rules[first],
            f"rules {listed(journey.rules[index].id for index in sorted(cycle))} can chase each other: they can hold at the same "
            "time without a touchpoint, so customers may go to and fro",
        )
    for index, campaign in enumerate(journey.campaigns):
        for transition in campaign.on:
            if not any(_fits(rule, transition.sources, transition.targets) for rule in journey.rules) and not (
                transition.sources is None and transition.targets is not None and journey.initial in transition.targets
            ):
                report.warning(campaigns[index], f"campaign `{campaign.id}` waits for a stage change that no rule makes")


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


def _reachable(start: str, rules: Sequence[Rule]) -> set[str]:
    reached = {start}
    waiting = [start]
    while waiting:
        stage = waiting.pop()
        for rule in rules:
            if stage in rule.sources and rule.to not in reached:
                reached.add(rule.to)
                waiting.append(rule.to)
    return reached


def _always_beaten_by(rule: Rule, above: Sequence[Rule], rules: Sequence[Rule]) -> list[str]:
    """Ids of rules above that together beat `rule` in every stage it leaves; empty when it can win somewhere."""
    winners: dict[str, None] = {}
    for source in rule.sources:
        winner = next((other for other in above if source in other.sources and _beats(other, rule, source, rules)), None)
        if winner is None:
            return []
        winners[winner.id] = None
    return list(winners)


def _beats(above: Rule, below: Rule, source: str, rules: Sequence[Rule]) -> bool:
    if not condition_implies(below.when, above.when):
        return False
    if above.to == below.to or needs_event(below.when):
        return True
    # In a chain of moves, `above` is passed over where it leads back to a stage of the chain; then `below` gets its turn.
    return source not in _reachable(above.to, [rule for rule in rules if not needs_event(rule.when)] + _moved_by_event(above.to, rules))


def _moved_by_event(stage: str, rules: Sequence[Rule]) -> list[Rule]:
    """Rules whose first step out of `stage` may be made by a touchpoint: a chain may begin there."""
    return [Rule(rule.id, (stage,), rule.to, rule.when) for rule in rules if stage in rule.sources and needs_event(rule.when)]


def _chases(rules: Sequence[Rule]) -> Iterator[set[int]]:
    """Sets of rules that lead round in a circle, where each can hold together with the next, all without a touchpoint."""
    follows: dict[int, list[int]] = {}
    quiet = [index for index, rule in enumerate(rules) if not needs_event(rule.when)]
    for index in quiet:
        follows[index] = [
            other
            for other in quiet
            if rules[index].to in rules[other].sources and never_true_together((rules[index].when, rules[other].when)) is None
        ]
    seen: set[int] = set()
    reached = {index: _from(index, follows) for index in quiet}
    for index in quiet:
        if index in reached[index] and index not in seen:
            circle = {other for other in reached[index] if index in reached[other]}
            seen |= circle
            yield circle


def _from(start: int, follows: dict[int, list[int]]) -> set[int]:
    reached: set[int] = set()
    waiting = [start]
    while waiting:
        for following in follows[waiting.pop()]:
            if following not in reached:
                reached.add(following)
                waiting.append(following)
    return reached
