"""The view while another Redis replaces the one that it knew, and connections to the old one stay open."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from etapa.journey.units import DAY
from etapa.stream.protocol.ports import ViewError
from etapa.stream.redis.client import connect, disconnect
from etapa.stream.redis.view import RedisView
from tests.faults.installation.network import Network, NetworkLink
from tests.integration.outcome import check, end_of, followed, put_touchpoints, records_of, until
from tests.integration.places import new_place, new_settings
from tests.integration.redis_views import customers, mark
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import free_ports, wait_until
from tests.servers.redis_server import RedisCluster, RedisSentinel, RedisServer
from tests.support.clickstream import clickstream

pytestmark = pytest.mark.redis


@pytest.fixture
def link() -> Iterator[NetworkLink]:
    network = Network()
    yield network.link("redis")
    network.close()


class Pair:
    """A primary behind `link`, and its replica."""

    def __init__(self, folder: Path, link: NetworkLink) -> None:
        self._link = link
        self.primary, self.replica = (RedisServer(folder / name, "--repl-diskless-sync-delay", "0") for name in ("a", "b"))

    def start(self) -> None:
        for server in (self.primary, self.replica):
            server.start()
        self.follow(self.replica, self.primary.port)
        wait_until(self._is_replicated, 30, "the replica's following its primary")
        self._link.lead_to(self.primary.port)

    def stop(self) -> None:
        for server in (self.primary, self.replica):
            server.stop()

    def follow(self, server: RedisServer, port: int | None) -> None:
        with server.client() as client:
            client.execute_command("REPLICAOF", *(("NO", "ONE") if port is None else ("127.0.0.1", port)))

    def change_places(self) -> None:
        """Promote the replica and let the address lead to it. The old primary follows it; connections to the old primary stay open."""
        wait_until(self._is_replicated, 30, "the replica's having everything")
        self.follow(self.replica, None)
        self._link.lead_new_to(self.replica.port)
        self.follow(self.primary, self.replica.port)

    def isolate_old(self) -> None:
        """As `change_places`, but the old primary does not find the new one, and says so when asked."""
        wait_until(self._is_replicated, 30, "the replica's having everything")
        self.follow(self.replica, None)
        self._link.lead_new_to(self.replica.port)
        with self.primary.client() as client:
            client.config_set("replica-serve-stale-data", "no")
        self.follow(self.primary, free_ports(1)[0])

    def _is_replicated(self) -> bool:
        with self.replica.client() as there, self.primary.client() as here:
            behind: Any = there.info("replication")
            ahead: Any = here.info("replication")
        return bool(behind["master_link_status"] == "up" and behind["slave_repl_offset"] == ahead["master_repl_offset"])


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[list[RedisView]]:
    """Views of three partitions that share a client."""
    settings = new_settings("127.0.0.1:1", url, partitions=3)
    client = connect(settings)
    try:
        yield [RedisView(settings, client, partition) for partition in range(3)]
    finally:
        await disconnect(client)


@pytest.fixture
def pair(tmp_path: Path, link: NetworkLink) -> Iterator[Pair]:
    pair = Pair(tmp_path, link)
    try:
        pair.start()
        yield pair
    finally:
        pair.stop()


@pytest.fixture(params=["server", "sentinel"])
def url(request: pytest.FixtureRequest, tmp_path: Path, pair: Pair, link: NetworkLink) -> Iterator[str]:
    """The URL of the address, or of a Sentinel that names it."""
    if request.param == "server":
        yield f"redis://127.0.0.1:{link.port}/0"
        return
    sentinel = RedisSentinel(tmp_path / "sentinel", link.port)
    try:
        sentinel.start()
        yield sentinel.url
    finally:
        sentinel.stop()


async def use(views: list[RedisView], follows: int | None, next_mark: int) -> list[str]:
    outcomes = await asyncio.gather(*(view.apply(follows, mark(next_mark), customers(("a", "s", None))) for view in views))
    return list(outcomes)


def test_after_a_demotion_behind_the_address_the_next_write_is_to_the_new_primary(pair: Pair, url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as views:
            assert await use(views, None, 1) == ["applied"] * 3
            pair.change_places()
            assert await use(views, 1, 2) == ["applied"] * 3
            assert [await view.mark() for view in views] == [mark(2)] * 3

    asyncio.run(scenario())


def test_reading_leaves_a_demoted_server_that_lost_its_primary(pair: Pair, url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as views:
            assert await use(views, None, 1) == ["applied"] * 3
            pair.isolate_old()
            assert [(await view.load(["a"], None, 1)).mark for view in views] == [mark(1)] * 3

    asyncio.run(scenario())


@pytest.mark.kafka
@pytest.mark.parametrize("fails_over", [Pair.change_places, Pair.isolate_old], ids=["demoted", "without a primary"])
def test_a_worker_that_keeps_its_connections_to_a_demoted_server_goes_on_with_the_new_primary(
    fails_over: Callable[[Pair], None], pair: Pair, link: NetworkLink, kafka_server: KafkaServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        options: dict[str, Any] = {"partitions": 2, "batch_records": 150, "session_timeout": 6_000_000, "quiet_after": DAY}
        settings = await new_place(kafka_server.bootstrap_servers, f"redis://127.0.0.1:{link.port}/0", **options)
        stream = clickstream()[:3000]
        until_time, last = end_of(settings, stream)
        records = [*records_of(stream), *last]
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, records[:1000])
            await progress.wait_through()
            await asyncio.to_thread(worker.wait_ready, 2)
            # Its next batches reach the old server, on connections that stay as they are.
            await asyncio.to_thread(fails_over, pair)
            await put_touchpoints(settings, records[1000:])
            await progress.wait_through()
        with pair.replica.client() as client:
            await check(settings, client, [value for _, value in records], until_time)
        await asyncio.to_thread(worker.wait_ready, 2)
        assert "Traceback" not in worker.said()
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())


def test_a_cluster_that_comes_back_elsewhere_is_found_at_the_address_of_the_url(tmp_path: Path, link: NetworkLink) -> None:
    async def scenario() -> None:
        async with opened(f"redis+cluster://127.0.0.1:{link.port}") as views:
            link.lead_to(before.nodes[0].port)
            assert await use(views, None, 1) == ["applied"] * 3
            # Gone without a trace: connections are not even refused.
            for node in before.nodes:
                node.freeze()
            link.lead_to(after.nodes[0].port)

            async def is_found() -> bool:
                try:
                    return await use(views, None, 1) == ["applied"] * 3
                except ViewError:
                    return False

            await until(is_found, "the Cluster's being found again", 180)

    before, after = RedisCluster(tmp_path / "before"), RedisCluster(tmp_path / "after")
    try:
        before.start()
        after.start()
        asyncio.run(scenario())
    finally:
        before.stop()
        after.stop()
