"""Tries the law of links on many random histories: `python -m tests.histories --histories 100000 --seed 1`."""

import argparse
import sys
import time
from collections import Counter

from tests.histories.law import check

EVERY = 10.0
"""Seconds between two lines of progress."""


def main() -> int:
    """Exit code 1 if a history breaks the law; the journey and the history are printed."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("--histories", type=int, default=2_000, help="how many, at least")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    happened: Counter[str] = Counter()
    started = told = time.monotonic()
    done = 0

    def on_history(what: Counter[str]) -> None:
        nonlocal done, told
        done += 1
        happened.update(what)
        if (now := time.monotonic()) - told > EVERY:
            told = now
            sys.stderr.write(f"{done:,} histories, {done / (now - started):.0f} a second\n")

    try:
        check(arguments.histories, arguments.seed, on_history)
    except AssertionError as broken:
        sys.stdout.write(f"broken after {done:,} histories of seed {arguments.seed}: {broken}\n")
        for note in getattr(broken, "__notes__", ()):
            sys.stdout.write(f"{note}\n")
        return 1
    took = time.monotonic() - started
    sys.stdout.write(", ".join(f"{what} {count:,}" for what, count in sorted(happened.items())) + "\n")
    sys.stdout.write(f"{done:,} histories of seed {arguments.seed}, none breaks the law; {took:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
