import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from etapa.contracts.partitioner import partition_of
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.readers import BeingRebuilt
from etapa.stream.protocol.records import Applied
from etapa.stream.redis.address import RedisUrlError
from etapa.stream.redis.client import RedisClient, connect, disconnect
from etapa.stream.redis.reader import ViewReader
from etapa.stream.redis.view import RedisView
from tests.integration.places import new_settings
from tests.integration.redis_views import customers, mark
from tests.servers.redis_server import RedisCluster, RedisSentinel, RedisServer

pytestmark = pytest.mark.redis


@pytest.fixture(params=["server", "cluster", "sentinel"])
def redis_url(request: pytest.FixtureRequest) -> str:
    """Each kind of Redis that a URL can name."""
    server: RedisServer | RedisCluster | RedisSentinel = request.getfixturevalue(f"redis_{request.param}")
    return server.url


@contextlib.asynccontextmanager
async def opened(url: str, **others: Any) -> AsyncIterator[tuple[RedisView, ViewReader, RedisClient]]:
    settings = new_settings("127.0.0.1:1", url, **{"partitions": 3, **others})
    client = connect(settings)
    try:
        yield RedisView(settings, client, 1), ViewReader(settings, client), client
    finally:
        await disconnect(client)


async def everything(view: RedisView, client: Any) -> tuple[dict[str, Any], ...]:
    keys = view._keys
    hashes = [{key.decode(): value for key, value in (await client.hgetall(name)).items()} for name in (keys.stage, keys.state)]
    return *hashes, dict(await view.counts()), {key.decode(): due for key, due in await client.zrange(keys.timers, 0, -1, withscores=True)}


def test_what_is_applied_can_be_loaded_with_its_mark(redis_url: str) -> None:
    async def scenario() -> None:
        async with opened(redis_url) as (view, _, _):
            assert await view.mark() is None
            empty = await view.load(["a"], 5, 5)
            assert (empty.mark, empty.states, list(empty.due), empty.more_due) == (None, [None], [], False)
            assert await view.apply(None, mark(4), customers(("a", "s1", None), ("b", "s2", 70))) == "applied"
            assert await view.mark() == mark(4)
            loaded = await view.load(["b", "nobody", "a"], None, 10)
            assert loaded.mark == mark(4)
            assert loaded.states == [b"b in s2\xff\x00", None, b"a in s1\xff\x00"]
            assert loaded.due == []
            assert await view.counts() == {"s1": 1, "s2": 1}

    asyncio.run(scenario())


def test_a_mark_without_a_stream_time_and_one_of_an_unfinished_rebuild_come_back_as_they_were(redis_url: str) -> None:
    async def scenario() -> None:
        async with opened(redis_url) as (view, _, _):
            unfinished = mark(4, stream_time=None, through=-1, complete=False)
            assert await view.apply(None, unfinished, []) == "applied"
            assert await view.mark() == unfinished

    asyncio.run(scenario())


def test_the_chain_tolerates_no_gap_and_a_repeat_changes_nothing(redis_url: str) -> None:
    async def scenario() -> None:
        async with opened(redis_url) as (view, _, client):
            await view.apply(None, mark(4), customers(("a", "s1", 5)))
            before = await everything(view, client)
            assert await view.apply(None, mark(4), customers(("a", "other", 6))) == "already"
            assert await view.apply(None, mark(5), customers(("a", "other", 6))) == "refused"
            assert await view.apply(3, mark(5), customers(("a", "other", 6))) == "refused"
            assert await everything(view, client) == before
            assert await view.apply(4, mark(9), customers(("a", "s2", None))) == "applied"
            assert await view.apply(4, mark(9), customers(("a", "s3", None))) == "already"
            assert await view.mark() == mark(9)
            stages, _, counts, timers = await everything(view, client)
            assert (stages, counts, timers) == ({"a": b"s2"}, {"s2": 1}, {})

    asyncio.run(scenario())


