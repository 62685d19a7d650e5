"""Since when a customer's memories are complete, if not since the customer's first touchpoint.

A version of a journey remembers what its rules need. Every state names the memories of the version that last processed it, in
three bytes each, so that the next version can tell a memory that did not exist from one that has seen nothing.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

from etapa.journey.engine.facts.customer import Customer

_BYTES: Final = 3
"""Two different memories are confused once in 16 million pairs; a beginning then goes unnoticed."""


def trait_key(name: str) -> str:
    """A trait's name among memories. Accumulators go by their keys, which hold no spaces."""
    return f"trait {name}"


def digests_of(keys: Iterable[str]) -> dict[str, bytes]:
    """Memories by key, with the few bytes that identify each, in a fixed order."""
    return {key: blake2b(key.encode(), digest_size=_BYTES).digest() for key in sorted(keys)}


def beginnings(customer: Customer, memories: Mapping[str, bytes], version: int) -> dict[str, tuple[int, int]]:
    """The value of `began` once `version`, which keeps `memories`, has taken the customer over.

    A memory that the last version did not keep is complete from the customer's clock on, because nothing has arrived since.
    """
    known = {customer.known[place : place + _BYTES] for place in range(0, len(customer.known), _BYTES)}
    began: dict[str, tuple[int, int]] = {}
    for key, digest in memories.items():
        if digest not in known:
            began[key] = version, customer.clock
        elif key in customer.began:
            began[key] = customer.began[key]
    return began
