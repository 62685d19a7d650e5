"""Puts customers into Redis as a worker would, for tests of commands that read them."""

from collections.abc import Mapping

from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.forwarding import NO_STAGE, ForwardingAddress, encode_forwarding
from etapa.contracts.stored.state import encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.settings.reading import load_settings
from etapa.stream.protocol.ports import ViewMark
from etapa.stream.protocol.records import Applied
from etapa.stream.redis.client import connect, disconnect
from etapa.stream.redis.view import RedisView

PARTITIONS = 4


async def show(environ: Mapping[str, str], *customers: Customer, addresses: Mapping[str, ForwardingAddress] = {}) -> None:
    """Put customers into Redis as a worker would, and addresses of those who have left their homes."""
    settings = load_settings(environ, {})
    client = connect(settings)
    for number in range(PARTITIONS):
        here = [one for one in customers if partition_of(one.id, PARTITIONS) == number]
        mark = ViewMark(1, 0, None, settings.group, PARTITIONS, 1)
        applied = [Applied(one.id, one.stage, one.due, encode_state(one)) for one in here]
        left = [
            Applied(customer_id, NO_STAGE, None, encode_forwarding(address))
            for customer_id, address in addresses.items()
            if partition_of(customer_id, PARTITIONS) == number
        ]
        await RedisView(settings, client, number).apply(None, mark, [*applied, *left])
    await disconnect(client)