def test_a_mark_that_follows_is_refused_by_an_empty_view(redis_url: str) -> None:
    async def scenario() -> None:
        async with opened(redis_url) as (view, _, _):
            assert await view.apply(4, mark(5), customers(("a", "s", None))) == "refused"
            assert await view.mark() is None

    asyncio.run(scenario())


def test_the_first_apply_removes_what_was_left_without_a_mark(redis_url: str) -> None:
    async def scenario() -> None:
        async with opened(redis_url) as (view, _, client):
            await view.apply(None, mark(4), customers(("old", "s1", 5)))
            await client.delete(view._keys.mark)
            assert await view.apply(None, mark(2), customers(("new", "s2", None))) == "applied"
            assert await everything(view, client) == ({"new": b"s2"}, {"new": b"new in s2\xff\x00"}, {"s2": 1}, {})

    asyncio.run(scenario())


def test_an_erased_customer_leaves_nothing(redis_url: str) -> None:
    async def scenario() -> None:
        async with opened(redis_url) as (view, _, client):
            await view.apply(None, mark(1), customers(("a", "s1", 5), ("b", "s1", None)))
            await view.apply(1, mark(2), [Applied("a", "s1", 5, None), Applied("never-there", "s1", None, None)])
            stages, states, counts, timers = await everything(view, client)
            assert (stages, list(states), counts, timers) == ({"b": b"s1"}, ["b"], {"s1": 1}, {})

    asyncio.run(scenario())


def test_new_known_and_erased_customers_of_one_batch_are_counted_where_they_are(redis_url: str) -> None:
    async def scenario() -> None:
        async with opened(redis_url) as (view, _, client):
            await view.apply(None, mark(1), customers(("moves", "s1", 5), ("stays", "s1", None), ("goes", "s1", 6)))
            batch = [*customers(("new", "s2", 7), ("moves", "s2", None), ("stays", "s1", 8)), Applied("goes", "", None, None)]
            assert await view.apply(1, mark(2), batch) == "applied"
            stages, states, counts, timers = await everything(view, client)
            assert stages == {"new": b"s2", "moves": b"s2", "stays": b"s1"}
            assert states == {"new": b"new in s2\xff\x00", "moves": b"moves in s2\xff\x00", "stays": b"stays in s1\xff\x00"}
            assert (counts, timers) == ({"s1": 1, "s2": 2}, {"new": 7.0, "stays": 8.0})
            # No customer with a state was known.
            assert await view.apply(2, mark(3), [*customers(("newer", "s1", None)), Applied("moves", "", None, None)]) == "applied"
            stages, states, counts, timers = await everything(view, client)
            assert (stages, set(states)) == ({"new": b"s2", "stays": b"s1", "newer": b"s1"}, {"new", "stays", "newer"})
            assert (counts, timers) == ({"s1": 2, "s2": 1}, {"new": 7.0, "stays": 8.0})

    asyncio.run(scenario())


def test_a_customer_whose_state_alone_is_gone_is_not_counted_twice(redis_url: str) -> None:
    async def scenario() -> None:
        async with opened(redis_url) as (view, _, client):
            await view.apply(None, mark(1), customers(("a", "s1", 5), ("b", "s1", None)))
            await client.hdel(view._keys.state, "a")
            assert await view.apply(1, mark(2), customers(("a", "s2", None))) == "applied"
            stages, _, counts, timers = await everything(view, client)
            assert (stages, counts, timers) == ({"a": b"s2", "b": b"s1"}, {"s1": 1, "s2": 1}, {})

    asyncio.run(scenario())


