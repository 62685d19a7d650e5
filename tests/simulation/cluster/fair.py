"""A cluster without faults and our producers on it, step by step: for tests of one behaviour each."""

from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from random import Random
from typing import Any, TypeVar

from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.writing.producer import PartitionProducer
from etapa.stream.protocol.ports import Transaction
from etapa.stream.protocol.records import Outgoing
from tests.simulation.cluster.brokers import BOOTSTRAP, OFFSETS, Moods, SimulatedBrokers
from tests.simulation.cluster.coordinator import LAST_EPOCH
from tests.simulation.cluster.loop import process_loop
from tests.simulation.cluster.partition_log import Written
from tests.simulation.cluster.readable import topics_of
from tests.simulation.cluster.wires import KINDS, Wires, WireWeather
from tests.simulation.cluster.world import without_sockets

T = TypeVar("T")
SETTINGS = Settings(group="fair", kafka_bootstrap_servers=f"cluster:{BOOTSTRAP}", session_timeout=4_000_000)


class Fair:
    """Three brokers. `answer` may replace a response: it is given the kind of a request and the function that answers it."""

    def __init__(self, *, new: bool = False, moods: Moods | None = None, last_epoch: int = LAST_EPOCH) -> None:
        self.loop = process_loop(Random(1))
        self.events: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.group_offset: int | None = None
        self.answer: Callable[[str, Callable[[], Any]], Any] = lambda _, answer: answer()
        self.brokers = SimulatedBrokers(
            topics_of(SETTINGS),
            0,
            3,
            Random(2),
            self.loop.call_later,
            self.events,
            new=new,
            moods=moods or Moods(),
            marker_delay=0.01,
            last_epoch=last_epoch,
            on_decision=lambda *_: None,
            on_group_offset=self._keep_offset,
            on_stale_offset=lambda: None,
        )
        handle = self.brokers.handle

        def handled(node: int, request: Any) -> Any:
            kind = KINDS[request.API_KEY]
            self.requests[kind] += 1
            return self.answer(kind, lambda: handle(node, request))

        self.brokers.handle = handled  # type: ignore[method-assign]
        self.wires = Wires(self.loop, Random(3), self.brokers, WireWeather(), self.events, lambda _: None)
        self._producers: list[PartitionProducer] = []

    def run(self, steps: Coroutine[Any, Any, T]) -> T:
        """Run the steps of a test, and check that no exception went unnoticed."""
        with without_sockets(self.wires, Random(4)):
            result = self.loop.run_until_complete(self._and_close(steps))
        assert self.loop.errors == []
        return result

    async def producer(self) -> PartitionProducer:
        """The producer of an owner of partition 0, started."""
        producer = PartitionProducer(Cluster(SETTINGS), 0)
        self._producers.append(producer)
        await producer.start()
        return producer

    def committed(self) -> dict[str, list[bytes | None]]:
        """What readers see in each topic that is not empty for them."""
        seen = {
            topic: [record.value for _, record in log.committed() if isinstance(record, Written)]
            for topic, log in self.brokers.logs.items()
        }
        return {topic: values for topic, values in seen.items() if values and topic != OFFSETS}

    async def _and_close(self, steps: Coroutine[Any, Any, T]) -> T:
        try:
            return await steps
        finally:
            for producer in self._producers:
                with suppress(Exception):
                    await producer.close()

    def _keep_offset(self, offset: int) -> None:
        self.group_offset = offset


def transaction(number: int) -> Transaction:
    """A transaction with a record for each topic."""

    def outgoing(what: str) -> list[Outgoing]:
        return [Outgoing(b"ada", b"%s-%d" % (what.encode(), number), ())]

    return Transaction(
        stage_changes=outgoing("change"),
        campaign_triggers=outgoing("trigger"),
        campaign_outcomes=outgoing("outcome"),
        dead_letters=outgoing("letter"),
        states=[Outgoing(b"ada", b"state-%d" % number)],
        mark_key=b"\xffmark",
        mark_value=b"mark-%d" % number,
        next_offset=number,
    )
