"""`etapa reclassify` without workers: what it requests from the partitions' owners, what it shows, and what it says if it cannot."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from etapa.contracts.stored.forwarding import ForwardingAddress
from etapa.contracts.stored.reclassification import ReclassifyProgress, ReclassifyRequest
from etapa.journey.engine.facts.customer import Customer
from etapa.settings import Settings
from etapa.settings.reading import load_settings
from etapa.stream.protocol.ports import ViewMark
from etapa.stream.redis.client import RedisClient, connect, disconnect
from etapa.stream.redis.reclassify_control import ReclassifyControl
from etapa.stream.redis.view import RedisView
from tests.servers.processes import wait_until
from tests.servers.redis_server import RedisServer
from tests.unit.cli.journeys import GOOD
from tests.unit.cli.process import etapa
from tests.unit.cli.view import PARTITIONS, show

T = TypeVar("T")
groups = (f"reclassify-{number}" for number in count())
MORE = PARTITIONS + 1
VERSION = 3
"""The hash of the journey in these tests."""


@pytest.fixture
def environ(redis_server: RedisServer, tmp_path: Path) -> dict[str, str]:
    """Settings for a group of its own on the Redis of this run, with some customers."""
    journey = tmp_path / "shop.yaml"
    journey.write_text(GOOD)
    found = {"ETAPA_REDIS_URL": redis_server.url, "ETAPA_GROUP": next(groups), "ETAPA_JOURNEY": str(journey)}
    asyncio.run(
        show(
            found,
            *(
                Customer(version=2, stage="new", due=None, entered_at=0, clock=0, first_at=0, sequence=1, id=f"c-{number}")
                for number in range(20)
            ),
        )
    )
    return found


def with_redis(environ: dict[str, str], work: Callable[[Settings, RedisClient], Awaitable[T]]) -> T:
    async def working() -> T:
        settings = load_settings(environ, {})
        client = connect(settings)
        try:
            return await work(settings, client)
        finally:
            await disconnect(client)

    return asyncio.run(working())


def ask(environ: dict[str, str], request: ReclassifyRequest, partitions: int = PARTITIONS) -> None:
    with_redis(environ, lambda settings, client: ReclassifyControl(settings, client).ask(request, range(partitions)))


def requests(environ: dict[str, str], partitions: int = PARTITIONS) -> list[ReclassifyRequest | None]:
    asked = with_redis(environ, lambda settings, client: ReclassifyControl(settings, client).asked(partitions))
    return [each.request for each in asked]


def note(environ: dict[str, str], progress: ReclassifyProgress) -> None:
    """Do what the owners of all partitions would."""

    async def noting(settings: Settings, client: RedisClient) -> None:
        for number in range(PARTITIONS):
            await RedisView(settings, client, number).note(progress)

    with_redis(environ, noting)


def request(**changes: object) -> ReclassifyRequest:
    return msgspec.structs.replace(
        ReclassifyRequest(id="one", version=VERSION, publish=False, rate=25.0, at=1_795_262_400_000_000), **changes
    )


def done(request_id: str, **changes: object) -> ReclassifyProgress:
    progress = ReclassifyProgress(request=request_id, customers=5, looked_at=5, carried_over=4, moved=2, failed=0, done=True)
    return msgspec.structs.replace(progress, **changes)


def asked_of_all(environ: dict[str, str], partitions: int = PARTITIONS) -> set[str]:
    """The id of the request, once all partitions have it."""
    found = requests(environ, partitions)
    return set() if None in found else {each.id for each in found if each is not None}


Meanwhile = Callable[[Callable[[], object], Callable[[], object]], None]


@pytest.fixture
def meanwhile() -> Iterator[Meanwhile]:
    """Does something as soon as a condition holds, while the test waits for a command."""
    threads: list[threading.Thread] = []

    def start(condition: Callable[[], object], action: Callable[[], object]) -> None:
        def run() -> None:
            wait_until(lambda: bool(condition()), 20, "what the command does")
            action()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join()


@pytest.fixture
def owners(environ: dict[str, str], meanwhile: Meanwhile) -> Callable[[ReclassifyProgress], None]:
    """Owners of all partitions who do at once what is requested."""

    def work(progress: ReclassifyProgress) -> None:
        meanwhile(
            lambda: asked_of_all(environ), lambda: note(environ, msgspec.structs.replace(progress, request=asked_of_all(environ).pop()))
        )

    return work


@pytest.mark.redis
def test_every_partition_is_asked_and_what_their_owners_did_is_summed_up(
    environ: dict[str, str], owners: Callable[[ReclassifyProgress], None]
) -> None:
    owners(done("?"))
    told = etapa("reclassify", "--rate", "100", env=environ)
    assert told.returncode == 0, told.stderr
    assert told.stdout == b"16 of 20 customers were carried over to version 3; 8 changed their stage, silently\n"
    asked = requests(environ)
    assert len({each.id for each in asked if each is not None}) == 1
    assert all(each is not None and (each.version, each.publish, each.rate) == (3, False, 25.0) for each in asked)


@pytest.mark.redis
def test_a_machine_gets_one_object(environ: dict[str, str], owners: Callable[[ReclassifyProgress], None]) -> None:
    owners(done("?"))
    told = etapa("reclassify", "--json", "--publish", env=environ)
    assert json.loads(told.stdout) == {
        "version": 3,
        "publish": True,
        "partitions": 4,
        "partitions_done": 4,
        "customers": 20,
        "looked_at": 20,
        "carried_over": 16,
        "moved": 8,
        "failed": 0,
    }


@pytest.mark.redis
def test_partitions_that_are_added_meanwhile_are_asked_too_and_addresses_are_no_customers(
    environ: dict[str, str], meanwhile: Meanwhile
) -> None:
    gone = {f"gone-{number}": ForwardingAddress(4, 1) for number in range(7)}
    asyncio.run(show(environ, addresses=gone))
    meanwhile(lambda: asked_of_all(environ), lambda: with_redis(environ, more_partitions))

    async def everybody_works(settings: Settings, client: RedisClient) -> None:
        for number in range(MORE):
            view = RedisView(settings, client, number)
            asked, _ = await view.reclassification()
            assert asked is not None
            await view.note(done(asked.id))

    meanwhile(lambda: asked_of_all(environ, MORE), lambda: with_redis(environ, everybody_works))
    told = etapa("reclassify", "--json", env=environ)
    assert told.returncode == 0, told.stderr
    totals = json.loads(told.stdout)
    assert (totals["partitions"], totals["partitions_done"], totals["customers"]) == (MORE, MORE, 20)


async def more_partitions(settings: Settings, client: RedisClient) -> None:
    """A worker has taken over a partition that a new layout has added."""
    mark = ViewMark(1, 0, None, settings.group, MORE, 1)
    assert await RedisView(settings, client, MORE - 1).apply(None, mark, []) == "applied"


@pytest.mark.redis
def test_customers_that_could_not_be_judged_are_a_failed_check(
    environ: dict[str, str], owners: Callable[[ReclassifyProgress], None]
) -> None:
    owners(done("?", failed=1))
    told = etapa("reclassify", env=environ)
    assert told.returncode == 1
    assert b"Error: 4 customers could not be judged" in told.stderr


@pytest.mark.redis
def test_what_is_under_way_is_joined_and_not_begun_again(environ: dict[str, str], meanwhile: Meanwhile) -> None:
    # The requester was interrupted before the last partition was asked.
    ask(environ, request(), PARTITIONS - 1)
    note(environ, done("one", done=False))
    meanwhile(lambda: asked_of_all(environ) == {"one"}, lambda: note(environ, done("one")))
    told = etapa("reclassify", env=environ)
    assert told.returncode == 0, told.stderr
    expected = "Already under way since 2026-11-21T12:00:00Z: to version 3, silently, at most 100 customers a second.\n"
    assert told.stderr.decode().startswith(expected)
    assert told.stdout == b"16 of 20 customers were carried over to version 3; 8 changed their stage, silently\n"


@pytest.mark.redis
@pytest.mark.parametrize("other", [{"version": 9}, {"publish": True}])
def test_another_one_under_way_is_not_disturbed(other: dict[str, object], environ: dict[str, str]) -> None:
    ask(environ, request(**other))
    told = etapa("reclassify", env=environ)
    assert told.returncode == 1
    assert told.stderr.decode().startswith("Error: another run is under way since 2026-11-21T12:00:00Z: to version ")
    assert b"etapa reclassify --stop" in told.stderr
    assert {each.id for each in requests(environ) if each is not None} == {"one"}


@pytest.mark.redis
def test_one_that_is_done_is_followed_by_a_new_one(environ: dict[str, str], meanwhile: Meanwhile) -> None:
    ask(environ, request())
    note(environ, done("one"))
    meanwhile(
        lambda: len(asked_of_all(environ) - {"one"}) == 1 == len(asked_of_all(environ)),
        lambda: note(environ, done(asked_of_all(environ).pop(), carried_over=0)),
    )
    told = etapa("reclassify", env=environ)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(b"0 of 20 customers")
    assert {each.id for each in requests(environ) if each is not None} != {"one"}


@pytest.mark.redis
def test_stop_ends_what_is_under_way(environ: dict[str, str]) -> None:
    ask(environ, request())
    assert etapa("reclassify", "--stop", env=environ).stdout == b"ended\n"
    assert requests(environ) == [None] * PARTITIONS
    assert etapa("reclassify", "--stop", env=environ).stdout == b"nothing was under way\n"


@pytest.mark.redis
def test_who_watches_hears_when_it_is_ended_or_lost(environ: dict[str, str], meanwhile: Meanwhile) -> None:
    ask(environ, request(), PARTITIONS - 1)
    meanwhile(lambda: asked_of_all(environ), lambda: withdraw(environ))
    told = etapa("reclassify", env=environ)
    assert told.returncode == 1
    assert b"no longer has the request: the run was ended, or Redis lost it" in told.stderr


def withdraw(environ: dict[str, str]) -> None:
    with_redis(environ, lambda settings, client: ReclassifyControl(settings, client).withdraw(PARTITIONS))


@pytest.mark.redis
def test_where_no_worker_has_been_there_is_nobody_to_ask(environ: dict[str, str]) -> None:
    told = etapa("reclassify", "--group", "nobody-here", env=environ)
    assert told.returncode == 1
    assert b"no worker has been at work under the prefix 'nobody-here'" in told.stderr


def test_a_rate_of_nothing_is_wrong_use() -> None:
    assert etapa("reclassify", "--rate", "0").returncode == 2