def test_due_timers_come_in_order_with_their_states_up_to_the_limit(redis_url: str) -> None:
    async def scenario() -> None:
        due = 1_763_719_200_000_001
        async with opened(redis_url) as (view, _, _):
            everybody = customers(("late", "s", due + 2), ("b", "s", due), ("ñ", "s", due), ("a", "s", due), ("first", "s", due - 1))
            await view.apply(None, mark(1), everybody)
            loaded = await view.load(["late"], due, 3)
            assert [(one.customer_id, one.due) for one in loaded.due] == [("first", due - 1), ("a", due), ("b", due)]
            assert loaded.due[1].state == b"a in s\xff\x00"
            assert loaded.more_due
            assert loaded.states == [b"late in s\xff\x00"]
            everyone = await view.load([], due, 4)
            assert [one.customer_id for one in everyone.due] == ["first", "a", "b", "ñ"]
            assert not everyone.more_due

    asyncio.run(scenario())


def test_twenty_thousand_customers_are_applied_and_loaded_at_once(redis_url: str) -> None:
    async def scenario() -> None:
        many = [(f"c-{number:05}", f"s{number % 3}", number if number % 2 else None) for number in range(20_000)]
        async with opened(redis_url) as (view, _, client):
            assert await view.apply(None, mark(1), customers(*many)) == "applied"
            assert await view.counts() == {"s0": 6667, "s1": 6667, "s2": 6666}
            moved = [(id_, "s0", None) for id_, _, _ in many]
            loaded = await view.load([id_ for id_, _, _ in many], 10**6, 20_000)
            assert loaded.states == [one.state for one in customers(*many)]
            assert [one.due for one in loaded.due] == list(range(1, 20_000, 2))
            assert await view.apply(1, mark(2), customers(*moved)) == "applied"
            _, _, counts, timers = await everything(view, client)
            assert (counts, timers) == ({"s0": 20_000}, {})

    asyncio.run(scenario())


def test_scripts_that_the_server_forgot_are_sent_again(redis_server: RedisServer) -> None:
    async def scenario() -> None:
        async with opened(redis_server.url) as (view, _, client):
            await view.apply(None, mark(1), customers(("a", "s", None)))
            await client.script_flush()
            assert await view.apply(1, mark(2), customers(("a", "s", None))) == "applied"
            await client.script_flush()
            assert (await view.load(["a"], None, 1)).mark == mark(2)

    asyncio.run(scenario())


def test_a_key_of_a_wrong_type_is_an_error_before_anything_is_written(redis_server: RedisServer) -> None:
    async def scenario() -> None:
        async with opened(redis_server.url) as (view, _, client):
            await view.apply(None, mark(1), customers(("a", "s", 5)))
            await client.delete(view._keys.timers)
            await client.set(view._keys.timers, "mine")
            with pytest.raises(ViewError, match="WRONGTYPE"):
                await view.apply(1, mark(2), customers(("a", "t", 6)))
            assert await client.hgetall(view._keys.stage) == {b"a": b"s"}
            assert await view.mark() == mark(1)

    asyncio.run(scenario())


def test_a_mark_that_makes_no_sense_is_an_error_that_says_what_to_do(redis_server: RedisServer) -> None:
    async def scenario() -> None:
        async with opened(redis_server.url) as (view, _, client):
            await client.hset(view._keys.mark, mapping={"state_offset": "many"})
            with pytest.raises(ViewError, match=r"Delete .*:mark and the view is rebuilt"):
                await view.mark()

    asyncio.run(scenario())


def test_a_redis_that_stalls_or_is_gone_is_a_view_error(tmp_path: Any) -> None:
    async def scenario(server: RedisServer) -> None:
        async with opened(server.url, redis_timeout=300_000) as (view, reader, _):
            await view.apply(None, mark(1), customers(("a", "s", 5)))
            server.freeze()
            for call in (view.mark(), view.load(["a"], None, 1), view.apply(1, mark(2), []), reader.takes_writes()):
                with pytest.raises(ViewError, match=r"did not answer within 0\.3 s"):
                    await call
            server.thaw()
            assert (await view.load(["a"], None, 1)).mark is not None
            server.kill()
            with pytest.raises(ViewError):
                await view.mark()
            server.start()
            assert await view.mark() is None

    server = RedisServer(tmp_path)
    try:
        server.start()
        asyncio.run(scenario(server))
    finally:
        server.stop()


