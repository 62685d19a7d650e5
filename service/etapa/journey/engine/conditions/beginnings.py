"""Since when a customer's memories are complete, where that is not since the customer's first touchpoint.

A version of a journey remembers what its rules ask for. So that the next version can tell a memory that is new to it from one
that has seen nothing, every state names the memories of the version that last processed it, in three bytes each.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

from etapa.journey.engine.facts.customer import Customer

_BYTES: Final = 3
"""Two different memories are taken for one another once in 16 million; a beginning then goes unnoticed."""


def trait_key(name: str) -> str:
    """What a trait is called among memories; accumulators are called by their keys, which hold no spaces."""
    return f"trait {name}"


def digests_of(keys: Iterable[str]) -> dict[str, bytes]:
    """Memories by key, with the few bytes that stand for each, in an order of their own."""
    return {key: blake2b(key.encode(), digest_size=_BYTES).digest() for key in sorted(keys)}


def beginnings(customer: Customer, memories: Mapping[str, bytes], version: int) -> dict[str, tuple[int, int]]:
    """What `began` is once `version`, which keeps `memories`, has taken the customer over.

    A memory that the last version did not keep is complete from the customer's clock on: nothing came between.
    """
    known = {customer.known[place : place + _BYTES] for place in range(0, len(customer.known), _BYTES)}
    began: dict[str, tuple[int, int]] = {}
    for key, digest in memories.items():
        if digest not in known:
            began[key] = version, customer.clock
        elif key in customer.began:
            began[key] = customer.began[key]
    return began
