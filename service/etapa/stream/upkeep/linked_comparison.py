"""Compares the people with several ids in the view with a part of those in the log."""

from collections.abc import AsyncIterator, Mapping
from itertools import islice
from typing import NamedTuple

from etapa.stream.upkeep.digests import digest_of
from etapa.stream.upkeep.linked_part import LinkedPart

PORTION = 1_000


class Which(NamedTuple):
    """Which of the two has an entry. If both, they have different ones."""

    log: bool
    view: bool


async def differing(part: LinkedPart, shown: AsyncIterator[Mapping[bytes, bytes]]) -> AsyncIterator[Mapping[bytes, Which]]:
    """Names of entries of the part that differ, in portions. `shown` are all entries of the view, perhaps with repeats."""
    met: set[bytes] = set()
    async for entries in shown:
        found: dict[bytes, Which] = {}
        for name, value in entries.items():
            if not part.has(name):
                continue
            expected = part.digests.get(name)
            if expected is not None:
                met.add(name)
            if expected != digest_of(value):
                found[name] = Which(log=expected is not None, view=True)
        if found:
            yield found
    missing = iter([name for name in part.digests if name not in met])
    while found := {name: Which(log=True, view=False) for name in islice(missing, PORTION)}:
        yield found