def test_readers_find_counts_and_customers_over_all_partitions(redis_url: str) -> None:
    async def scenario() -> None:
        settings = new_settings("127.0.0.1:1", redis_url, partitions=5)
        client = connect(settings)
        try:
            reader = ViewReader(settings, client)
            assert await reader.partition_count() is None
            assert await reader.customer("c-1") is None
            ids = [f"c-{number}" for number in range(30)]
            # The view was created with three partitions, whatever the reader's settings say.
            by_partition: dict[int, Sequence[Applied]] = {
                number: customers(*((id_, "s1" if id_ < "c-2" else "s2", None) for id_ in ids if partition_of(id_, 3) == number))
                for number in range(3)
            }
            for number in (1, 2):
                await RedisView(settings, client, number).apply(None, mark(1), by_partition[number])
            seen = await reader.stage_counts()
            assert (sum(seen.counts.values()), seen.partitions, seen.missing) == (len(by_partition[1]) + len(by_partition[2]), 3, [0])
            await RedisView(settings, client, 0).apply(None, mark(1, complete=False), by_partition[0])
            seen = await reader.stage_counts()
            assert (sum(seen.counts.values()), seen.missing) == (len(by_partition[1]) + len(by_partition[2]), [0])
            await RedisView(settings, client, 0).apply(1, mark(2), [])
            seen = await reader.stage_counts()
            assert (seen.counts, seen.missing) == ({"s1": 12, "s2": 18}, [])
            found = await reader.customer("c-7")
            assert found is not None
            assert (found.partition, found.stage, found.state) == (partition_of("c-7", 3), "s2", b"c-7 in s2\xff\x00")
            await reader.takes_writes()
            assert await reader.eviction_policy_problem() is None
        finally:
            await disconnect(client)

    asyncio.run(scenario())


def test_a_customer_of_a_partition_that_is_being_rebuilt_is_not_known_rather_than_unknown(redis_url: str) -> None:
    async def scenario() -> None:
        settings = new_settings("127.0.0.1:1", redis_url, partitions=3)
        client = connect(settings)
        reader = ViewReader(settings, client)
        shown = {number: f"c-{next(n for n in range(99) if partition_of(f'c-{n}', 3) == number)}" for number in range(3)}
        views = [RedisView(settings, client, number) for number in range(3)]
        try:
            for number, view in enumerate(views):
                await view.apply(None, mark(1), customers((shown[number], "s1", None)))
            # To be rebuilt, then half rebuilt: neither old remains nor missing customers are reported.
            await client.delete(views[1]._keys.mark)
            with pytest.raises(BeingRebuilt, match="partition 1 of the view is being rebuilt"):
                await reader.customer(shown[1])
            await views[1].apply(None, mark(1, complete=False), [])
            with pytest.raises(BeingRebuilt, match="partition 1"):
                await reader.customer(shown[1])
            assert (await reader.stage_counts()).missing == [1]
            assert await reader.customer(shown[0]) is not None
            await views[1].apply(1, mark(2), customers((shown[1], "s1", None)))
            assert await reader.customer(shown[1]) is not None
            for view in views:
                await client.delete(view._keys.mark)
            with pytest.raises(BeingRebuilt, match="no mark"):
                await reader.customer(shown[0])
        finally:
            await disconnect(client)

    asyncio.run(scenario())


def test_a_redis_that_may_throw_states_away_is_told(tmp_path: Any) -> None:
    async def scenario(server: RedisServer) -> None:
        async with opened(server.url) as (_, reader, _):
            assert "maxmemory-policy allkeys-lru" in str(await reader.eviction_policy_problem())

    server = RedisServer(tmp_path, "--maxmemory-policy", "allkeys-lru")
    try:
        server.start()
        asyncio.run(scenario(server))
    finally:
        server.stop()


def test_a_url_of_sentinels_names_a_service() -> None:
    with pytest.raises(RedisUrlError, match="names no service"):
        connect(new_settings("127.0.0.1:1", "redis+sentinel://127.0.0.1:26379"))
