"""Who is in a stage, found in a real Redis: everybody, a few at a time, and never by looking at everybody at once."""

import asyncio

import pytest

from etapa.contracts.partitioner import partition_of
from etapa.stream.protocol.readers import StagePlace
from etapa.stream.redis.client import connect, disconnect
from etapa.stream.redis.reader import ViewReader
from etapa.stream.redis.stage_members import STEP, STEPS, WANTED
from etapa.stream.redis.view import RedisView
from tests.integration.places import new_settings
from tests.integration.redis_views import customers, mark
from tests.servers.redis_server import RedisCluster, RedisServer

pytestmark = pytest.mark.redis

PARTITIONS = 3


@pytest.fixture(params=["server", "cluster"])
def redis_url(request: pytest.FixtureRequest) -> str:
    server: RedisServer | RedisCluster = request.getfixturevalue(f"redis_{request.param}")
    return server.url


async def _filled(settings: object, client: object, stages: dict[str, str], incomplete: int | None = None) -> None:
    for number in range(PARTITIONS):
        mine = [(name, stage, None) for name, stage in stages.items() if partition_of(name, PARTITIONS) == number]
        await RedisView(settings, client, number).apply(None, mark(1, complete=number != incomplete), customers(*mine))  # type: ignore[arg-type]


def test_pages_together_name_everybody_in_the_stage_once(redis_url: str) -> None:
    async def scenario() -> None:
        settings = new_settings("127.0.0.1:1", redis_url, partitions=PARTITIONS)
        client = connect(settings)
        try:
            # Enough for hashes that Redis cannot give whole.
            stages = {f"c-{number}": "few" if number % 50 == 0 else "many" for number in range(3_000)}
            await _filled(settings, client, stages)
            reader = ViewReader(settings, client)
            for stage in ("few", "many"):
                found, place, pages = [], StagePlace(0, 0), 0
                while place is not None:
                    page = await reader.in_stage(stage, place)
                    assert len(page.customers) < WANTED + 10 * STEP
                    assert all(
                        (each.stage, each.state) == (stage, f"{each.customer_id} in {stage}".encode() + b"\xff\x00")
                        for each in page.customers
                    )
                    found += [each.customer_id for each in page.customers]
                    place, pages = page.after, pages + 1  # type: ignore[assignment]
                assert sorted(found) == sorted(name for name, its in stages.items() if its == stage)
                assert pages > 1
            assert (await reader.in_stage("nowhere", StagePlace(0, 0))).customers == []
            assert (await reader.in_stage("few", StagePlace(PARTITIONS, 0))).after is None
        finally:
            await disconnect(client)

    asyncio.run(scenario())


def test_a_page_looks_through_a_bounded_part_of_the_view_and_says_where_to_go_on(redis_url: str) -> None:
    async def scenario() -> None:
        settings = new_settings("127.0.0.1:1", redis_url, partitions=PARTITIONS)
        client = connect(settings)
        try:
            await _filled(settings, client, {f"c-{number}": "many" for number in range(2 * STEP * STEPS)})
            page = await ViewReader(settings, client).in_stage("nowhere", StagePlace(0, 0))
            assert page.customers == []
            assert page.after is not None
            assert page.after > (0, 0)
        finally:
            await disconnect(client)

    asyncio.run(scenario())


def test_a_partition_that_is_being_rebuilt_is_passed_over_and_named(redis_url: str) -> None:
    async def scenario() -> None:
        settings = new_settings("127.0.0.1:1", redis_url, partitions=PARTITIONS)
        client = connect(settings)
        try:
            names = {f"c-{number}": "here" for number in range(30)}
            await _filled(settings, client, names, incomplete=1)
            reader = ViewReader(settings, client)
            found: list[str] = []
            missing: list[int] = []
            place = StagePlace(0, 0)
            while place is not None:
                page = await reader.in_stage("here", place)
                found += [each.customer_id for each in page.customers]
                missing += page.missing
                place = page.after  # type: ignore[assignment]
            assert missing == [1]
            assert sorted(found) == sorted(name for name in names if partition_of(name, PARTITIONS) != 1)
        finally:
            await disconnect(client)

    asyncio.run(scenario())
