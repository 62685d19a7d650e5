"""The least rights listed in docs/operations.md, on a broker that enforces rights: exactly those suffice; a missing one is reported.

Every case has its own user on one broker. Describing configurations (of topics and brokers) is not among the rights, and nothing needs
it.
"""

import asyncio
import gc
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # which exports them without saying so
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from msgspec.structs import replace

from etapa.settings import Settings
from etapa.settings.values import Secret
from tests.integration.delivery_scene import delivery_file, publish, seen, started_delivery, stopped, trigger, until_kept
from tests.integration.outcome import followed
from tests.integration.places import new_place, put, read_all
from tests.integration.receiver import Receiver
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.unit.cli.process import etapa

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

PAGE = Path(__file__).parents[3] / "docs" / "operations.md"
PASSWORD = "between us"
USERS = 80


class Right(NamedTuple):
    """A line of the table, for one operation."""

    who: str
    kind: str
    name: str
    operation: str
    is_needed: bool


def listed() -> list[Right]:
    """The table under *Access control*."""
    rights = []
    section = PAGE.read_text().split("## Access control\n", 1)[1].split("\n## ", 1)[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("| ") or len(cells) != 5 or cells[0] in ("who", "---"):
            continue
        who, kind, names, operations, without = cells
        rights += [
            Right(who, kind, name, operation, not without.startswith("goes on"))
            for name in re.findall(r"`([^`]+)`", names)
            for operation in re.findall(r"`([A-Za-z]+)`", operations)
        ]
    return rights


RIGHTS = listed()


def of(who: str) -> list[Right]:
    return [right for right in RIGHTS if right.who == who]


class Guarded:
    """A broker with an authorizer, and unused users."""

    def __init__(self, server: KafkaServer) -> None:
        self.server = server
        self._numbers = iter(range(USERS))

    async def place(self, redis: RedisServer | None = None, partitions: int = 1) -> Settings:
        """New topics, as the administrator sees them."""
        return await new_place(
            self.server.bootstrap_servers,
            "redis://127.0.0.1:1/0" if redis is None else redis.url,
            partitions=partitions,
            session_timeout=6_000_000,
            kafka_security_protocol="SASL_PLAINTEXT",
            kafka_sasl_mechanism="PLAIN",
            kafka_sasl_username="admin",
            kafka_sasl_password=Secret(PASSWORD),
        )

    def with_rights(self, settings: Settings, rights: Sequence[Right]) -> Settings:
        """The settings of a user with only these rights."""
        user = f"u{next(self._numbers)}"
        topics = {
            "touchpoints": settings.topic_touchpoints,
            "customer-state": settings.topic_customer_state,
            "stage-changes": settings.topic_stage_changes,
            "campaign-triggers": settings.topic_campaign_triggers,
            "campaign-outcomes": settings.topic_campaign_outcomes,
            "dead-letters": settings.topic_dead_letters,
            "campaign-trigger-dead-letters": settings.topic_campaign_trigger_dead_letters,
            "delivery-progress": settings.topic_delivery_progress,
        }
        kinds = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactional id": ResourceType.TRANSACTIONAL_ID}
        bindings = []
        for _, kind, listed_name, operation, _ in rights:
            name = topics[listed_name] if kind == "topic" else listed_name
            name = name.replace("ETAPA_DELIVERY_GROUP", settings.delivery_group).replace("ETAPA_GROUP", settings.group)
            pattern = ResourcePatternType.PREFIXED if name.endswith("*") else ResourcePatternType.LITERAL
            bindings.append(
                AclBinding(
                    kinds[kind],
                    name.rstrip("*"),
                    pattern,
                    f"User:{user}",
                    "*",
                    AclOperation[re.sub(r"(?<!^)(?=[A-Z])", "_", operation).upper()],
                    AclPermissionType.ALLOW,
                )
            )
        admin = AdminClient(
            {
                "bootstrap.servers": self.server.bootstrap_servers,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "PLAIN",
                "sasl.username": "admin",
                "sasl.password": PASSWORD,
            }
        )
        for made in admin.create_acls(bindings).values():
            made.result(30)
        return replace(settings, kafka_sasl_username=user)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    users = " ".join(f'user_{name}="{PASSWORD}"' for name in ("broker", "admin", *(f"u{number}" for number in range(USERS))))
    module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    server = KafkaServer(
        tmp_path_factory.mktemp("guarded"),
        settings={
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # Only the controller connects anonymously.
            "super.users": "User:broker;User:admin;User:ANONYMOUS",
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.security.protocol.map": "SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": f'{module} username="broker" password="{PASSWORD}" {users};',
        },
        protocol="SASL_PLAINTEXT",
    )
    try:
        server.start()
        yield Guarded(server)
    finally:
        server.stop()


def without(who: str) -> list[object]:
    """Each right of a user, to be taken away."""
    return [pytest.param(right, id=f"{right.kind}-{right.name}-{right.operation}".replace(" ", "-")) for right in of(who)]


def touchpoints(*names: str) -> list[tuple[bytes, bytes]]:
    fields = [{"id": f"t-{name}", "customer_id": name, "type": "purchase", "occurred_at": "2025-03-01T10:00:00Z"} for name in names]
    return [(str(one["customer_id"]).encode(), msgspec.json.encode(one)) for one in fields]


@pytest.fixture(scope="module")
def processed(guarded: Guarded, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
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


def test_a_worker_needs_no_more_than_its_list(guarded: Guarded, redis_server: RedisServer, tmp_path: Path) -> None:
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
    guarded: Guarded, processed: Settings, redis_server: RedisServer, tmp_path: Path, missing: Right
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


def names_it(said: str, settings: Settings, missing: Right) -> bool:
    """Whether a line reports a missing right, and on what."""
    name = missing.name.replace("ETAPA_DELIVERY_GROUP", settings.delivery_group).replace("ETAPA_GROUP", settings.group)
    if missing.kind == "topic":
        name = f"{settings.group}.{name}"
    elif missing.kind == "transactional id":
        # The line need not say which one: there is one for each partition.
        name = "ransactional"
    return any(name in line and ("uthoriz" in line or "access control" in line) for line in said.splitlines())


FILE = 'targets: [{{id: t, url: "{}"}}]\ndefault: t\n'


def test_delivery_needs_no_more_than_its_list(guarded: Guarded, tmp_path: Path) -> None:
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
def test_delivery_without_one_of_them_says_which(guarded: Guarded, tmp_path: Path, missing: Right) -> None:
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
def test_a_command_without_one_of_its_rights_says_which(guarded: Guarded, processed: Settings, missing: Right) -> None:
    done = run(guarded.with_rights(processed, [right for right in of(missing.who) if right != missing]), missing.who)
    assert done.returncode == 1
    assert names_it(done.stderr.decode(), processed, missing), done.stderr.decode()
    # What a command left open shows here, and not in a later test.
    gc.collect()


@pytest.mark.parametrize("who", COMMANDS)
def test_a_command_needs_no_more_than_its_list(guarded: Guarded, processed: Settings, who: str) -> None:
    done = run(guarded.with_rights(processed, of(who)), who)
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="module")
def attended(guarded: Guarded, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
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
def test_nobody_is_forgotten_without_one_of_the_rights_and_it_says_which(guarded: Guarded, attended: Settings, missing: Right) -> None:
    done = forget(guarded.with_rights(attended, [right for right in of("forget") if right != missing]))
    assert done.returncode == 1
    assert names_it(done.stderr.decode(), attended, missing), done.stderr.decode()
    gc.collect()


def test_to_forget_somebody_takes_no_more_than_its_list(guarded: Guarded, attended: Settings) -> None:
    done = forget(guarded.with_rights(attended, of("forget")))
    assert done.returncode == 0, done.stderr.decode()


def test_the_list_is_read_whole() -> None:
    assert {right.who for right in RIGHTS} == {"worker", "delivery", "forget", *COMMANDS}
    assert len(RIGHTS) == len(set(RIGHTS)) == 45
