"""Servers as pytest fixtures: started at the first test that asks, one of each for the whole run."""

from collections.abc import Iterator

import pytest

from tests.servers.guarded_kafka import GuardedKafka
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisCluster, RedisSentinel, RedisServer
from tests.servers.token_server import TokenServer


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A single-node Kafka. Tests that stop or freeze it bring one of their own."""
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def token_server() -> Iterator[TokenServer]:
    """Whose tokens the Kafka with many doors takes."""
    server = TokenServer()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def guarded_kafka(tmp_path_factory: pytest.TempPathFactory, token_server: TokenServer) -> Iterator[GuardedKafka]:
    """A Kafka with many doors. Tests that change what it lets people do bring one of their own."""
    guarded = GuardedKafka(tmp_path_factory.mktemp("guarded-kafka"), token_server.keys_url)
    try:
        guarded.server.start()
        yield guarded
    finally:
        guarded.server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A standalone Redis. Tests that stop or freeze it bring one of their own."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    cluster = RedisCluster(tmp_path_factory.mktemp("redis-cluster"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def redis_sentinel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSentinel]:
    sentinel = RedisSentinel(tmp_path_factory.mktemp("redis-sentinel"))
    try:
        sentinel.start()
        yield sentinel
    finally:
        sentinel.stop()
