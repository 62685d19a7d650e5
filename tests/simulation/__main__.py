"""Runs seeds, and prints a line for each step that breaks an invariant: `python -m tests.simulation --seeds 10000`.

A seed decides everything about its run, including the kind of world: one partition, one partition under two versions of the
journey, a group of workers with several partitions, or one partition on a cluster that is simulated below the real client.
Run one seed again with `--start SEED --seeds 1 --trace`.
"""

import argparse
import logging
import os
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import msgspec

from tests.simulation.checking.controls import SAFEGUARDS, Safeguard
from tests.simulation.checking.reach import MUST_HAPPEN, MUST_HAPPEN_TO_REQUESTS, did_not_happen
from tests.simulation.progress import SeedProgress
from tests.simulation.worlds.kinds import KINDS, world_of
from tests.simulation.worlds.world import SimulationResult

MUST_HAPPEN_IN: Mapping[str | None, Mapping[str, tuple[str, ...]]] = {
    None: {**MUST_HAPPEN, **MUST_HAPPEN_TO_REQUESTS},
    "cluster": MUST_HAPPEN_TO_REQUESTS,
}
CHUNK = 50
MOST_LINES = 5
"""The most problems shown for a seed: the first is the one that matters."""
ENOUGH_SEEDS = 1000
"""With this many seeds, everything that the worlds are meant to cause must have happened."""


def main() -> int:
    """Exit code 1 if any seed failed, or if something that should go wrong never did although the seeds were many."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many seeds")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--world", choices=KINDS, help="use only this kind of world")
    parser.add_argument("--off", choices=SAFEGUARDS, action="append", default=[], help="switch a safeguard off; seeds should then fail")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--trace", action="store_true", help="print every step; for a single seed")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    off: frozenset[Safeguard] = frozenset(arguments.off)
    seeds = range(arguments.start, arguments.start + arguments.seeds)
    started = time.monotonic()
    failing: list[int] = []
    events: Counter[str] = Counter()
    settled: list[float] = []
    work = partial(run, off=off, world=arguments.world, keep_trace=arguments.trace)
    progress = SeedProgress(len(seeds), sys.stderr, started)
    for result in _results(seeds, work, arguments.jobs):
        events.update(result.events)
        settled.append(result.settled_after)
        if arguments.trace or result.violations:
            progress.clear()
        if arguments.trace:
            sys.stdout.write(result.trace + "\n")
        if result.violations:
            failing.append(result.seed)
            for line in result.violations[:MOST_LINES]:
                sys.stdout.write(f"seed {result.seed} {arguments.world or world_of(result.seed)} {result.digest} {line}\n")
            sys.stdout.flush()
        progress.step(time.monotonic(), failed=bool(result.violations))
    progress.clear()
    took = time.monotonic() - started
    sys.stdout.write(textwrap.fill(", ".join(f"{name} {count}" for name, count in sorted(events.items())), 150) + "\n")
    enough = len(seeds) >= ENOUGH_SEEDS and not off
    missing = did_not_happen(events, MUST_HAPPEN_IN.get(arguments.world, {})) if enough else []
    for line in missing:
        sys.stdout.write(f"did not happen in {len(seeds)} seeds: {line}\n")
    first = f", the first {failing[0]}" if failing else ""
    sys.stdout.write(
        f"{len(seeds)} seeds from {seeds.start}, {len(failing)} failing{first}; safeguards off: {', '.join(sorted(off)) or 'none'};"
        f" all settled within {max(settled, default=0.0):.1f} s of virtual time after the last fault; {took:.0f} s\n"
    )
    return 1 if failing or missing else 0


def run(seed: int, off: frozenset[Safeguard], world: str | None, *, keep_trace: bool = True) -> SimulationResult:
    """The run of one seed."""
    result = KINDS[world or world_of(seed)](seed, off=off).run()
    return result if keep_trace else msgspec.structs.replace(result, trace="")


def _results(seeds: range, work: "partial[SimulationResult]", jobs: int) -> Iterable[SimulationResult]:
    if jobs <= 1 or len(seeds) <= CHUNK:
        yield from (work(seed) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs, initializer=logging.disable, initargs=(logging.CRITICAL,)) as pool:
        yield from pool.map(work, seeds, chunksize=CHUNK)


if __name__ == "__main__":
    sys.exit(main())
