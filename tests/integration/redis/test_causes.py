"""Why Redis is unusable: one broken set-up after the other, on real servers, and the cause reported for each."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from etapa.hosting.trouble import Trouble
from etapa.settings import Settings
from etapa.settings.values import RedisUrl
from etapa.stream.protocol.ports import ViewError
from etapa.stream.redis.probe import find_trouble, trouble_behind
from etapa.stream.redis.store import Store
from tests.integration.command_line import said_by
from tests.servers.guarded_redis import PASSWORD, GuardedRedis
from tests.servers.processes import accepts_connections
from tests.servers.redis_server import RedisCluster, RedisSentinel, RedisServer

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedRedis]:
    server = GuardedRedis(tmp_path_factory.mktemp("guarded-redis"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def trouble_with(url: str) -> Trouble:
    """The cause found after our client has failed."""
    settings = Settings(redis_url=RedisUrl(url), redis_timeout=4_000_000)

    async def ask() -> Trouble | None:
        async with Store(settings) as store:
            try:
                await store.view(0).mark()
                await store.view(0).load(["c"], None, 1)
            except ViewError as error:
                return await trouble_behind(settings, error)
        raise AssertionError("it works")

    found = asyncio.run(ask())
    assert found is not None
    assert PASSWORD not in str(found)
    return found


def test_nothing_is_found_where_all_is_right(guarded: GuardedRedis, redis_server: RedisServer) -> None:
    for url in (guarded.url(), guarded.url(user="etapa"), redis_server.url):
        assert asyncio.run(find_trouble(Settings(redis_url=RedisUrl(url)))) is None


def test_a_wrong_password_and_none(guarded: GuardedRedis) -> None:
    wrong = trouble_with(guarded.url(password="a-guess"))
    assert (wrong.kind, wrong.cause, wrong.address) == ("login_refused", "login", f"127.0.0.1:{guarded.tls_port}")
    assert "a-guess" not in str(wrong)
    none = trouble_with(guarded.url(user=""))
    assert (none.kind, none.cause) == ("login_expected", "login")


def test_a_password_where_none_is_taken(redis_server: RedisServer) -> None:
    assert trouble_with(f"redis://:a-password@127.0.0.1:{redis_server.port}").kind == "login_not_taken"


def test_a_user_who_may_not_do_all(guarded: GuardedRedis) -> None:
    found = trouble_with(guarded.url(user="reader"))
    assert (found.kind, found.cause) == ("rights", "rights")
    assert "'reader'" in found.found
    assert "evalsha" in found.found


def test_an_authority_that_has_not_signed(guarded: GuardedRedis) -> None:
    found = trouble_with(guarded.url(authority=guarded.strangers.certificate))
    assert (found.kind, found.cause) == ("tls_untrusted", "tls")
    assert "ssl_ca_certs in ETAPA_REDIS_URL" in found.advice


def test_a_certificate_for_another_name(guarded: GuardedRedis) -> None:
    assert trouble_with(guarded.url(host="localhost")).kind == "tls_name"


def test_a_certificate_of_our_own_that_is_missing_or_not_trusted(guarded: GuardedRedis) -> None:
    missing = trouble_with(guarded.url(certificate=None))
    assert (missing.kind, missing.advice[:16]) == ("tls_own_certificate", "Add ssl_certfile")
    other = trouble_with(guarded.url(certificate=guarded.strangers.issue("another")))
    assert (other.kind, other.advice[:20]) == ("tls_own_certificate", "Look at ssl_certfile")


def test_tls_where_none_is_spoken_and_the_reverse(guarded: GuardedRedis, redis_server: RedisServer) -> None:
    assert trouble_with(guarded.url(port=redis_server.port)).kind == "tls_not_spoken"
    found = trouble_with(f"redis://127.0.0.1:{guarded.tls_port}")
    assert (found.kind, found.advice) == ("tls_expected", "ETAPA_REDIS_URL must begin with rediss:// for this port")


def test_a_database_that_is_not_there(redis_server: RedisServer) -> None:
    found = trouble_with(f"redis://127.0.0.1:{redis_server.port}/16")
    assert (found.kind, found.found) == ("database", "it has no database 16")


def test_a_replica_of_a_primary_that_is_gone(tmp_path: Path) -> None:
    replica = RedisServer(tmp_path, "--replicaof", "127.0.0.1 1", "--replica-serve-stale-data", "no")
    try:
        replica.start_command(replica.command, lambda: accepts_connections(replica.port))
        found = trouble_with(replica.url)
        assert (found.kind, found.cause) == ("not_primary", "not_primary")
    finally:
        replica.stop()


def test_a_server_that_still_loads(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, "--enable-debug-command", "yes")
    try:
        server.start()
        with server.client() as client:
            client.execute_command("DEBUG", "POPULATE", 20_000)
            client.execute_command("SAVE")
        server.kill()
        loading = RedisServer(tmp_path, "--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024", port=server.port)
        try:
            loading.start_command(loading.command, lambda: accepts_connections(loading.port))
            assert trouble_with(loading.url).kind == "loading"
        finally:
            loading.stop()
    finally:
        server.stop()


def test_a_cluster_asked_as_a_single_server_and_the_reverse(redis_cluster: RedisCluster, redis_server: RedisServer) -> None:
    single = trouble_with(f"redis://127.0.0.1:{redis_cluster.nodes[1].port}")
    assert (single.kind, single.found) == ("cluster_expected", "it belongs to a Redis Cluster")
    cluster = trouble_with(f"redis+cluster://127.0.0.1:{redis_server.port}")
    assert (cluster.kind, cluster.found) == ("cluster_not_there", "it is a single server, not a Redis Cluster")


def test_a_service_that_no_sentinel_knows(redis_sentinel: RedisSentinel) -> None:
    found = trouble_with(redis_sentinel.url.replace("/etapa/", "/another/"))
    assert (found.kind, found.found) == ("service_unknown", "no Sentinel there knows a primary of the service 'another'")


def test_nobody_there_a_name_that_is_unknown_and_something_else() -> None:
    assert trouble_with("redis://127.0.0.1:1").kind == "refused"
    assert trouble_with("redis://no-such-redis.invalid").kind == "name_unknown"
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        assert trouble_with(f"redis://127.0.0.1:{listening.getsockname()[1]}").kind == "silent"


def test_commands_say_so(guarded: GuardedRedis) -> None:
    code, said = said_by(Settings(redis_url=RedisUrl(guarded.url(password="a-guess"))), "stage", "c-1")
    assert code == 1
    assert said.startswith(f"Error: Redis at 127.0.0.1:{guarded.tls_port}: it refuses the login of 'default' (")
    assert "a-guess" not in said


def test_a_redis_that_does_not_tell_of_its_memory_is_good_all_the_same(guarded: GuardedRedis) -> None:
    with guarded.admin() as admin:
        admin.execute_command("ACL", "SETUSER", "etapa", "-info")

    async def ask() -> str | None:
        async with Store(Settings(redis_url=RedisUrl(guarded.url(user="etapa")))) as store:
            return await store.reader().eviction_policy_problem()

    assert asyncio.run(ask()) is None
