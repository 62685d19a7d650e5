"""The kinds of worlds, and which of them a seed runs in."""

from collections.abc import Mapping
from typing import Final

from tests.simulation.group_world import GroupWorld
from tests.simulation.versions import RollingWorld
from tests.simulation.world import World

KINDS: Final[Mapping[str, type[World]]] = {"partition": World, "versions": RollingWorld, "group": GroupWorld}
_TURNS = ("partition", "group", "versions", "group")


def world_of(seed: int) -> str:
    """The kind of world of a seed: every other one is a group."""
    return _TURNS[seed % len(_TURNS)]
