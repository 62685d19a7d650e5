"""Requests of a transaction that arrive late, on two brokers: they must not tear a transaction."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, KafkaError, RequestTimedOutError

from etapa.settings import Settings
from etapa.stream.kafka.clients.security import client_options
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.partition.log import KafkaLog
from etapa.stream.protocol.ports import LogError, Transaction
from etapa.stream.protocol.records import Outgoing
from tests.integration.places import new_place, opened_log, read_all
from tests.servers.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka

MARK = b"\xffmark"
INVALID_PRODUCER_EPOCH, CONCURRENT_TRANSACTIONS, PRODUCER_FENCED = 47, 51, 90


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    server = KafkaServer(tmp_path_factory.mktemp("late"), brokers=2, heap="384m")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def transaction(number: int) -> Transaction:
    return Transaction(
        stage_changes=[Outgoing(b"ada", b"change-%d" % number, ())],
        campaign_triggers=(),
        dead_letters=(),
        states=[Outgoing(b"ada", b"state-%d" % number)],
        mark_key=MARK,
        mark_value=b"mark-%d" % number,
        next_offset=number,
    )


async def place_apart(brokers: KafkaServer) -> tuple[Settings, int]:
    """Topics, and a partition whose states and stage changes are on different brokers, so that nothing keeps their writes in order."""
    while True:
        # A topic's first broker is random.
        settings = await new_place(brokers.bootstrap_servers)
        async with Cluster(settings).admin() as admin:
            described = await admin.describe_topics([settings.topic_customer_state, settings.topic_stage_changes])
        leaders = [{one["partition"]: one["leader"] for one in topic["partitions"]} for topic in described]
        for number in range(settings.partitions):
            states, changes = (some.get(number) for some in leaders)
            if states is not None and changes is not None and states != changes:
                return settings, number


class Sabotage:
    """The first EndTxn seems lost to its sender, and arrives while the next transaction is half written."""

    def __init__(self, client: AIOKafkaClient, lost: KafkaError, first: str, second: str) -> None:
        self._client = client
        self._lost = lost
        self._topics = first, second
        self._held: tuple[int, Any, Any] | None = None
        self._first_written = asyncio.Event()
        self._next_has_begun = False
        self.late_answer: int | None = None

    def watch(self, log: KafkaLog) -> None:
        """Intercept the requests of the log's present producer to the brokers."""
        assert log._producer is not None
        client = log._producer._producer.client
        send = client.send

        async def watched(node: int, request: Any, **more: Any) -> Any:
            name = type(request).__name__
            if name.startswith("EndTxn") and self._held is None:
                self._held = node, request, more.get("group")
                raise self._lost
            if not name.startswith("Produce") or not self._next_has_begun or self.late_answer is not None:
                return await send(node, request, **more)
            first, second = self._topics
            said = repr(vars(request))
            if second in said:
                await self._first_written.wait()
                await self._deliver()
            answer = await send(node, request, **more)
            if first in said:
                self._first_written.set()
            return answer

        client.send = watched

    def begin_next(self) -> None:
        assert self._held is not None
        self._next_has_begun = True

    async def _deliver(self) -> None:
        assert self._held is not None
        node, request, group = self._held
        code = CONCURRENT_TRANSACTIONS
        while code == CONCURRENT_TRANSACTIONS:
            # The coordinator is just writing that the next transaction has one more partition, and does nothing else meanwhile.
            code = (await self._client.send(node, request, group=group)).error_code
        self.late_answer = code


@asynccontextmanager
async def another_client(settings: Settings) -> AsyncIterator[AIOKafkaClient]:
    client = AIOKafkaClient(**client_options(settings))
    await client.bootstrap()
    try:
        yield client
    finally:
        await client.close()


async def commit_for_certain(log: KafkaLog, sabotage: Sabotage, number: int) -> None:
    """Like a partition's task: after any doubt it fences, and the last mark in the log says how to go on."""
    wanted = transaction(number)
    while True:
        try:
            await log.commit(wanted)
            return
        except LogError:
            await log.fence()
            sabotage.watch(log)
            start, end = await log.state_range()
            marks = [record.value async for chunk in log.states(start, end) for record in chunk if record.key == MARK]
            if marks and marks[-1] == wanted.mark_value:
                return


@pytest.mark.parametrize("states_first", [True, False], ids=["states-first", "changes-first"])
@pytest.mark.parametrize("lost", [RequestTimedOutError(), KafkaConnectionError()], ids=["no-answer", "connection-broken"])
def test_an_end_that_arrives_late_tears_no_later_transaction(brokers: KafkaServer, lost: KafkaError, states_first: bool) -> None:
    async def scenario() -> None:
        settings, partition = await place_apart(brokers)
        topics = [settings.topic_customer_state, settings.topic_stage_changes]
        async with another_client(settings) as client, opened_log(settings, partition) as log, asyncio.timeout(60):
            sabotage = Sabotage(client, lost, *(topics if states_first else reversed(topics)))
            await log.fence()
            sabotage.watch(log)
            await commit_for_certain(log, sabotage, 1)
            sabotage.begin_next()
            await commit_for_certain(log, sabotage, 2)
            await log.fence()
            states, changes = [[one.value for one in await read_all(settings, topic, partition)] for topic in topics]
        assert states == [b"state-1", b"mark-1", b"state-2", b"mark-2"]
        assert changes == [b"change-1", b"change-2"]
        assert sabotage.late_answer in (INVALID_PRODUCER_EPOCH, PRODUCER_FENCED)

    asyncio.run(scenario())
