"""Since when a customer's memories are complete, if not since the customer's first touchpoint.

A version of a journey remembers what its rules need. Every state names the memories of the version that last processed it, in
three bytes each, so that the next version can tell a memory that did not exist from one that has seen nothing. It names the stages
of that version in the same way, so that the next one can tell which of them the customer has been in.
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


def known_of(stages: Iterable[str], memories: Mapping[str, bytes]) -> bytes:
    """`Customer.known` of a version: how many stages it has, these in the order of the file, and its memories."""
    digests = [_stage_digest(stage) for stage in stages]
    return b"".join([len(digests).to_bytes(_BYTES, "big"), *digests, *memories.values()])


def stages_by_digest(stages: Iterable[str]) -> dict[bytes, str]:
    """Stages by the few bytes that identify each."""
    return {_stage_digest(stage): stage for stage in stages}


def _stage_digest(stage: str) -> bytes:
    return blake2b(stage.encode(), digest_size=_BYTES).digest()


def stages_known(known: bytes) -> list[bytes]:
    """The stages that `known` names."""
    end = _end_of_stages(known)
    return [known[place : place + _BYTES] for place in range(_BYTES, end, _BYTES)]


def _end_of_stages(known: bytes) -> int:
    return _BYTES * (1 + int.from_bytes(known[:_BYTES], "big"))


def beginnings(customer: Customer, memories: Mapping[str, bytes], version: int) -> dict[str, tuple[int, int]]:
    """The value of `began` once `version`, which keeps `memories`, has taken the customer over.

    A memory that the last version did not keep is complete from the customer's clock on, because nothing has arrived since.
    """
    known = {customer.known[place : place + _BYTES] for place in range(_end_of_stages(customer.known), len(customer.known), _BYTES)}
    began: dict[str, tuple[int, int]] = {}
    for key, digest in memories.items():
        if digest not in known:
            began[key] = version, customer.clock
        elif key in customer.began:
            began[key] = customer.began[key]
    return began
