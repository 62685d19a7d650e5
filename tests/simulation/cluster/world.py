"""One run: a partition, the workers that own it one after the other or at once, and individual requests that arrive late, twice or never.

The workers are those of the other worlds, on aiokafka's own producer. The checker is the same too, and sees only what a reader of
committed records would see.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import cast
from unittest.mock import patch

import msgspec

from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.protocol.ports import Log
from tests.simulation.checking.checker import Expectations
from tests.simulation.checking.controls import Safeguard
from tests.simulation.cluster.brokers import BOOTSTRAP, Moods, SimulatedBrokers
from tests.simulation.cluster.controls import without
from tests.simulation.cluster.coordinator import LAST_EPOCH
from tests.simulation.cluster.log import ClusterLog
from tests.simulation.cluster.loop import ProcessLoop, TaskedProcess, process_loop, tasks_of_the_process
from tests.simulation.cluster.order import InOrder, InOrderRandom
from tests.simulation.cluster.readable import ClusterBroker, topics_of
from tests.simulation.cluster.wires import Wires, WireWeather
from tests.simulation.machines.process import Process
from tests.simulation.worlds.scenario import SimulationScenario, scenario_of
from tests.simulation.worlds.watched import WatchedPartition
from tests.simulation.worlds.worker import RunContext, SimulatedWorker
from tests.simulation.worlds.world import AIMS_FOR, SimulationResult, World

AIMED_AT = ("EndTxn", "EndTxn", "Produce", "Produce", "AddPartitionsToTxn", "TxnOffsetCommit", "InitProducerId")
BROKER_FAULTS = ("broker down", "leaders move", "slow broker", "connections break")


class ClusterScenario(msgspec.Struct, frozen=True):
    """What a seed chooses in addition to the scenario of one partition."""

    nodes: int
    new_protocol: bool
    weather: WireWeather
    moods: Moods
    marker_delay: float
    session: int
    """The session time-out setting, in seconds."""
    last_epoch: int
    """The epoch after which a producer goes on under another id."""


def cluster_scenario_of(random: Random) -> ClusterScenario:
    """A scenario for a seed."""
    session = random.choice((4, 10))
    rough = random.random()
    chosen = ClusterScenario(
        nodes=random.choice((1, 3, 3, 5)),
        new_protocol=random.random() < 0.4,
        weather=WireWeather(
            delay=random.choice((0.001, 0.01, 0.1)),
            held=random.choice((0.0, 0.02, 0.1)) * rough,
            longest=random.choice((0.5, 1.0)) * session,
            lost=random.choice((0.0, 0.02, 0.08)) * rough,
            doubled=random.choice((0.0, 0.05, 0.2)),
            broken=random.choice((0.0, 0.01, 0.05)) * rough,
            belated=random.choice((0.0, 0.0, 0.02)),
            victim=random.choice(("", "EndTxn", "EndTxn", "EndTxn", *AIMED_AT)),
            ordered=random.random() < 0.7,
        ),
        moods=Moods(
            busy=random.choice((0.0, 0.0, 0.02)),
            denied=random.choice((0.0, 0.02, 0.05)),
            denied_between=random.choice((0.0, 0.3)),
            forgets=random.choice((0.0, 1.0)),
        ),
        marker_delay=random.choice((0.002, 0.05, 0.2, 0.5)),
        session=session,
        last_epoch=LAST_EPOCH,
    )
    if chosen.new_protocol:
        # As if the partition had had thirty thousand transactions before.
        return msgspec.structs.replace(chosen, last_epoch=random.choice((3, 20, LAST_EPOCH)))
    return chosen


class ClusterPartition(WatchedPartition):
    """The partition on the simulated cluster."""

    broker: ClusterBroker

    def settle_on(self, settings: Settings) -> ClusterBroker:
        """Replace the memory broker's partition with the cluster's."""
        broker = ClusterBroker(number=self.number, on_commit=self._note_commit, find=self._find, settings=settings)
        self.broker = broker
        return broker

    def check(self, expected: Expectations) -> None:
        super().check(expected)
        for line in self.broker.torn():
            self._find(line)


class ClusterWorker(SimulatedWorker):
    """A worker whose process also runs aiokafka's tasks."""

    def __init__(self, cluster: Cluster, around: RunContext, process: TaskedProcess, random: Random, skew: int) -> None:
        self._cluster = cluster
        super().__init__(around, process, random, skew)

    def make_log(self, portion: Callable[[int], int]) -> Log:
        return ClusterLog(self._cluster, cast("ClusterBroker", self.around.partitions[0].broker), self.process, portion)

    def start(self) -> "asyncio.Task[None]":
        process = cast("TaskedProcess", self.process)
        return process.context.run(self.around.loop.create_task, self.run(), name=process.name)

    async def run(self) -> None:
        try:
            await super().run()
        except asyncio.CancelledError:
            if self.process.alive:
                self.around.find(f"{self.process.name} was cancelled while it lived")
            self.around.events["died"] += 1


