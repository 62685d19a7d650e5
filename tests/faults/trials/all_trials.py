"""All trials of overload and shortage, by name. Each has its own servers, which end with it, and takes bounded time."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from tests.faults.trials import forbidden, overload, poison, stuck
from tests.faults.trials.scene import Figures, Tell, Wrong
from tests.servers.processes import ServerError

Trial = Callable[[Path, Tell], Figures]
"""Tries something in a folder, reports progress, and returns what was measured. Raises `Wrong` or `ServerError`."""

LONG: Mapping[str, Trial] = {
    "overload": lambda folder, tell: overload.overload(folder, 60, 0.2, tell),
    "large-records": lambda folder, tell: overload.large_records(folder, 2_000, tell),
    "poison-undecodable": lambda folder, tell: poison.undecodable(folder, 300_000, tell),
    "poison-large": lambda folder, tell: poison.large(folder, 1_000, tell),
    "poison-unjudgeable": lambda folder, tell: poison.unjudgeable(folder, 50_000, tell),
    "stuck-partition": lambda folder, tell: stuck.stuck_partition(folder, 60, tell),
    "kafka-forbidden": lambda folder, tell: forbidden.forbidden(folder, 20, 3, tell),
}
SHORT: Mapping[str, Trial] = {
    "overload": lambda folder, tell: overload.overload(folder, 3, 0.1, tell),
    "large-records": lambda folder, tell: overload.large_records(folder, 50, tell),
    "poison-undecodable": lambda folder, tell: poison.undecodable(folder, 20_000, tell),
    "poison-large": lambda folder, tell: poison.large(folder, 50, tell),
    "poison-unjudgeable": lambda folder, tell: poison.unjudgeable(folder, 4_000, tell),
    "stuck-partition": lambda folder, tell: stuck.stuck_partition(folder, 2, tell),
    "kafka-forbidden": lambda folder, tell: forbidden.forbidden(folder, 4, 0.2, tell),
}
"""A small version, run for every change."""


class Tried(msgspec.Struct, frozen=True):
    """The outcome of one trial."""

    name: str
    seconds: float
    figures: Figures
    problem: str | None


def try_all(names: Iterable[str], trials: Mapping[str, Trial], folder: Path, tell: Tell) -> Sequence[Tried]:
    """Run one after the other, going on after a failure."""
    tried = []
    for name in names:
        tell(f"{name} …")
        began = time.monotonic()
        figures: Figures = {}
        problem = None
        try:
            figures = trials[name](folder / name, lambda words: tell(f"    {words}"))
        except (Wrong, ServerError, AssertionError) as error:
            problem = str(error) or type(error).__name__
        tried.append(Tried(name, time.monotonic() - began, figures, problem))
        tell(f"{name}: {'WRONG' if problem else 'ok'}, {tried[-1].seconds:.0f} s")
    return tried


def table_of(tried: Iterable[Tried]) -> str:
    """A line for each trial, and below it what was measured."""
    lines = []
    for one in tried:
        lines.append(f"{one.name:20} {'WRONG' if one.problem else 'ok':6} {one.seconds:6.0f} s")
        lines += [f"    {name.replace('_', ' '):36} {_shown(value):>14}" for name, value in one.figures.items()]
    return "\n".join(lines)


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) or value == int(value) else f"{value:,.2f}" if value < 1000 else f"{value:,.0f}"
