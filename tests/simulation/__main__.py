"""Runs seeds and prints a line for each that breaks an invariant: `python -m tests.simulation --seeds 10000`."""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.worker import SAFETIES, Safety
from tests.simulation.world import Result, World

CHUNK = 50


def main() -> int:
    """Exit code 1 when any seed failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many seeds")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--off", choices=SAFETIES, action="append", default=[], help="switch a safety off; seeds should fail then")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--trace", action="store_true", help="print every step; for a single seed")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    off: frozenset[Safety] = frozenset(arguments.off)
    seeds = range(arguments.start, arguments.start + arguments.seeds)
    started = time.monotonic()
    failing = 0
    events: Counter[str] = Counter()
    for result in _results(seeds, off, arguments.jobs):
        events.update(result.events)
        if arguments.trace:
            sys.stdout.write(result.trace + "\n")
        if result.violations:
            failing += 1
            more = f" (and {len(result.violations) - 1} more)" if len(result.violations) > 1 else ""
            sys.stdout.write(f"seed {result.seed} {result.digest}: {result.violations[0]}{more}\n")
            sys.stdout.flush()
    took = time.monotonic() - started
    sys.stdout.write(f"{len(seeds)} seeds, {failing} failing, {took:.1f} s; safeties off: {', '.join(sorted(off)) or 'none'}\n")
    sys.stdout.write(", ".join(f"{name} {count}" for name, count in sorted(events.items())) + "\n")
    return 1 if failing else 0


def run(seed: int, off: frozenset[Safety], *, keep_trace: bool = True) -> Result:
    """The run of one seed."""
    result = World(seed, off=off).run()
    return result if keep_trace else Result(result.seed, result.violations, "", result.events)


def _results(seeds: range, off: frozenset[Safety], jobs: int) -> Iterable[Result]:
    if jobs <= 1 or len(seeds) <= CHUNK:
        yield from (run(seed, off) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs, initializer=logging.disable, initargs=(logging.CRITICAL,)) as pool:
        yield from pool.map(partial(run, off=off), seeds, chunksize=CHUNK)


if __name__ == "__main__":
    sys.exit(main())
