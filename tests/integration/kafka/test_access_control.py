"""The least rights listed in docs/operations.md, on a broker that enforces rights: exactly those suffice; a missing one is reported.

Every case has its own user on one broker. Describing configurations (of topics and brokers) is not among the rights, and nothing needs
it.
"""

import asyncio
import gc
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from etapa.settings import Settings
from etapa.settings.values import Secret
from tests.integration.delivery_scene import delivery_file, publish, seen, started_delivery, stopped, trigger, until_kept
from tests.integration.least_rights import RIGHTS, GuardedBroker, Right, guarded_broker, names_it, of
from tests.integration.outcome import followed
from tests.integration.places import put, read_all
from tests.integration.receiver import Receiver
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.redis_server import RedisServer
from tests.unit.cli.process import etapa

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    with guarded_broker(tmp_path_factory.mktemp("guarded")) as found:
        yield found


def without(who: str) -> list[object]:
    """Each right of a user, to be taken away."""
    return [pytest.param(right, id=f"{right.kind}-{right.name}-{right.operation}".replace(" ", "-")) for right in of(who)]


def touchpoints(*names: str) -> list[tuple[bytes, bytes]]:
    fields = [{"id": f"t-{name}", "customer_id": name, "type": "purchase", "occurred_at": "2025-03-01T10:00:00Z"} for name in names]
    return [(str(one["customer_id"]).encode(), msgspec.json.encode(one)) for one in fields]


