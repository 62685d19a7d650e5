"""Which columns of a CSV say who the customer is, what happened, when, where and for how much.

By names that the source `csv` knows, by similar names in several languages, or as told.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec

from etapa.sources.language.model import At, Changed, Expression, FirstThere, Hash, Source

Role = Literal["customer", "time", "type", "amount", "channel"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
_LIKE: Final[Mapping[Role, str]] = {
    "customer": r"customer|client|user|member|contact|buyer|e-?mail|correo|usuari|comprador|kunde|klant",
    "time": r"date|time|fecha|hora|when|day|datum|zeit|created",
    "type": r"event|^typ|tipo|action|acci[oó]n|activity|kind|ereignis|aktion",
    "amount": r"amount|total|importe|monto|betrag|summe|price|precio|preis|value|valor|revenue|montant",
    "channel": r"channel|canal|kanal|medium|medio",
}
REQUIRED: Final[tuple[Role, ...]] = ("customer", "time")
"""Without these columns there are no touchpoints."""


class Roles(msgspec.Struct, frozen=True):
    """The column for each role, or None. Without a type column every row is a purchase."""

    customer: str | None
    time: str | None
    type: str | None
    amount: str | None = None
    channel: str | None = None


def known_roles(source: Source, names: Sequence[str]) -> Roles:
    """The columns that a CSV source finds by their names."""
    fields = source.touchpoint
    amount = fields.properties.single.get("amount")
    expressions = (fields.customer_id, fields.occurred_at, fields.type, amount, fields.channel)
    return Roles(*(next((name for name in _paths(each) if name in names), None) for each in expressions))


def likely_roles(names: Sequence[str], known: Roles, wanted: Sequence[Role] = ROLES) -> Roles:
    """The known columns and, for each of the wanted roles that is missing, the first column with a similar name."""
    found: dict[Role, str | None] = {role: getattr(known, role) for role in ROLES}
    for role in wanted:
        if found[role] is None:
            taken = found.values()
            found[role] = next((name for name in names if name not in taken and re.search(_LIKE[role], name.lower())), None)
    return Roles(**found)


def not_taken(source: Source, names: Sequence[str]) -> list[str]:
    """The columns that nothing of the source reads."""
    fields = source.touchpoint
    optional = [fields.channel, *fields.properties.single.values(), *fields.traits.single.values()]
    read = {path for each in (fields.id, fields.customer_id, fields.occurred_at, fields.type, *optional) for path in _paths(each)}
    return [name for name in names if name not in read]


def with_roles(text: str, roles: Roles) -> str:
    """The text of the source `csv`, changed so that these columns are tried first."""
    for begins, name in (
        ("  customer_id: {first: [", roles.customer),
        ("      - {of: {first: [", roles.time),
        ("  type: {first: [", roles.type),
        ("    amount: {first: [", roles.amount),
        ("  channel: {first: [", roles.channel),
    ):
        if name is not None:
            text = text.replace(begins, f"{begins}{_quoted(name)}, ", 1)
    hashed = [_quoted(name) for name in (roles.customer, roles.time, roles.type, roles.amount) if name is not None]
    return text.replace("      - {hash: [", f"      - {{hash: [{''.join(f'{name}, ' for name in hashed)}", 1)


def can_be_named(name: str) -> bool:
    """Whether a path can refer to a column with this name."""
    return not re.search(r"[.\[\]\\^#\"]", name) and name.isprintable()


def _quoted(name: str) -> str:
    return f'"{name}"'


def _paths(expression: Expression | None) -> list[str]:
    if isinstance(expression, At):
        return [expression.path.text]
    if isinstance(expression, FirstThere):
        return [path for option in expression.options for path in _paths(option)]
    if isinstance(expression, Hash):
        return [path.text for path in expression.paths]
    return _paths(expression.of) if isinstance(expression, Changed) else []
