"""The results of many trials."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import msgspec

from tests.faults.checking.timing import percentile
from tests.faults.requests.rounds import RequestTrial


class Line(msgspec.Struct, frozen=True):
    """Trials of one kind. Recovery is in seconds."""

    name: str
    trials: int
    wrong: int
    p50: float
    p99: float
    max: float


def line_of(trial: RequestTrial) -> str:
    """A trial in one line."""
    recovery = "NOT RECOVERED" if trial.recovery is None else f"recovered in {trial.recovery:5.2f} s"
    verdict = f"WRONG: {'; '.join(trial.problems[:3])}" if trial.problems else "ok"
    return f"{trial.number:5} {trial.kind:28} {trial.moment:14} partition {trial.partition:2} {recovery} {verdict}"


def lines(trials: Iterable[RequestTrial], name_of: Callable[[RequestTrial], str]) -> list[Line]:
    """By name, in alphabetical order."""
    by_name: dict[str, list[RequestTrial]] = defaultdict(list)
    for trial in trials:
        by_name[name_of(trial)].append(trial)
    return [_line(name, some) for name, some in sorted(by_name.items())]


def table_of(trials: Sequence[RequestTrial]) -> str:
    """By kind of request and what happened to it; by kind of request and moment; and by kind of request."""
    parts = [
        lines(trials, lambda one: f"{one.act.api.name}, {one.act.how}"),
        lines(trials, lambda one: f"{one.act.api.name}, {one.moment}"),
        lines(trials, lambda one: one.act.api.name),
    ]
    head = f"{'request':36} {'trials':>6} {'wrong':>6} {'p50':>7} {'p99':>7} {'max':>7}   seconds"
    return "\n\n".join("\n".join([head, *(_shown(one) for one in part)]) for part in parts)


def _line(name: str, trials: Sequence[RequestTrial]) -> Line:
    times = [trial.recovery for trial in trials if trial.recovery is not None] or [float("nan")]
    wrong = sum(bool(trial.problems) for trial in trials)
    return Line(name, len(trials), wrong, percentile(times, 50), percentile(times, 99), max(times))


def _shown(line: Line) -> str:
    return f"{line.name:36} {line.trials:6} {line.wrong:6} {line.p50:7.2f} {line.p99:7.2f} {line.max:7.2f}"
