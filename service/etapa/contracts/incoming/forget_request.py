"""A request to forget a customer, as a record of `touchpoints`: its header tells it from touchpoints of any format."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.json_reading import read_json
from etapa.contracts.rfc3339 import OffsetTime, microseconds_of, moment_of
from etapa.journey.engine.deny_list import DIGEST_BYTES
from etapa.journey.engine.facts.forget_request import ForgetRequest

Headers = Sequence[tuple[str, bytes]]
REQUEST: Final = "etapa.request"
FORGET: Final = b"forget"


class ForgetRequestMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The value of the record; its key is the `customer_id`."""

    customer_id: Annotated[str, msgspec.Meta(min_length=1)]
    digest: Annotated[str, msgspec.Meta(pattern=f"^[0-9a-f]{{{2 * DIGEST_BYTES}}}$")]
    at: OffsetTime
    until: OffsetTime


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(ForgetRequestMessage).decode


def encode_forget_request(request: ForgetRequest) -> tuple[bytes, bytes, Headers]:
    """Key, value and headers of the record."""
    message = ForgetRequestMessage(
        customer_id=request.customer_id, digest=request.digest.hex(), at=moment_of(request.at), until=moment_of(request.until)
    )
    return request.customer_id.encode(), _encode(message), ((REQUEST, FORGET), ("content-type", b"application/json"))


def read_request(key: bytes | None, value: bytes | None, headers: Headers) -> ForgetRequest | Rejected:
    """The request in a record, or why it cannot be used."""
    kinds = {text for name, text in headers if name == REQUEST}
    if kinds != {FORGET}:
        return rejected("invalid", f"the header {REQUEST} names a request that this version does not know; it knows forget")
    try:
        message = read_json(_decode, value or b"")
    except msgspec.DecodeError as error:
        return rejected("invalid", f"not a request to forget: {error}")
    if message.customer_id.encode("utf-8", "surrogatepass") != key:
        return rejected("key_mismatch", "the key of a request to forget must be its customer_id")
    return ForgetRequest(message.customer_id, bytes.fromhex(message.digest), microseconds_of(message.at), microseconds_of(message.until))
