"""The kinds of worlds, and which of them a seed runs in."""

from collections.abc import Mapping
from typing import Final, Protocol

from tests.simulation.checking.controls import Safeguard
from tests.simulation.cluster.world import ClusterWorld
from tests.simulation.hostile.world import HostileWorld
from tests.simulation.worlds.chasing import ChasingWorld
from tests.simulation.worlds.forgetting import ForgettingWorld
from tests.simulation.worlds.group_world import GroupWorld
from tests.simulation.worlds.linked import LinkWorld
from tests.simulation.worlds.linked_repartition import ForgettingLinkedRepartitionWorld, LinkedRepartitionWorld
from tests.simulation.worlds.recreated import RecreatedWorld
from tests.simulation.worlds.repartition import RepartitionWorld
from tests.simulation.worlds.sourced import SourcedWorld
from tests.simulation.worlds.versions import RollingWorld
from tests.simulation.worlds.world import SimulationResult, World


class SimulatedRun(Protocol):
    """A run determined by a seed."""

    def run(self) -> SimulationResult:
        """The whole of it."""


class KindOfWorld(Protocol):
    """Makes the run of a seed, without the safeguards that are `off`."""

    def __call__(self, seed: int, *, off: frozenset[Safeguard] = ...) -> SimulatedRun: ...


KINDS: Final[Mapping[str, KindOfWorld]] = {
    "partition": World,
    "versions": RollingWorld,
    "group": GroupWorld,
    "cluster": ClusterWorld,
    "chases": ChasingWorld,
    "sources": SourcedWorld,
    "recreated": RecreatedWorld,
    "hostile": HostileWorld,
    "repartition": RepartitionWorld,
    "forget": ForgettingWorld,
    "link": LinkWorld,
    "link-repartition": LinkedRepartitionWorld,
    "link-repartition-forget": ForgettingLinkedRepartitionWorld,
}
# The last nine are never chosen by a seed: `--world chases` and so on run them, and separate tests run their first seeds.
_TURNS = ("partition", "group", "versions", "group", "cluster")


def world_of(seed: int) -> str:
    """The kind of world of a seed: two in five are groups."""
    return _TURNS[seed % len(_TURNS)]
