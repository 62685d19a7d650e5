"""`etapa stage`: where a customer is, read from Redis."""

import asyncio
from typing import Any

import click
import msgspec

from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.servers import quiet_libraries, redis_trouble
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.state import StateError, decode_state
from etapa.hosting.foreign_text import printable
from etapa.journey.engine.facts.customer import Customer
from etapa.settings import Settings
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.readers import StoredCustomer
from etapa.stream.redis.address import RedisUrlError
from etapa.stream.redis.store import Store


@click.command()
@click.argument("customer_id", metavar="CUSTOMER")
@settings_flags("redis_url", "group")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stage(customer_id: str, as_json: bool, **flags: str | None) -> None:
    """Show the stage that a customer is in, since when, and the last changes. Exit code 1 if there is no customer with this id."""
    settings = settings_from(flags).settings
    quiet_libraries(settings)
    partition, customer = customer_from(settings, customer_id)
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode(_as_object(customer, partition))))
    else:
        for line in (*linked(customer_id, customer), _as_text(customer)):
            click.echo(line)


def linked(customer_id: str, customer: Customer) -> list[str]:
    """That the id asked for is linked to another one, if so."""
    return [] if customer.id == customer_id else [f"{printable(customer_id)} is linked to {printable(customer.id)}"]


def customer_from(settings: Settings, customer_id: str) -> tuple[int, Customer]:
    """A customer from Redis, and its partition. Ends the command when there is no such customer or its state cannot be read."""
    try:
        stored = asyncio.run(_read(settings, customer_id))
    except RedisUrlError as error:
        raise WrongUse(str(error)) from None
    except ViewError as error:
        raise CheckFailed(redis_trouble(settings, error)) from None
    if stored is None:
        raise CheckFailed(
            f"no customer {customer_id!r} in Redis under the prefix {settings.redis_prefix!r}"
            " (ETAPA_REDIS_PREFIX, or the group); ids are compared letter by letter"
        )
    try:
        return stored.partition, decode_state(stored.state, stored.customer_id, stored.common)
    except StateError as error:
        raise CheckFailed(f"the state of {customer_id!r} cannot be read: {error}") from None


async def _read(settings: Settings, customer_id: str) -> StoredCustomer | None:
    async with Store(settings) as store:
        return await store.reader().customer(customer_id)


def _as_object(customer: Customer, partition: int) -> dict[str, Any]:
    return {
        "customer_id": customer.id,
        "stage": customer.stage,
        "since": format_time(customer.entered_at),
        "sequence": customer.sequence,
        "due": None if customer.due is None else format_time(customer.due),
        "changes": [{"to": to, "at": format_time(at), "rule": rule} for to, at, rule in customer.changes],
        "partition": partition,
    }


def _as_text(customer: Customer) -> str:
    lines = [f"{printable(customer.id)} is in {printable(customer.stage)} since {format_time(customer.entered_at)}"]
    if customer.due is not None:
        lines.append(f"next timer {format_time(customer.due)}")
    if customer.changes:
        lines += ["", "last changes"]
        width = max(len(to) for to, _, _ in customer.changes)
        lines += [
            f"  {format_time(at)}  {printable(to):<{width}}  {printable(rule or '(new customer)')}" for to, at, rule in customer.changes
        ]
    return "\n".join(lines)
