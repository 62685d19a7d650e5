"""What one partition tells the others of customers who were forgotten there, so that these stay forgotten in another layout."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from etapa.contracts.stored.denial import denied_fields, read_denials
from etapa.contracts.stored.state import StateError
from etapa.contracts.stored.transfer import CustomersDenied, TransferError
from etapa.journey.engine.deny_list import Denial, DenyKey, DenyList

ENTRIES_AT_ONCE: Final = 5000
"""In one transfer, which is then about 400 kB."""


def denials_of(denied: DenyList | None, customer_id: str) -> Iterator[CustomersDenied]:
    """The customer's entry, if there is one."""
    return iter(()) if denied is None else _in_transfers(denied.key, denied.entries_of(customer_id))


def all_denials(denied: DenyList | None) -> Iterator[CustomersDenied]:
    """The whole list, in pieces."""
    return iter(()) if denied is None else _in_transfers(denied.key, denied.entries)


def take_in(denied: DenyList | None, sent: CustomersDenied) -> None:
    """Put what another partition sent on the list. Raises `TransferError` if it was made with another key, or there is none here."""
    try:
        denials = read_denials(None if denied is None else denied.key, sent.entries)
    except StateError as error:
        raise TransferError(f"what another partition sent of its deny list cannot be used: {error}") from error
    if denied is not None:
        denied.take_in(denials)


def _in_transfers(key: DenyKey, denials: Mapping[bytes, Denial]) -> Iterator[CustomersDenied]:
    left = iter(denials.items())
    while some := dict(islice(left, ENTRIES_AT_ONCE)):
        stored = denied_fields(key, some)
        yield CustomersDenied({name: value for name, value in stored.items() if value is not None})
