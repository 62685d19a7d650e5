"""The trace that a record belongs to: W3C's `traceparent`, `tracestate` and `baggage`, passed on from a touchpoint to all that it causes.

Etapa itself takes no part in the trace: it passes headers on unchanged, as https://www.w3.org/TR/trace-context/ allows for those
who do not participate. Malformed headers are not passed on.
"""

from collections.abc import Sequence
from typing import Final

MOST_TRACESTATE: Final = 512
"""Bytes of `tracestate` that the standard requires to be passed on."""
MOST_BAGGAGE: Final = 1024
"""Bytes; longer baggage is dropped, so that it does not make records grow."""

_HEX: Final = frozenset(b"0123456789abcdef")
_DASH: Final = 0x2D

Headers = Sequence[tuple[str, bytes]]


def trace_of(headers: Sequence[tuple[str, bytes | None]]) -> list[tuple[str, bytes]]:
    """The headers that name the trace, in the standard's order; none without a sound `traceparent`. Others may have no value."""
    parent: bytes | None = None
    state: bytes | None = None
    baggage: bytes | None = None
    for name, value in headers:
        if name == "traceparent":
            parent = value
        elif name == "tracestate":
            state = value
        elif name == "baggage":
            baggage = value
    if parent is None or not _is_sound(parent):
        return []
    found = [("traceparent", parent)]
    if state is not None and _is_text(state, MOST_TRACESTATE):
        found.append(("tracestate", state))
    if baggage is not None and _is_text(baggage, MOST_BAGGAGE):
        found.append(("baggage", baggage))
    return found


def _is_sound(parent: bytes) -> bool:
    """Whether it has version, trace id, parent id and flags, in hexadecimal; later versions may append more."""
    if not 55 <= len(parent) <= 128 or not _is_text(parent, 128):
        return False
    if parent[2] != _DASH or parent[35] != _DASH or parent[52] != _DASH or parent[:2] == b"ff":
        return False
    if len(parent) > 55 and (parent[:2] == b"00" or parent[55] != _DASH):
        return False
    trace, span = parent[3:35], parent[36:52]
    return _HEX.issuperset(parent[:2] + trace + span + parent[53:55]) and trace != b"0" * 32 and span != b"0" * 16


def _is_text(value: bytes, most: int) -> bool:
    """Whether it is printable ASCII of at most `most` bytes."""
    return 0 < len(value) <= most and all(0x20 <= byte <= 0x7E for byte in value)