class ClusterWorld(World):
    """A run under way."""

    faults: Sequence[str] = ("kill", "second owner", "second owner", "roll back", "flush", *BROKER_FAULTS, *BROKER_FAULTS, "cut")

    def __init__(self, seed: int, scenario: SimulationScenario | None = None, off: frozenset[Safeguard] = frozenset()) -> None:
        super().__init__(seed, scenario, off=off)
        self._off = off
        self._loop = cast("ProcessLoop", self.loop)
        chosen = cluster_scenario_of(self.random)
        self.chosen = chosen
        settings = Settings(group="simulated", kafka_bootstrap_servers=f"cluster:{BOOTSTRAP}", session_timeout=chosen.session * 1_000_000)
        partition = ClusterPartition(0, 1, self.note, self.find, self.events, off)
        broker = partition.settle_on(settings)
        self.brokers = SimulatedBrokers(
            topics_of(settings),
            0,
            chosen.nodes,
            Random(self.random.random()),
            self._loop.call_later,
            self.events,
            new=chosen.new_protocol,
            moods=chosen.moods,
            marker_delay=chosen.marker_delay,
            last_epoch=chosen.last_epoch,
            on_decision=broker.decided,
            on_group_offset=broker.group_offset_told,
            on_stale_offset=self._stale_offset,
        )
        broker.live_on(self.brokers)
        self.partitions[:] = [partition]
        self.wires = Wires(self._loop, Random(self.random.random()), self.brokers, chosen.weather, self.events, self.note)
        self._cluster = Cluster(settings)
        self.events["new protocol" if chosen.new_protocol else "old protocol"] += 1

    def choose(self, random: Random) -> SimulationScenario:
        scenario = scenario_of(random)
        shop = msgspec.structs.replace(scenario.shop, touchpoints=random.randrange(5, 50), pause=random.choice((0.1, 1.0, 3.0)))
        return msgspec.structs.replace(scenario, shop=shop, faults=random.randrange(0, 9), skew=0)

    def make_loop(self, random: Random) -> ProcessLoop:
        return process_loop(random)

    def run(self) -> SimulationResult:
        with without(self._off), without_sockets(self.wires, Random(self.random.random())):
            return super().run()

    def make_process(self, name: str) -> Process:
        process = TaskedProcess(name, self.network, self.note, self.events)
        process.on_kill.append(lambda: self.wires.cut(owner=process))
        return process

    def make_worker(self, process: Process, random: Random, skew: int) -> SimulatedWorker:
        return ClusterWorker(self._cluster, self.around, cast("TaskedProcess", process), random, skew)

    async def drain(self) -> None:
        self.wires.weather = WireWeather()
        self.wires.slow.clear()
        self.brokers.moods = Moods()
        self.brokers.down.clear()
        self.wires.let_go()
        await super().drain()
        # The last markers may be on their way, and a late request may have opened a transaction that only its time-out ends.
        while self.brokers.coordinator.unfinished:
            await asyncio.sleep(0.1)

    async def moment(self, random: Random) -> Process | None:
        sent = self.wires.next_request(random.choice(AIMED_AT))
        done, _ = await asyncio.wait({sent}, timeout=AIMS_FOR)
        if not done:
            return None
        await asyncio.sleep(random.uniform(0, 2 * self.chosen.weather.delay))
        self.events["aimed fault"] += 1
        return sent.result()

    async def fault(self, fault: str, random: Random, hit: Process | None) -> None:
        node = random.choice(self.brokers.nodes)
        seconds = random.uniform(0, 5.0)
        if fault == "broker down":
            self.brokers.down.add(node)
            self.brokers.move(away_from=node)
            self.wires.cut(node)
            self.loop.call_later(seconds, self.brokers.down.discard, node)
        elif fault == "leaders move":
            self.brokers.move()
        elif fault == "slow broker":
            self.wires.slow[node] = random.uniform(0, self.chosen.session)
            self.loop.call_later(seconds, lambda: self.wires.slow.pop(node, None))
        elif fault == "connections break":
            self.wires.cut(node)
        else:
            await super().fault(fault, random, hit)

    def _stale_offset(self) -> None:
        # A late one with the same epoch may set the group's offset back, but nothing depends on it.
        self.partitions[0].broker.group_offset_moved = True


@contextmanager
def without_sockets(wires: Wires, random: Random) -> Iterator[None]:
    """Make aiokafka's clients connect through `wires` and draw from `random`, and let each process see only its own tasks."""
    drawn = InOrderRandom(random.random())
    with (
        patch("aiokafka.client.create_conn", wires.create),
        patch("etapa.stream.kafka.clients.found_again.create_conn", wires.create),
        patch("aiokafka.client.random", drawn),
        patch("aiokafka.conn.random", drawn),
        patch("aiokafka.producer.sender.set", InOrder, create=True),
        patch("aiokafka.producer.message_accumulator.set", InOrder, create=True),
        patch("asyncio.all_tasks", tasks_of_the_process),
    ):
        yield
