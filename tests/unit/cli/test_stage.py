"""`etapa stage`: where a customer is, read from a real Redis, and a plain message when that is not possible."""

import asyncio
import json
from itertools import count

import pytest

from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.forwarding import ForwardingAddress
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.units import SECOND
from tests.servers.redis_server import RedisServer
from tests.unit.cli.process import etapa
from tests.unit.cli.view import PARTITIONS, show

NOON = 1_795_262_400 * SECOND  # 2026-11-21T12:00:00Z
groups = (f"stage-{number}" for number in count())


def customer(customer_id: str) -> Customer:
    return Customer(
        version=7,
        id=customer_id,
        stage="buyer",
        entered_at=NOON,
        clock=NOON,
        first_at=NOON,
        due=NOON + 3600 * SECOND,
        sequence=2,
        rule="buys",
        before=("new", NOON - SECOND, None),
    )


@pytest.fixture
def environ(redis_server: RedisServer) -> dict[str, str]:
    """Settings for a separate group on the Redis of this run."""
    return {"ETAPA_REDIS_URL": redis_server.url, "ETAPA_GROUP": next(groups)}


@pytest.mark.redis
def test_a_person_reads_stage_time_and_last_changes(environ: dict[str, str]) -> None:
    asyncio.run(show(environ, customer("c-42")))
    done = etapa("stage", "c-42", env=environ)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [
        "c-42 is in buyer since 2026-11-21T12:00:00Z",
        "next timer 2026-11-21T13:00:00Z",
        "",
        "last changes",
        "  2026-11-21T11:59:59Z  new    (new customer)",
        "  2026-11-21T12:00:00Z  buyer  buys",
    ]


@pytest.mark.redis
@pytest.mark.parametrize("customer_id", ["c-1", "-x", "josé", "a b/c", "😀", "--json"])
def test_any_id_can_be_asked_for_and_a_machine_gets_one_object(customer_id: str, environ: dict[str, str]) -> None:
    asyncio.run(show(environ, customer(customer_id)))
    done = etapa("stage", "--json", "--", customer_id, env=environ)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["customer_id"], found["stage"], found["sequence"]) == (customer_id, "buyer", 2)
    assert found["partition"] == partition_of(customer_id, PARTITIONS)
    assert found["changes"][0] == {"to": "new", "at": "2026-11-21T11:59:59Z", "rule": None}


@pytest.mark.redis
def test_an_unknown_customer_is_a_failed_check(environ: dict[str, str]) -> None:
    asyncio.run(show(environ, customer("c-42")))
    done = etapa("stage", "C-42", env=environ)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith(f"Error: no customer 'C-42' in Redis under the prefix '{environ['ETAPA_GROUP']}'")


@pytest.mark.redis
def test_a_view_that_nobody_has_filled_says_where_it_looked(environ: dict[str, str]) -> None:
    done = etapa("stage", "c-42", env=environ)
    assert done.returncode == 1
    assert b"ETAPA_REDIS_PREFIX" in done.stderr


@pytest.mark.redis
def test_a_customer_whose_partition_is_to_be_rebuilt_is_not_told_from_what_is_left(
    environ: dict[str, str], redis_server: RedisServer
) -> None:
    asyncio.run(show(environ, customer("c-42")))
    partition = partition_of("c-42", PARTITIONS)
    with redis_server.client() as client:
        client.delete(f"{environ['ETAPA_GROUP']}:{{{partition}}}:mark")
    done = etapa("stage", "c-42", env=environ)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == f"Error: not known at the moment: partition {partition} of the view is being rebuilt from the log\n"


@pytest.mark.redis
def test_an_id_that_is_linked_to_another_is_followed_and_one_on_the_way_is_told(environ: dict[str, str]) -> None:
    ada = partition_of("ada", PARTITIONS)
    addresses = {"anon-7": ForwardingAddress(ada, 1, "ada"), "bert": ForwardingAddress((partition_of("bert", PARTITIONS) + 1) % PARTITIONS)}
    asyncio.run(show(environ, customer("ada"), addresses=addresses))
    done = etapa("stage", "anon-7", env=environ)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines()[:2] == ["anon-7 is linked to ada", "ada is in buyer since 2026-11-21T12:00:00Z"]
    assert json.loads(etapa("stage", "--json", "anon-7", env=environ).stdout)["customer_id"] == "ada"
    done = etapa("stage", "bert", env=environ)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Error: not known at the moment: the customer is on the way from partition " in done.stderr


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+cluster", "redis+sentinel"])
def test_a_closed_port_is_one_clear_line(scheme: str) -> None:
    service = "/main" if "sentinel" in scheme else ""
    done = etapa("stage", "c-42", env={"ETAPA_REDIS_URL": f"{scheme}://u:s3cret@127.0.0.1:1{service}"})
    assert done.returncode == 1
    assert done.stderr.decode() == (
        "Error: Redis at 127.0.0.1:1: nobody listens there (connection refused). Is it running?"
        " ETAPA_REDIS_URL (or --redis-url) says where it is\n"
    )


@pytest.mark.redis
def test_a_refused_login_is_told_from_a_redis_that_is_not_there(redis_server: RedisServer) -> None:
    url = f"redis://u:s3cret@127.0.0.1:{redis_server.port}/0"
    done = etapa("stage", "c-42", env={"ETAPA_REDIS_URL": url})
    assert done.returncode == 1
    assert f"Error: Redis at 127.0.0.1:{redis_server.port}: it refuses the login of 'u' (".encode() in done.stderr
    assert b"s3cret" not in done.stderr
