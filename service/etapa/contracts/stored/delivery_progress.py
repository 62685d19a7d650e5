"""How far delivery is in one partition of `campaign-triggers`: a record of the compacted topic `delivery-progress`.

Mirrors `schemas/delivery-progress.schema.json`. The key names the delivery group and the process that wrote it. Each process has a
key of its own, so that a late record of one that is not the owner any more replaces nothing that the owner wrote.
"""

from typing import Final

import msgspec

from etapa.contracts.stored.versioned import read_versioned
from etapa.errors import EtapaError

FORMAT: Final = 1


class DeliveryProgressError(EtapaError):
    """A record that this version cannot read."""


class DeliveryProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Everything before `offset` is through. Of what follows, everything before `upto` is, but for `open` and for targets that are `behind`."""

    format: int = FORMAT
    partition: int
    offset: int
    routing: str
    """Stands for which campaign goes to which target: what follows holds for this alone."""
    upto: int
    open: tuple[int, ...] = ()
    behind: dict[str, int] = {}
    """By target the offset from which on nothing of it is through."""
    topic_id: str | None = None
    """Of the topic that these are offsets of; none when the brokers tell no ids."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(DeliveryProgress).decode


def progress_key(group: str, process: str) -> bytes:
    """The key of a record: `etapa-delivery/0f3a…`."""
    return f"{group}/{process}".encode()


def is_progress_of(group: str, key: bytes | None) -> bool:
    """Whether a record with this key was written by a process of this delivery group. No group has a slash in its name."""
    return key is not None and key.rpartition(b"/")[0] == group.encode()


def encode_delivery_progress(progress: DeliveryProgress) -> bytes:
    """The value of a record."""
    return _encode(progress)


def decode_delivery_progress(value: bytes) -> DeliveryProgress:
    """The other way round. Raises `DeliveryProgressError`, also when a later version wrote it."""
    return read_versioned(value, _decode, FORMAT, lambda why: DeliveryProgressError(f"it {why}"))
