"""The least rights that docs/operations.md lists, given on a broker that enforces rights: every case has its own user there."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

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
from tests.integration.places import new_place
from tests.servers.given_rights import give_rights
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
PASSWORD = "between us"
USERS = 100


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


class GuardedBroker:
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
            "transfers": settings.topic_transfers,
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
        give_rights(admin, user, bindings)
        return replace(settings, kafka_sasl_username=user)


def names_it(said: str, settings: Settings, missing: Right) -> bool:
    """Whether a line reports a missing right, and on what."""
    name = missing.name.replace("ETAPA_DELIVERY_GROUP", settings.delivery_group).replace("ETAPA_GROUP", settings.group)
    if missing.kind == "topic":
        name = f"{settings.group}.{name}"
    elif missing.kind == "transactional id":
        # The line need not say which one: there is one for each partition.
        name = "ransactional"
    return any(name in line and ("uthoriz" in line or "access control" in line) for line in said.splitlines())


@contextlib.contextmanager
def guarded_broker(folder: Path) -> Iterator[GuardedBroker]:
    """One that runs in `folder` until the end."""
    users = " ".join(f'user_{name}="{PASSWORD}"' for name in ("broker", "admin", *(f"u{number}" for number in range(USERS))))
    module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    server = KafkaServer(
        folder,
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
        yield GuardedBroker(server)
    finally:
        server.stop()