@pytest.fixture(scope="module")
def processed(guarded: GuardedBroker, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A partition with customers, changes and a dead letter."""

    async def scenario() -> Settings:
        settings = await guarded.place(redis_server)
        worker = StartedWorker(settings, tmp_path_factory.mktemp("worker"))
        await put(settings, settings.topic_touchpoints, [*touchpoints("a", "b"), (b"c", b"no touchpoint")])
        async with followed(settings) as progress:
            await progress.wait_through()
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        return settings

    return asyncio.run(scenario())


def test_a_worker_needs_no_more_than_its_list(guarded: GuardedBroker, redis_server: RedisServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await guarded.place(redis_server)
        worker = StartedWorker(guarded.with_rights(settings, of("worker")), tmp_path)
        await asyncio.to_thread(worker.wait_ready, 1)
        await put(settings, settings.topic_touchpoints, [*touchpoints("a", "b"), (b"c", b"no touchpoint")])
        async with followed(settings) as progress:
            await progress.wait_through()
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        assert len(await read_all(settings, settings.topic_dead_letters)) == 1
        assert "uthoriz" not in worker.said()
        # Also about a partition whose records were processed.
        worker = StartedWorker(guarded.with_rights(settings, of("worker")), tmp_path)
        await asyncio.to_thread(worker.wait_ready, 1)
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        assert "uthoriz" not in worker.said()

    asyncio.run(scenario())


@pytest.mark.parametrize("missing", without("worker"))
def test_a_worker_without_one_of_them_says_which(
    guarded: GuardedBroker, processed: Settings, redis_server: RedisServer, tmp_path: Path, missing: Right
) -> None:
    """A missing right to read shows where there is something to read, one to write where there is something to write."""

    async def scenario() -> None:
        settings = processed if missing.operation == "Read" else await guarded.place(redis_server)
        await put(settings, settings.topic_touchpoints, [*touchpoints("a", "b"), (b"c", b"no touchpoint")])
        allowed = guarded.with_rights(settings, [right for right in of("worker") if right != missing])
        worker = StartedWorker(allowed, tmp_path)
        try:
            if not missing.is_needed:
                await asyncio.to_thread(worker.wait_ready, 1)
                async with followed(settings) as progress:
                    await progress.wait_through()
            await seen(lambda: names_it(worker.said(), settings, missing), f"words about {missing.name}")
            assert missing.is_needed != bool(worker.ask("readyz")["ready"])
        finally:
            worker.kill()

    asyncio.run(scenario())


FILE = 'targets: [{{id: t, url: "{}"}}]\ndefault: t\n'


def test_delivery_needs_no_more_than_its_list(guarded: GuardedBroker, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await guarded.place()
        async with Receiver() as receiver:
            file = delivery_file(tmp_path, FILE.format(receiver.url("x")))
            await publish(settings, [trigger(number, "a") for number in range(5)])
            await put(settings, settings.topic_campaign_triggers, [(b"x", b"no trigger")])
            worker = started_delivery(guarded.with_rights(settings, of("delivery")), tmp_path, file)
            await seen(lambda: len(receiver.answered) == 5, "what is delivered")
            await asyncio.to_thread(worker.wait_ready, 1)
            await stopped(worker)
            assert len(await read_all(settings, settings.topic_campaign_trigger_dead_letters)) == 1
            assert "uthoriz" not in worker.said()

    asyncio.run(scenario())


@pytest.mark.parametrize("missing", without("delivery"))
def test_delivery_without_one_of_them_says_which(guarded: GuardedBroker, tmp_path: Path, missing: Right) -> None:
    async def scenario() -> None:
        settings = await guarded.place()
        async with Receiver() as receiver:
            file = delivery_file(tmp_path, FILE.format(receiver.url("x")))
            await publish(settings, [trigger(number, "a") for number in range(5)])
            await put(settings, settings.topic_campaign_triggers, [(b"x", b"no trigger")])
            if missing.name == "delivery-progress":
                worker = started_delivery(settings, tmp_path, file)
                await until_kept(settings, file, lambda kept: kept.offset >= 5)
                await stopped(worker)
                await publish(settings, [trigger(number, "a") for number in range(5, 9)], tag="-later")
            allowed = guarded.with_rights(settings, [right for right in of("delivery") if right != missing])
            worker = started_delivery(allowed, tmp_path, file)
            try:
                await seen(lambda: names_it(worker.said(), settings, missing), f"words about {missing.name}")
            finally:
                worker.kill()

    asyncio.run(scenario())


COMMANDS = {
    "verify": ("verify",),
    "rebuild": ("rebuild", "--yes", "--no-wait"),
    "redrive": ("dead-letters", "redrive", "--all", "--yes"),
    "export": ("export", "a"),
}
FORGET_KEY = "a long key by which those who were forgotten are recognised"


def run(settings: Settings, who: str) -> subprocess.CompletedProcess[bytes]:
    return etapa(*COMMANDS[who], env=environment_of(settings))


@pytest.mark.parametrize("missing", [missing for who in COMMANDS for missing in without(who)])
def test_a_command_without_one_of_its_rights_says_which(guarded: GuardedBroker, processed: Settings, missing: Right) -> None:
    done = run(guarded.with_rights(processed, [right for right in of(missing.who) if right != missing]), missing.who)
    assert done.returncode == 1
    assert names_it(done.stderr.decode(), processed, missing), done.stderr.decode()
    # What a command left open shows here, and not in a later test.
    gc.collect()


@pytest.mark.parametrize("who", COMMANDS)
def test_a_command_needs_no_more_than_its_list(guarded: GuardedBroker, processed: Settings, who: str) -> None:
    done = run(guarded.with_rights(processed, of(who)), who)
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="module")
def attended(guarded: GuardedBroker, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A partition with customers and a worker that can forget them."""
    settings = replace(asyncio.run(guarded.place(redis_server)), forget_key=Secret(FORGET_KEY))
    worker = StartedWorker(settings, tmp_path_factory.mktemp("attending"))
    worker.wait_ready(1)
    asyncio.run(put(settings, settings.topic_touchpoints, touchpoints("a", "b")))
    yield settings
    worker.ask_to_stop()
    assert worker.exit_code() == 0


def forget(settings: Settings) -> subprocess.CompletedProcess[bytes]:
    return etapa("forget", "a", "--yes", env=environment_of(settings))


@pytest.mark.parametrize("missing", without("forget"))
def test_nobody_is_forgotten_without_one_of_the_rights_and_it_says_which(
    guarded: GuardedBroker, attended: Settings, missing: Right
) -> None:
    done = forget(guarded.with_rights(attended, [right for right in of("forget") if right != missing]))
    assert done.returncode == 1
    assert names_it(done.stderr.decode(), attended, missing), done.stderr.decode()
    gc.collect()


def test_to_forget_somebody_takes_no_more_than_its_list(guarded: GuardedBroker, attended: Settings) -> None:
    done = forget(guarded.with_rights(attended, of("forget")))
    assert done.returncode == 0, done.stderr.decode()


def test_the_list_is_read_whole() -> None:
    assert {right.who for right in RIGHTS} == {"worker", "worker that moves customers", "delivery", "forget", "repartition", *COMMANDS}
    assert len(RIGHTS) == len(set(RIGHTS)) == 61
