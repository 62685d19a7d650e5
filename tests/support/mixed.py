"""The order in which files of tests are dealt out to several processes: those that wait for servers in between those that compute.

Otherwise a run would first keep every core busy, and then wait.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

import pytest

SERVERS = ("kafka", "browser", "release")
"""Markers of tests that mostly wait."""
DRILLS = "tests/faults/"
LATEST = Fraction(17, 20)
"""When the last file that waits begins, as a share of the others: what comes at the end should be short."""


def mixed(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """All tests, file by file, in the order of `in_turns`."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    waiting = {name for name, tests in files.items() if any(test.get_closest_marker(marker) for test in tests for marker in SERVERS)}
    return [test for name in in_turns({name: len(tests) for name, tests in files.items()}, waiting) for test in files[name]]


def in_turns(files: Mapping[str, int], waiting: Iterable[str]) -> list[str]:
    """The files, given with how many tests each has, so that those that wait are spread among the others.

    The first of those are the drills of `tests/faults`, which take minutes each; then come those of many tests.
    """
    waits = sorted(waiting, key=lambda name: (not name.startswith(DRILLS), -files[name], name))
    computes = [name for name in files if name not in set(waits)]
    turns = [(LATEST * place / len(waits), 0, name) for place, name in enumerate(waits)]
    turns += [(Fraction(place, len(computes)), 1, name) for place, name in enumerate(computes)]
    return [name for _, _, name in sorted(turns)]
