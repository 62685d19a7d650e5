"""The result of a run: a line for each fault, and a table of recovery times.

`python -m tests.faults.report FILE…` makes one table of several runs, from the files that they wrote with `--json`.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.faults.breaking.catalogue import AND
from tests.faults.checking.timing import percentile
from tests.faults.drill import DrillOutcome


class Recovery(msgspec.Struct, frozen=True):
    """Recovery times after faults of one kind, in seconds."""

    kind: str
    count: int
    p50: float
    p99: float
    max: float


def line_of(outcome: DrillOutcome) -> str:
    """A fault in one line."""
    recovery = "NOT RECOVERED" if outcome.recovery is None else f"recovered in {outcome.recovery:5.1f} s"
    verdict = "WRONG" if outcome.problems else "ok"
    return f"{outcome.number:4} {outcome.at:7.1f} s {outcome.kind:26} {recovery} {verdict}  lasted {outcome.lasted:.1f} s  {outcome.what}"


def recoveries(outcomes: Iterable[DrillOutcome]) -> list[Recovery]:
    """By kind, in alphabetical order. Faults without recovery are left out, as they fail the run."""
    by_kind: dict[str, list[float]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.recovery is not None:
            by_kind["two at once" if AND in outcome.kind else outcome.kind].append(outcome.recovery)
    return [Recovery(kind, len(times), percentile(times, 50), percentile(times, 99), max(times)) for kind, times in sorted(by_kind.items())]


def table_of(rows: Iterable[Recovery]) -> str:
    lines = [f"{'fault':24} {'count':>6} {'p50':>7} {'p99':>7} {'max':>7}   seconds"]
    lines += [f"{row.kind:24} {row.count:6} {row.p50:7.2f} {row.p99:7.2f} {row.max:7.2f}" for row in rows]
    return "\n".join(lines)


def as_json(seed: int, outcomes: Sequence[DrillOutcome], totals: Mapping[str, int], failure: str | None) -> Any:
    """Everything, for a machine to read."""
    return {
        "seed": seed,
        "failure": failure,
        "totals": totals,
        "recovery_seconds": [msgspec.to_builtins(row) for row in recoveries(outcomes)],
        "faults": [msgspec.to_builtins(outcome) for outcome in outcomes],
    }


class _Run(msgspec.Struct):
    """The parts of a run's file that are read."""

    faults: list[DrillOutcome]


def main() -> None:
    """Print one table for all named files."""
    runs = [msgspec.json.decode(Path(name).read_bytes(), type=_Run) for name in sys.argv[1:]]
    outcomes = [outcome for run in runs for outcome in run.faults]
    sys.stdout.write(f"{table_of(recoveries(outcomes))}\n\n{len(outcomes)} faults in {len(runs)} runs\n")


if __name__ == "__main__":
    main()
