"""A request to carry all customers over to a version of the journey at once, and a partition's progress with it.

Both are JSON in Redis beside the partition's view, and only `etapa reclassify` and the partition's owner use them.
The result is in the customers' states; if the request or the progress is lost, just ask again.
"""

import msgspec

from etapa.contracts.json_reading import read_json


class ReclassifyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The request to a partition."""

    id: str
    """The same for all partitions in one run of the command."""
    version: int
    """The journey version to carry customers over to. Only workers that run this version do it."""
    publish: bool
    """Whether the resulting stage changes are published."""
    rate: float
    """Most customers per second."""
    at: int
    """When the request was made, in microseconds since 1970."""


class ReclassifyProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Progress on a request. When a partition changes owners, the new owner starts from the beginning and skips what is done."""

    request: str
    customers: int
    """How many there were when the owner last looked on."""
    looked_at: int
    carried_over: int
    moved: int
    """How many of them changed stage."""
    failed: int
    """How many could not be judged, and were left unchanged."""
    done: bool


_encode = msgspec.json.Encoder().encode
_request = msgspec.json.Decoder(ReclassifyRequest).decode
_progress = msgspec.json.Decoder(ReclassifyProgress).decode


def encode_request(request: ReclassifyRequest) -> bytes:
    """The request as stored bytes."""
    return _encode(request)


def encode_progress(progress: ReclassifyProgress) -> bytes:
    """The progress as stored bytes."""
    return _encode(progress)


def decode_request(value: bytes | None) -> ReclassifyRequest | None:
    """The stored request; none if there is none, or if this version does not understand it."""
    try:
        return None if value is None else read_json(_request, value)
    except msgspec.DecodeError:
        return None


def decode_progress(value: bytes | None) -> ReclassifyProgress | None:
    """The stored progress; none if there is none, or if this version does not understand it."""
    try:
        return None if value is None else read_json(_progress, value)
    except msgspec.DecodeError:
        return None
