"""The layout of customer states before format 4, to read those that were written then. Nothing writes it any more.

It differs in how memories are laid out: a single number was in a list of its own, and times in a window were always beside two
lists of buckets, which most windows never have.
"""

from typing import Any

from etapa.contracts.state_format_4 import Format4, StandingInFormat4
from etapa.journey.engine.customer import Memory


class Format3(Format4, array_like=True, frozen=True, gc=False, tag=3):
    """The fields mean what those of `Format4` mean, but for `memory`."""


class StandingInFormat3(StandingInFormat4, array_like=True, frozen=True, gc=False, tag=3):
    """The first fields of `Format3`."""


def flat(memory: dict[str, list[Any]]) -> Memory:
    """Memories as they were laid out before format 4, as they are laid out now.

    Which accumulator an entry is of need not be known: no other had a single number, or three lists.
    """
    return {key: _flat(entry) for key, entry in memory.items()}


def _flat(entry: list[Any]) -> Any:
    if len(entry) == 1:
        return entry[0]
    if len(entry) == 3 and isinstance(entry[0], list):
        times, bucket_times, _ = entry
        return entry if bucket_times else times
    return entry
