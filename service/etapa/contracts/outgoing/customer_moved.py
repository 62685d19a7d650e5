"""The control record of `stage-changes` that says where a customer's changes continue. Mirrors `schemas/customer-moved.schema.json`.

It is written after the customer's last change at the old place, in the transaction in which the customer leaves.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from etapa.contracts.json_reading import read_json

TYPE: Final = "etapa.customer-moved"


class CustomerMovedMessage(msgspec.Struct, frozen=True):
    """The next change, numbered `sequence` + 1, is in `partition`. Changes of the customer go on under `continues_as`."""

    id: str
    customer_id: str
    sequence: int
    partition: int
    continues_as: str
    journey: str
    version: int


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(CustomerMovedMessage).decode


def encode_customer_moved(
    customer_id: str, sequence: int, partition: int, continues_as: str, journey: str, version: int, generation: int
) -> tuple[bytes, bytes, Sequence[tuple[str, bytes]]]:
    """Key, value and headers of the record. `generation`: that of the layout for which the customer moves, as part of the id."""
    # A customer may move on before its next change.
    identity = f"{customer_id}/{sequence}/moved/{generation}/{partition}"
    if continues_as != customer_id:
        # It came there under its own id first, and is another's now.
        identity += f"/{continues_as}"
    key = customer_id.encode()
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", identity.encode()),
        ("ce_type", TYPE.encode()),
        ("ce_source", b"etapa/" + journey.encode()),
        ("ce_subject", key),
        ("content-type", b"application/json"),
    ]
    return key, _encode(CustomerMovedMessage(identity, customer_id, sequence, partition, continues_as, journey, version)), headers


def is_customer_moved(headers: Sequence[tuple[str, bytes]]) -> bool:
    """Whether a record of `stage-changes` with these headers is such a control record, and no stage change."""
    return any(name == "ce_type" and value == TYPE.encode() for name, value in headers)


def decode_customer_moved(value: bytes) -> CustomerMovedMessage:
    """A published control record. Raises `msgspec.DecodeError` if `value` is not one."""
    return read_json(_decode, value)
