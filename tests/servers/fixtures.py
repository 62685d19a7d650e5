"""Servers as pytest fixtures: started for the first test that needs one, one of each for the whole run."""

import contextlib
from collections.abc import Iterator
from typing import Protocol, TypeVar

import pytest

from tests.servers.guarded_kafka import GuardedKafka
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisCluster, RedisSentinel, RedisServer
from tests.servers.token_server import TokenServer


class _Server(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...


S = TypeVar("S", bound=_Server)


@contextlib.contextmanager
def _started(server: S) -> Iterator[S]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A single-node Kafka. Tests that stop or freeze it start their own."""
    with _started(KafkaServer(tmp_path_factory.mktemp("kafka"))) as server:
        yield server


@pytest.fixture(scope="session")
def token_server() -> Iterator[TokenServer]:
    """The server whose tokens the guarded Kafka accepts."""
    with TokenServer() as server:
        yield server


@pytest.fixture(scope="session")
def guarded_kafka(tmp_path_factory: pytest.TempPathFactory, token_server: TokenServer) -> Iterator[GuardedKafka]:
    """A Kafka with a listener for each way to log in. Tests that give rights on more than topics of their own take them back."""
    guarded = GuardedKafka(tmp_path_factory.mktemp("guarded-kafka"), token_server.keys_url)
    try:
        guarded.server.start()
        yield guarded
    finally:
        guarded.server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A standalone Redis. Tests that stop or freeze it start their own."""
    with _started(RedisServer(tmp_path_factory.mktemp("redis"))) as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with _started(RedisCluster(tmp_path_factory.mktemp("redis-cluster"))) as server:
        yield server


@pytest.fixture(scope="session")
def redis_sentinel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSentinel]:
    with _started(RedisSentinel(tmp_path_factory.mktemp("redis-sentinel"))) as server:
        yield server
