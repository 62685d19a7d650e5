"""Which servers a Kafka client asks when no broker that it knows answers."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataResponse_v1

from etapa.settings import Settings
from etapa.stream.kafka.clients import found_again
from etapa.stream.kafka.clients.access import Access
from etapa.stream.kafka.clients.found_again import FindsAgain, find_again
from etapa.stream.kafka.cluster import Cluster

MOVED = MetadataResponse_v1([(1, "new", 9092, None)], 1, [(0, "t", False, [(0, 0, 1, [1], [1])])])


class Connection:
    def __init__(self) -> None:
        self.closed = False

    async def send(self, request: Any) -> MetadataResponse_v1:
        return MOVED

    def close(self, reason: object) -> None:
        self.closed = True


def answering(places: dict[str, Connection]) -> Callable[..., Any]:
    async def create(host: str, port: int, **_: Any) -> Connection:
        if host not in places:
            raise KafkaConnectionError(f"nobody at {host}")
        return places[host]

    return create


def test_when_all_brokers_are_gone_the_addresses_of_the_settings_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        client = AIOKafkaClient(bootstrap_servers="away:1,there:2")
        find_again(client, Access(Settings()))
        client.cluster.update_metadata(MetadataResponse_v1([(1, "old", 9092, None)], 1, []))
        there = Connection()
        monkeypatch.setattr("aiokafka.client.create_conn", answering({}))
        monkeypatch.setattr(found_again, "create_conn", answering({"there": there}))
        assert await client._metadata_update(client.cluster, {"t"})
        assert [broker.host for broker in client.cluster.brokers()] == ["new"]
        assert client.cluster.partitions_for_topic("t") == {0}
        assert there.closed

    asyncio.run(scenario())


def test_while_nobody_answers_anywhere_what_is_known_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        client = AIOKafkaClient(bootstrap_servers="away:1")
        find_again(client, Access(Settings()))
        client.cluster.update_metadata(MOVED)
        monkeypatch.setattr("aiokafka.client.create_conn", answering({}))
        monkeypatch.setattr(found_again, "create_conn", answering({}))
        assert not await client._metadata_update(client.cluster, {"t"})
        assert client.cluster.partitions_for_topic("t") == {0}

    asyncio.run(scenario())


def test_every_client_that_is_opened_does_so() -> None:
    async def scenario() -> None:
        cluster = Cluster(Settings())
        consumers, producer = [cluster.group_consumer(), cluster.reading_consumer()], cluster.producer("p")
        clients = [*(consumer._client for consumer in consumers), producer.client]
        assert all(isinstance(client, FindsAgain) for client in clients)
        for each in (*consumers, producer):
            await each.stop()

    asyncio.run(scenario())
