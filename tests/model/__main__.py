"""Searches the models of moving customers and of links within larger bounds than the tests do: `python -m tests.model`."""

import sys
import time
from collections.abc import Callable
from functools import partial

from tests.model.linking_scenarios import COMING_BACK, LARGE_LINKS, LAYOUT_LINKS, SMALL_LINKS
from tests.model.scenarios import LARGE, SMALL
from tests.model.search import Searched
from tests.model.test_linking import explore_links
from tests.model.test_moving import explore

MOST = 20_000_000


def main() -> int:
    """Exit code 1 if a scenario has a violation; its trace is printed."""
    searches: dict[str, Callable[[], Searched]] = {
        **{name: partial(explore, scenario, MOST) for name, scenario in {**SMALL, **LARGE}.items()},
        **{
            f"links: {name}": partial(explore_links, scenario, MOST)
            for name, scenario in {**SMALL_LINKS, **COMING_BACK, **LAYOUT_LINKS, **LARGE_LINKS}.items()
        },
    }
    failed = False
    for name, searched in searches.items():
        started = time.monotonic()
        found = searched()
        sys.stdout.write(f"{name}: {found.states:,} states, {found.at_rest:,} at rest, {time.monotonic() - started:.0f} s\n")
        if found.violation is not None:
            failed = True
            sys.stdout.write("\n".join([f"  {found.violation}", *(f"    {step}" for step in found.trace)]) + "\n")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
