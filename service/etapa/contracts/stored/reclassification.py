"""A request to carry all customers over to a version of the journey at once, and how far a partition has got with it.

Both lie in Redis beside the partition's view, as JSON, and concern nobody but `etapa reclassify` and the partition's owner.
What matters is in the customers' states; if these are lost, one asks again.
"""

import msgspec


class ReclassifyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a partition."""

    id: str
    """The same for all partitions of one run of the command."""
    version: int
    """The journey version to carry customers over to; done by workers that run it, and by no others."""
    publish: bool
    """Whether the stage changes that come of it are published."""
    rate: float
    """Customers a second, at the most."""
    at: int
    """When it was asked, in microseconds since 1970."""


class ReclassifyProgress(msgspec.Struct, frozen=True, kw_only=True):
    """What was done for a request. A partition that changes owners begins to look anew, and skips what is done."""

    request: str
    customers: int
    """How many there were when the look began."""
    looked_at: int
    carried_over: int
    moved: int
    """How many of them have changed their stage."""
    failed: int
    """How many could not be judged, and were left as they were."""
    done: bool


_encode = msgspec.json.Encoder().encode
_request = msgspec.json.Decoder(ReclassifyRequest).decode
_progress = msgspec.json.Decoder(ReclassifyProgress).decode


def encode_request(request: ReclassifyRequest) -> bytes:
    """The request as it is stored."""
    return _encode(request)


def encode_progress(progress: ReclassifyProgress) -> bytes:
    """The progress as it is stored."""
    return _encode(progress)


def decode_request(value: bytes | None) -> ReclassifyRequest | None:
    """The stored request; none when there is none, or one that this version does not understand."""
    try:
        return None if value is None else _request(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def decode_progress(value: bytes | None) -> ReclassifyProgress | None:
    """The stored progress; none when there is none, or one that this version does not understand."""
    try:
        return None if value is None else _progress(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
