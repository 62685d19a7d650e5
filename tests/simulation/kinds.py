"""The kinds of worlds, and which of them a seed runs in."""

from collections.abc import Mapping
from typing import Final

from tests.simulation.anew import AnewWorld
from tests.simulation.chasing import ChasingWorld
from tests.simulation.cluster.world import ClusterWorld
from tests.simulation.group_world import GroupWorld
from tests.simulation.sourced import SourcedWorld
from tests.simulation.versions import RollingWorld
from tests.simulation.world import World

KINDS: Final[Mapping[str, type[World]]] = {
    "partition": World,
    "versions": RollingWorld,
    "group": GroupWorld,
    "cluster": ClusterWorld,
    "chases": ChasingWorld,
    "sources": SourcedWorld,
    "anew": AnewWorld,
}
# The last three have no turn: `--world chases` and so on run them, and tests of their own run their first seeds.
_TURNS = ("partition", "group", "versions", "group", "cluster")


def world_of(seed: int) -> str:
    """The kind of world of a seed: two in five are groups."""
    return _TURNS[seed % len(_TURNS)]
