"""A record that could not be used, published again untouched, with headers that say why and where it came from; and the way back.

Mirrors `schemas/dead-letter.schema.json`. The headers are appended, so whatever the original carried is still there in
its order, even headers of the same names from an earlier life as a dead letter: the last of each name counts.

A dead letter that is sent back to `touchpoints` carries how often that was done. If it fails again these headers are part
of the original, so the next dead letter tells.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from etapa.contracts.rejected import REASONS, Reason, Rejected
from etapa.errors import EtapaError

Headers = Sequence[tuple[str, bytes]]

REASON: Final = "etapa.reason"
DETAIL: Final = "etapa.detail"
TOPIC: Final = "etapa.topic"
PARTITION: Final = "etapa.partition"
OFFSET: Final = "etapa.offset"
HEADERS: Final = (REASON, DETAIL, TOPIC, PARTITION, OFFSET)

ATTEMPT: Final = "etapa.attempt"
"""How often the record was sent back, in decimal; one that never was has no such header."""
REDRIVEN_FROM: Final = "etapa.redriven-from"
"""The dead letter that was sent back last: topic/partition/offset."""

_NUMBER = re.compile(rb"[0-9]{1,9}")


class DeadLetterError(EtapaError):
    """A record does not carry the headers of a dead letter."""


class DeadLetter(msgspec.Struct, frozen=True):
    """A dead letter taken apart: the original record, why it could not be used, and where it was read."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    """The headers of the original record."""
    reason: Reason
    detail: str
    topic: str
    partition: int
    offset: int


def encode_dead_letter(
    key: bytes | None, value: bytes | None, headers: Headers, rejected: Rejected, topic: str, partition: int, offset: int
) -> tuple[bytes | None, bytes | None, Headers]:
    """Key, value and headers of the dead letter for a record read at `topic`, `partition`, `offset`."""
    why = (
        (REASON, rejected.reason.encode()),
        (DETAIL, rejected.detail.encode("utf-8", "replace")),
        (TOPIC, topic.encode()),
        (PARTITION, b"%d" % partition),
        (OFFSET, b"%d" % offset),
    )
    return key, value, (*headers, *why)


def decode_dead_letter(key: bytes | None, value: bytes | None, headers: Headers) -> DeadLetter:
    """The dead letter in a record. Raises `DeadLetterError` when a header is missing or makes no sense."""
    last = {name: position for position, (name, _) in enumerate(headers) if name in HEADERS}
    missing = [name for name in HEADERS if name not in last]
    # Kafka lets a header have no value at all.
    missing += [name for name, position in last.items() if headers[position][1] is None]
    if missing:
        raise DeadLetterError(f"not a dead letter: no header {', '.join(missing)}")
    try:
        reason, detail, topic, partition, offset = (headers[last[name]][1].decode() for name in HEADERS)
        where = int(partition), int(offset)
    except ValueError as error:
        raise DeadLetterError(f"not a dead letter: {error}") from None
    if reason not in REASONS:
        raise DeadLetterError(f"not a dead letter: {REASON} is {reason!r}, not one of {', '.join(REASONS)}")
    ours = set(last.values())
    original = tuple(header for position, header in enumerate(headers) if position not in ours)
    return DeadLetter(key, value, original, reason, detail, topic, *where)


def attempts_of(headers: Headers) -> int:
    """How often a record with these headers was sent back to `touchpoints`."""
    # Any producer may write a header of this name, even without a value; what is no number was not written by us.
    texts = [value or b"" for name, value in headers if name == ATTEMPT]
    return int(texts[-1]) if texts and _NUMBER.fullmatch(texts[-1]) else 0


def redriven_headers(letter: DeadLetter, topic: str, partition: int, offset: int) -> Headers:
    """Headers for sending back the dead letter that was read at `topic`, `partition`, `offset`: the original ones, and what is new."""
    original = tuple((name, value) for name, value in letter.headers if name not in (ATTEMPT, REDRIVEN_FROM))
    return (
        *original,
        (ATTEMPT, b"%d" % (attempts_of(letter.headers) + 1)),
        (REDRIVEN_FROM, f"{topic}/{partition}/{offset}".encode()),
    )
