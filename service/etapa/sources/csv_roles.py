"""Which columns of a CSV say who the customer is, what happened, and when: by names the source `csv` knows, by similar names, or as told."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec

from etapa.sources.language.model import At, Changed, Expression, FirstThere, Source

Role = Literal["customer", "time", "type"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
_LIKE: Final[Mapping[Role, str]] = {
    "customer": r"customer|client|user|member|contact|buyer|e-?mail|correo|usuari|comprador|kunde|klant",
    "time": r"date|time|fecha|hora|when|day|datum|zeit|created",
    "type": r"event|type|tipo|action|acci[oó]n|activity|kind",
}


class Roles(msgspec.Struct, frozen=True):
    """The column for each role, or None. Without a type column every row is a purchase."""

    customer: str | None
    time: str | None
    type: str | None


def known_roles(source: Source, names: Sequence[str]) -> Roles:
    """The columns that a CSV source finds by their names."""
    fields = source.touchpoint
    customer, time, kind = (
        next((name for name in _paths(expression) if name in names), None)
        for expression in (fields.customer_id, fields.occurred_at, fields.type)
    )
    return Roles(customer, time, kind)


def likely_roles(names: Sequence[str], known: Roles) -> Roles:
    """The known columns and, for each missing role, the first column with a similar name."""
    taken = {known.customer, known.time, known.type}

    def like(role: Role, found: str | None) -> str | None:
        if found is None:
            found = next((name for name in names if name not in taken and re.search(_LIKE[role], name.lower())), None)
            taken.add(found)
        return found

    return Roles(like("customer", known.customer), like("time", known.time), like("type", known.type))


def with_roles(text: str, roles: Roles) -> str:
    """The text of the source `csv`, changed so that these columns are tried first."""
    for begins, name in (
        ("  customer_id: {first: [", roles.customer),
        ("      - {of: {first: [", roles.time),
        ("  type: {first: [", roles.type),
    ):
        if name is not None:
            text = text.replace(begins, f"{begins}{_quoted(name)}, ", 1)
    hashed = [_quoted(name) for name in (roles.customer, roles.time, roles.type) if name is not None]
    return text.replace("      - {hash: [", f"      - {{hash: [{''.join(f'{name}, ' for name in hashed)}", 1)


def can_be_named(name: str) -> bool:
    """Whether a path can refer to a column with this name."""
    return not re.search(r"[.\[\]\\^#\"]", name) and name.isprintable()


def _quoted(name: str) -> str:
    return f'"{name}"'


def _paths(expression: Expression) -> list[str]:
    if isinstance(expression, At):
        return [expression.path.text]
    if isinstance(expression, FirstThere):
        return [path for option in expression.options for path in _paths(option)]
    return _paths(expression.of) if isinstance(expression, Changed) else []
