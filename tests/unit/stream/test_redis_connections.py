"""What a Redis client does when a server answers that it is not the right one. Each server here gives only one answer."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from etapa.commands.terminal.servers import redis_trouble
from etapa.settings import Settings
from etapa.settings.values import RedisUrl
from etapa.stream.protocol.ports import ViewError
from etapa.stream.redis.client import connect, disconnect
from etapa.stream.redis.errors import view_errors

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
        self._made_to_say: dict[asyncio.StreamWriter, bytes] = {}

    def demote(self, answer: bytes, successor: bytes) -> None:
        """Set the answers for existing and for new connections."""
        self._made_to_say = dict.fromkeys(self._made_to_say, answer)
        self.answer = successor

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._made_to_say[writer] = self.answer
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                count = int((await reader.readuntil(b"\r\n"))[1:])
                words = []
                for _ in range(count):
                    length = int((await reader.readuntil(b"\r\n"))[1:])
                    words.append((await reader.readexactly(length + 2))[:-2])
                is_asked = words[0] == b"GET"
                answer = self._made_to_say[writer] if is_asked else b"+OK"
                self.asked[answer] += is_asked
                writer.write(answer + b"\r\n")
        writer.close()


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Place]:
    place = Place()
    async with await asyncio.start_server(place.serve, "127.0.0.1", 0) as server:
        place.port = server.sockets[0].getsockname()[1]
        yield place


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
