"""What tests of another number of partitions share: the command, whether it has begun, and changes that come from several partitions."""

import asyncio
import json
from collections.abc import Sequence

import msgspec

from etapa.contracts.outgoing.customer_moved import is_customer_moved
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.upkeep.repartition import MovesReader
from tests.integration.command_line import run_etapa
from tests.integration.outcome import Message


async def repartition(settings: Settings, *arguments: str) -> dict[str, object]:
    """Run the command to its end."""
    done = await asyncio.to_thread(run_etapa, settings, "repartition", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told


async def has_begun(settings: Settings, to: int) -> bool:
    """Whether a customer has left for a layout of so many partitions."""
    async with MovesReader(Cluster(settings)) as reader:
        now = await reader.now(2)
    return now.layout is not None and now.layout.partitions == to and any(place.left for place in now.places)


def in_order(messages: Sequence[Message]) -> list[Message]:
    """A customer's changes come from several partitions; their sequence orders them. Without the records that say where they go on."""
    changes = [message for message in messages if not is_customer_moved(message[2])]
    return sorted(changes, key=lambda message: int(msgspec.json.decode(message[1] or b"{}")["sequence"]))
