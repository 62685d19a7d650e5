"""The in-memory ports keep the same contracts as the real ones."""

from collections.abc import Awaitable, Callable, Sequence
from random import Random

import pytest

from etapa.contracts.stored.mark import TopicRole
from etapa.stream.protocol.ports import Log, View
from etapa.stream.protocol.records import Headers, Outgoing
from tests.conformance.log_contract import LOG_CONTRACT, LogWorld, change, transaction
from tests.conformance.view_contract import VIEW_CONTRACT, ViewWorld
from tests.simulation.machines.loop import simulation_loop
from tests.simulation.machines.memory_log import MemoryBroker, MemoryLog
from tests.simulation.machines.memory_view import MemoryRedis, MemoryView
from tests.simulation.machines.network import SeededNetwork, Weather
from tests.simulation.machines.process import Process


def process() -> Process:
    return Process("p", SeededNetwork(Random(1), Weather()), lambda _: None)


class MemoryLogWorld:
    def __init__(self) -> None:
        self._broker = MemoryBroker()

    async def open(self) -> Log:
        return MemoryLog(self._broker, process())

    async def produce(self, records: Sequence[tuple[bytes | None, bytes | None, Headers]]) -> list[int]:
        return [self._broker.append(*record) for record in records]

    async def published(self, kind: str) -> list[Outgoing]:
        return [one for committed in self._broker.committed for one in getattr(committed.transaction, kind)]

    async def leave_hanging(self) -> None:
        self._broker.loses_markers = True
        epoch = self._broker.fence()
        self._broker.write(epoch, transaction(7, [(b"c", b"hangs")], [change(7)]))
        self._broker.end(epoch)
        self._broker.loses_markers = False

    async def abort_hanging(self) -> None:
        self._broker.abort_hanging()

    async def recreate(self, role: TopicRole) -> None:
        self._broker.recreate(role)


class MemoryViewWorld:
    def __init__(self) -> None:
        self._partitions: dict[int, MemoryRedis] = {}

    async def open(self, partition: int = 0) -> View:
        return MemoryView(self._partitions.setdefault(partition, MemoryRedis()), process())

    async def lose_mark(self, partition: int = 0) -> None:
        self._partitions[partition].mark = None

    async def flush(self) -> None:
        for redis in self._partitions.values():
            redis.flush()


@pytest.mark.parametrize("rule", LOG_CONTRACT, ids=lambda rule: rule.__name__)
def test_the_log_in_memory_keeps_the_contract(rule: Callable[[LogWorld], Awaitable[None]]) -> None:
    async def run() -> None:
        await rule(MemoryLogWorld())

    simulation_loop(Random(1)).run_until_complete(run())


@pytest.mark.parametrize("rule", VIEW_CONTRACT, ids=lambda rule: rule.__name__)
def test_the_view_in_memory_keeps_the_contract(rule: Callable[[ViewWorld], Awaitable[None]]) -> None:
    async def run() -> None:
        await rule(MemoryViewWorld())

    simulation_loop(Random(1)).run_until_complete(run())
