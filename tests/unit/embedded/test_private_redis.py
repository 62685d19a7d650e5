import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import redis

from etapa.embedded import redis_server
from etapa.embedded.redis_server import HOW_TO_GET_ONE, PrivateRedis, RedisUnavailable, redis_executable
from tests.servers.processes import accepts_connections, wait_until


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go during this test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.redis
def test_it_keeps_what_it_is_given_in_memory_and_evicts_nothing() -> None:
    with PrivateRedis() as server, redis.Redis.from_url(server.url) as client:
        client.hset("etapa:{0}:stage", "c-1", "purchase")
        assert client.hget("etapa:{0}:stage", "c-1") == b"purchase"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("save") == {"save": ""}


@pytest.mark.redis
def test_it_lets_nobody_in_without_its_password() -> None:
    with PrivateRedis() as server, redis.Redis(port=server.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


@pytest.mark.redis
def test_its_password_is_not_among_its_arguments() -> None:
    with PrivateRedis() as server:
        secret = server.url.split(":")[2].split("@")[0]
        for arguments in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                content = arguments.read_bytes()
            except OSError:  # the process has ended meanwhile
                continue
            assert secret.encode() not in content


@pytest.mark.redis
def test_it_leaves_nothing_behind(temporary: Path) -> None:
    with PrivateRedis() as server, redis.Redis.from_url(server.url) as client:
        client.set("etapa", "x")
    assert not accepts_connections(server.port)
    assert not list(temporary.iterdir())


@pytest.mark.redis
def test_two_run_side_by_side() -> None:
    with PrivateRedis() as first, PrivateRedis() as second:
        assert first.port != second.port
        assert first.url != second.url


@pytest.mark.redis
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children of their parent's death")
def test_it_dies_with_a_parent_that_is_killed() -> None:
    program = (
        "import sys, time\n"
        "from etapa.embedded.redis_server import PrivateRedis\n"
        "with PrivateRedis() as server:\n"
        "    print(server.port, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert accepts_connections(port)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not accepts_connections(port), 10, "the end of the private Redis")


def test_without_any_redis_it_says_in_one_line_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RedisUnavailable) as raised:
        redis_executable()
    assert str(raised.value) == HOW_TO_GET_ONE
    assert "\n" not in HOW_TO_GET_ONE


def test_a_server_on_the_path_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    valkey = tmp_path / "valkey-server"
    valkey.touch(mode=0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_executable() == str(valkey)


def test_a_server_that_does_not_start_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    broken = tmp_path.parent / f"{tmp_path.name}-redis-server"
    broken.write_text("#!/bin/sh\necho 'cannot read its configuration' >&2\nexit 3\n")
    broken.chmod(0o700)
    monkeypatch.setattr(redis_server, "redis_executable", lambda: str(broken))
    with pytest.raises(RedisUnavailable, match="did not start: cannot read its configuration"), PrivateRedis():
        pass
    assert not list(temporary.iterdir())
