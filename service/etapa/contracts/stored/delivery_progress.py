"""The progress of delivery in one partition of `campaign-triggers`: a record of the compacted topic `delivery-progress`.

Mirrors `schemas/delivery-progress.schema.json`. The key names the delivery group and the process that wrote it. Each process has
its own key, so that a late record from a former owner never replaces what the current owner wrote.
"""

from typing import Final

import msgspec

from etapa.contracts.stored.versioned import read_versioned
from etapa.errors import EtapaError

FORMAT: Final = 1


class DeliveryProgressError(EtapaError):
    """A record that this version cannot read."""


class DeliveryProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Everything before `offset` is done. From there up to `upto`, everything is done except `open` and targets that are `behind`."""

    format: int = FORMAT
    partition: int
    offset: int
    routing: str
    """Identifies which campaign goes to which target; the fields below are valid only for this routing."""
    upto: int
    open: tuple[int, ...] = ()
    behind: dict[str, int] = {}
    """By target, the offset from which on nothing for it is done."""
    topic_id: str | None = None
    """Id of the topic to which the offsets belong; none if the brokers report no ids."""


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
    """The progress in a record's value. Raises `DeliveryProgressError`, also if a later version wrote it."""
    return read_versioned(value, _decode, FORMAT, lambda why: DeliveryProgressError(f"it {why}"))
