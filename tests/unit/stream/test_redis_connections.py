"""What a Redis client does when a server answers that it is not the right one. Each server here gives only one answer."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from etapa.commands.terminal.servers import redis_trouble
from etapa.settings import Settings
from etapa.settings.values import RedisUrl
from etapa.stream.protocol.ports import ViewError
from etapa.stream.redis.client import connect, disconnect
from etapa.stream.redis.connections import Era, NodeConnection, PlainConnection
from etapa.stream.redis.errors import view_errors
from tests.servers.local_tcp import tcp_server

ANSWERS = {
    "a replica": b"-READONLY You can't write against a read only replica.",
    "a replica, in a script of Redis 7": b"-READONLY You can't write against a read only replica. script: 1f, on @user_script:36.",
    "a replica, in a script of Redis 6": b"-ERR Error running script (call to f_1f): @user_script:36: -READONLY You can't write against it.",
    "a replica without its primary": b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "a server that reads its data": b"-LOADING Redis is loading the dataset in memory",
    "a primary whose replicas left it": b"-NOREPLICAS Not enough good replicas to write.",
    "a cluster that is not whole": b"-CLUSTERDOWN The cluster is down",
    "a cluster that moves it": b"-TRYAGAIN Multiple keys request during rehashing of slot",
}
WRONG_QUESTIONS = {
    "a value of another type": b"-WRONGTYPE Operation against a key holding the wrong kind of value",
    "a full memory": b"-OOM command not allowed when used memory > 'maxmemory'.",
    "a word in the middle": b"-ERR unknown command 'READONLY-ish'",
}


class Place:
    """An address. Its answer to `GET` depends on when the connection was made; everything else is answered with OK."""

    def __init__(self) -> None:
        self.answer = b"+old"
        self.port = 0
        self.asked: Counter[bytes] = Counter()
        self.others: dict[bytes, bytes] = {}
        self._made_to_say: dict[asyncio.StreamWriter, bytes] = {}

    def demote(self, answer: bytes, successor: bytes) -> None:
        """Set the answers for existing and for new connections."""
        self._made_to_say = dict.fromkeys(self._made_to_say, answer)
        self.answer = successor

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._made_to_say[writer] = self.answer
        while True:
            count = int((await reader.readuntil(b"\r\n"))[1:])
            words = []
            for _ in range(count):
                length = int((await reader.readuntil(b"\r\n"))[1:])
                words.append((await reader.readexactly(length + 2))[:-2])
            is_asked = words[0] == b"GET"
            answer = self._made_to_say[writer] if is_asked else self.others.get(words[0], b"+OK")
            self.asked[answer] += is_asked
            writer.write(answer + b"\r\n")


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Place]:
    place = Place()
    async with tcp_server(place.serve) as place.port:
        yield place


@contextlib.asynccontextmanager
async def opened_cluster() -> AsyncIterator[str]:
    """The URL of a Cluster of one node, which answers `GET` by sending the client to a node that is not in its list."""
    place = Place()
    async with tcp_server(place.serve) as place.port:
        place.answer = b"-ASK 7629 127.0.0.1:1"
        node = b"*4\r\n$9\r\n127.0.0.1\r\n:%d\r\n$40\r\n%s\r\n*0" % (place.port, b"a" * 40)
        place.others = {b"CLUSTER": b"*1\r\n*3\r\n:0\r\n:16383\r\n" + node, b"COMMAND": b"*0", b"INFO": b"$0\r\n"}
        yield f"redis+cluster://127.0.0.1:{place.port}"


def settings_for(place: Place) -> Settings:
    return Settings(redis_url=RedisUrl(f"redis://127.0.0.1:{place.port}/0"))


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_no_connection_is_kept_to_a_server_that_is_not_the_one_any_more(answer: bytes) -> None:
    async def scenario() -> None:
        async with opened() as place:
            client = connect(settings_for(place))
            try:
                first = await asyncio.gather(*(client.get(f"k{number}") for number in range(5)))
                assert first == [b"old"] * 5
                place.demote(answer, b"+new")
                assert await client.get("k") == b"new"
                assert await asyncio.gather(*(client.get(f"k{number}") for number in range(5))) == [b"new"] * 5
            finally:
                await disconnect(client)
        # The four others were closed without being used.
        assert place.asked[answer] == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("answer", WRONG_QUESTIONS.values(), ids=WRONG_QUESTIONS)
def test_an_error_of_the_command_costs_no_connection(answer: bytes) -> None:
    async def scenario() -> None:
        async with opened() as place:
            client = connect(settings_for(place))
            try:
                await client.get("k")
                place.demote(answer, b"+new")
                for _ in range(2):
                    with pytest.raises(ViewError, match=answer.decode().rpartition(" ")[2]):
                        async with view_errors("asking", 5.0):
                            await client.get("k")
            finally:
                await disconnect(client)
        assert (place.asked[answer], place.asked[b"+new"]) == (2, 0)

    asyncio.run(scenario())


async def ask(client: Any, pipelined: bool) -> None:
    if pipelined:
        pipe = client.pipeline(transaction=False)
        pipe.get("k")
        await pipe.execute()
    else:
        await client.get("k")


@pytest.mark.parametrize("pipelined", [False, True])
def test_where_nobody_else_is_found_a_command_says_what_was_answered(pipelined: bool) -> None:
    async def scenario() -> tuple[Settings, ViewError]:
        async with opened() as place:
            place.answer = ANSWERS["a replica"]
            settings = settings_for(place)
            client = connect(settings)
            try:
                with pytest.raises(ViewError) as raised:
                    async with view_errors("asking", 5.0):
                        await ask(client, pipelined)
            finally:
                await disconnect(client)
        return settings, raised.value

    told = redis_trouble(*asyncio.run(scenario()))
    assert "it does not act as a primary (READONLY You can't write against a read only replica)" in told
    assert "ETAPA_REDIS_URL" in told


@pytest.mark.parametrize(
    "connection_to",
    [
        lambda port: NodeConnection(host="127.0.0.1", port=port, socket_timeout=5),
        lambda port: PlainConnection(era=Era(), host="127.0.0.1", port=port, socket_timeout=5),
    ],
    ids=["cluster", "server"],
)
def test_a_connection_that_another_task_closes_while_a_command_is_written_counts_as_lost(
    connection_to: Callable[[int], Connection],
) -> None:
    async def scenario() -> None:
        async with opened() as place:
            connection = connection_to(place.port)
            await connection.connect()  # type: ignore[no-untyped-call]
            sending = asyncio.create_task(connection._send_packed_command([connection.pack_command("GET", "k")[0]]))
            await connection.disconnect(nowait=True)
            with pytest.raises(RedisConnectionError, match="closed before the command was sent"):
                await sending

    asyncio.run(scenario())


class BrokenTransport:
    """The writer of a connection whose transport some Python versions have taken apart after the peer went."""

    def writelines(self, data: object) -> None:
        message = "'NoneType' object is not callable"
        raise TypeError(message)

    def is_closing(self) -> bool:
        return True


def test_a_transport_that_was_taken_apart_counts_as_lost() -> None:
    connection: Any = NodeConnection(host="127.0.0.1", port=1)
    connection._writer = BrokenTransport()
    with pytest.raises(RedisConnectionError, match="lost before the command was sent"):
        asyncio.run(connection._send_packed_command([b"PING"]))
    connection._writer = None


def test_a_cluster_that_sends_us_to_a_node_that_it_did_not_name_is_an_error_of_redis() -> None:
    async def scenario() -> None:
        async with opened_cluster() as url:
            client = connect(Settings(redis_url=RedisUrl(url)))
            try:
                with pytest.raises(ViewError, match="a node of the Cluster went away or is not known yet"):
                    async with view_errors("asking", 5.0):
                        await client.get("k")
            finally:
                await disconnect(client)

    asyncio.run(scenario())


@pytest.mark.parametrize("together", [2, 3])
def test_however_many_wait_for_a_vanished_cluster_its_addresses_in_the_url_are_asked_next(together: int) -> None:
    async def answers_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def scenario() -> None:
        async with opened_cluster() as url, tcp_server(answers_nothing) as port:
            client: Any = connect(Settings(redis_url=RedisUrl(url)))
            try:
                await client.initialize()
                await client.nodes_manager.aclose()
                await client.nodes_manager.aclose("startup_nodes")
                node = ClusterNode("127.0.0.1", port, **client.connection_kwargs)
                client.nodes_manager.startup_nodes = client.nodes_manager.nodes_cache = {node.name: node}
                client._initialize, client._asks_seeds = True, False
                asked = [asyncio.create_task(client.initialize()) for _ in range(together)]
                await asyncio.wait(asked, timeout=0.2)
                for each in asked:
                    each.cancel()
                await asyncio.gather(*asked, return_exceptions=True)
                assert list(client.nodes_manager.startup_nodes) == [url.removeprefix("redis+cluster://")]
            finally:
                await node.disconnect()
                await disconnect(client)

    asyncio.run(scenario())


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"])
def test_no_client_has_a_connection_that_is_lost_in_another_way(scheme: str) -> None:
    client: Any = connect(Settings(redis_url=RedisUrl(f"{scheme}://127.0.0.1:1{'/etapa/0' if 'sentinel' in scheme else ''}")))
    if "cluster" in scheme:
        nodes = [*client.startup_nodes, ClusterNode("127.0.0.1", 2, **client.connection_kwargs)]
        classes = [node.connection_class for node in nodes]
    else:
        classes = [client.connection_pool.connection_class]
    if "sentinel" in scheme:
        classes += [one.connection_pool.connection_class for one in client.connection_pool.sentinel_manager.sentinels]
    assert len(classes) == (1 if scheme in {"redis", "rediss"} else 2)
    for each in classes:
        assert each._send_packed_command is not Connection._send_packed_command
        assert issubclass(each, SSLConnection) == scheme.startswith("rediss")
