"""Readers of the view find a customer who moves between partitions, count it once, and say so while it is at neither."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import msgspec
import pytest

from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.forwarding import NO_STAGE, ForwardingAddress, encode_forwarding
from etapa.contracts.stored.transfer import TopicLayout
from etapa.stream.protocol.readers import BeingRebuilt, OnTheWay
from etapa.stream.protocol.records import Applied
from etapa.stream.redis.client import RedisClient, connect, disconnect
from etapa.stream.redis.customer_search import MOST_HOPS
from etapa.stream.redis.reader import ViewReader
from etapa.stream.redis.view import PartitionKeys, RedisView
from tests.integration.places import new_settings
from tests.integration.redis_views import customers, mark
from tests.servers.redis_server import RedisServer

pytestmark = pytest.mark.redis

BEFORE, AFTER = 2, 3
MOVER = next(name for name in map(str, range(99)) if (partition_of(name, BEFORE), partition_of(name, AFTER)) == (0, 2))


def gone(customer_id: str, place: int, kept_as: str | None = None) -> Applied:
    return Applied(customer_id, NO_STAGE, None, encode_forwarding(ForwardingAddress(place, 3, kept_as)))


class Places:
    """The view of a group in which customers move; `at` gives what each partition holds."""

    def __init__(self, url: str) -> None:
        self.settings = new_settings("127.0.0.1:1", url, partitions=BEFORE)
        self.client: RedisClient = connect(self.settings)
        self.reader = ViewReader(self.settings, self.client)

    async def show(self, *at: Sequence[Applied], layout: TopicLayout | None = None, complete: bool = True) -> None:
        for number, held in enumerate(at):
            view = RedisView(self.settings, self.client, number)
            shown = await view.mark()
            follows, makes = (None, 1) if shown is None else (shown.state_offset, shown.state_offset + 1)
            partitions = BEFORE if layout is None else len(at)
            assert await view.apply(follows, mark(makes, partitions=partitions, complete=complete), held) == "applied"
            if layout is not None:
                key = PartitionKeys(self.settings.redis_prefix, number).mark
                await cast("Any", self.client).hset(key, "layout", msgspec.json.encode(layout))


@contextlib.asynccontextmanager
async def places(server: RedisServer) -> AsyncIterator[Places]:
    made = Places(server.url)
    try:
        yield made
    finally:
        await disconnect(made.client)


MORE = TopicLayout(generation=1, partitions=AFTER, before=BEFORE)
FEWER = TopicLayout(generation=2, partitions=BEFORE, before=AFTER)


def test_a_customer_is_found_at_the_old_home_on_the_way_and_at_the_new_one(redis_server: RedisServer) -> None:
    async def scenario() -> None:
        async with places(redis_server) as here:
            find = here.reader.customer
            await here.show(customers((MOVER, "s1", 5)), [])
            at_first = await find(MOVER)
            # The layout has changed, and the customer has not left yet.
            await here.show([], [], [], layout=MORE)
            waiting = await find(MOVER)
            await here.show([gone(MOVER, 2)], layout=MORE)
            with pytest.raises(OnTheWay, match="on the way from partition 0 to partition 2"):
                await find(MOVER)
            assert (await here.reader.stage_counts()).counts == {}
            await here.show([], [], customers((MOVER, "s2", None)), layout=MORE)
            arrived = await find(MOVER)
            assert [(each.partition, each.stage, each.customer_id) for each in (at_first, waiting, arrived) if each] == [
                (0, "s1", MOVER),
                (0, "s1", MOVER),
                (2, "s2", MOVER),
            ]
            counts = await here.reader.stage_counts()
            assert (counts.counts, counts.partitions, counts.missing) == ({"s2": 1}, 3, [])
            assert await find("nobody") is None

    asyncio.run(scenario())


def test_after_there_are_fewer_partitions_everybody_is_found_from_the_home_in_the_new_layout(redis_server: RedisServer) -> None:
    async def scenario() -> None:
        async with places(redis_server) as here:
            await here.show(customers((MOVER, "s1", 5)), [], [gone(MOVER, 0)], layout=FEWER)
            found = await here.reader.customer(MOVER)
            assert found is not None
            assert (found.partition, found.stage) == (0, "s1")

    asyncio.run(scenario())


def test_two_linked_ids_lead_to_the_one_that_is_kept_by_way_of_every_address(redis_server: RedisServer) -> None:
    async def scenario() -> None:
        async with places(redis_server) as here:
            at: list[list[Applied]] = [[], []]
            at[partition_of("anon-7", BEFORE)].append(gone("anon-7", 1, "anon-8"))
            at[1].append(gone("anon-8", 0, "ada"))
            at[0] += customers(("ada", "s1", None))
            await here.show(*at)
            found = await here.reader.customer("anon-7")
            assert found is not None
            assert (found.customer_id, found.partition, found.stage) == ("ada", 0, "s1")
            counts = await here.reader.ids([0, 1])
            assert sum(each.addresses for each in counts.values()) == 2
            assert counts[1].addresses >= 1
            assert [each.linked_people for each in counts.values()] == [0, 0]

    asyncio.run(scenario())


def test_a_circle_of_addresses_is_followed_only_so_far(redis_server: RedisServer) -> None:
    async def scenario() -> None:
        async with places(redis_server) as here:
            await here.show([gone(MOVER, 1)], [gone(MOVER, 0)])
            with pytest.raises(OnTheWay):
                await here.reader.customer(MOVER)

    assert MOST_HOPS < 100
    asyncio.run(scenario())


def test_while_the_new_home_is_rebuilt_a_customer_is_not_known_rather_than_unknown(redis_server: RedisServer) -> None:
    async def scenario() -> None:
        async with places(redis_server) as here:
            await here.show([], [], [], layout=MORE)
            await here.show([], [], [], layout=MORE, complete=False)
            with pytest.raises(BeingRebuilt):
                await here.reader.customer(MOVER)

    asyncio.run(scenario())
