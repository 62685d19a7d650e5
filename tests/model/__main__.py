"""Searches the model of moving customers within larger bounds than the test does: `python -m tests.model`."""

import sys
import time

from tests.model.scenarios import LARGE, SMALL
from tests.model.test_moving import explore

MOST = 20_000_000


def main() -> int:
    """Exit code 1 if a scenario has a violation; its trace is printed."""
    failed = False
    for name, scenario in {**SMALL, **LARGE}.items():
        started = time.monotonic()
        found = explore(scenario, MOST)
        sys.stdout.write(f"{name}: {found.states:,} states, {found.at_rest:,} at rest, {time.monotonic() - started:.0f} s\n")
        if found.violation is not None:
            failed = True
            sys.stdout.write("\n".join([f"  {found.violation}", *(f"    {step}" for step in found.trace)]) + "\n")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
