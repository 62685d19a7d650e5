"""The rights that docs/operations.md lists for Redis are sufficient, and each is needed."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from etapa.settings import Settings
from etapa.settings.values import RedisUrl
from etapa.stream.redis.checkup import check_redis
from tests.servers.guarded_redis import GuardedRedis

pytestmark = pytest.mark.redis

DOCS = Path(__file__).parents[3] / "docs" / "operations.md"
PREFIX = "shop"
NOT_NEEDED = {"info", "time"}
"""Rights without which, the docs say, Etapa works but knows less."""


def listed_rules() -> list[str]:
    found = re.search(r"ACL SETUSER etapa on '>…' (.*)", DOCS.read_text())
    assert found is not None
    return found[1].replace("ETAPA_REDIS_PREFIX", PREFIX).split()


COMMANDS = sorted(rule[1:] for rule in listed_rules() if rule.startswith("+"))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedRedis]:
    server = GuardedRedis(tmp_path_factory.mktemp("redis-rights"), *listed_rules())
    try:
        server.start()
        yield server
    finally:
        server.stop()


def settings_for(guarded: GuardedRedis) -> Settings:
    return Settings(redis_url=RedisUrl(guarded.url(user="etapa")), redis_prefix=PREFIX)


def levels(guarded: GuardedRedis) -> dict[str, str]:
    return {one.check: one.level for one in asyncio.run(check_redis(settings_for(guarded)))}


def test_what_is_listed_is_enough(guarded: GuardedRedis) -> None:
    assert set(levels(guarded).values()) == {"good"}
    assert {"rights", "version", "clock"} <= levels(guarded).keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_that_is_listed_is_too_much(guarded: GuardedRedis, command: str) -> None:
    with guarded.admin() as admin:
        admin.execute_command("ACL", "SETUSER", "etapa", f"-{command}")
        admin.execute_command("SCRIPT", "FLUSH")
        try:
            told = asyncio.run(check_redis(settings_for(guarded)))
        finally:
            admin.execute_command("ACL", "SETUSER", "etapa", f"+{command}")
    if command in NOT_NEEDED:
        assert {one.level for one in told} == {"good"}
    else:
        [line] = told
        assert (line.level, line.cause) == ("bad", "rights")
        # Not every version says which command in a script failed.
        assert command in line.found.lower() or "script" in line.found


def test_keys_of_others_are_not_needed(guarded: GuardedRedis) -> None:
    settings = Settings(redis_url=RedisUrl(guarded.url(user="etapa")), redis_prefix="another")
    [line] = asyncio.run(check_redis(settings))
    assert (line.level, line.cause) == ("bad", "rights")
