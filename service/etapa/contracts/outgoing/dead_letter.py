"""A record that could not be used, published unchanged with headers that say why and where it came from; and the way back.

Mirrors `schemas/dead-letter.schema.json`. The headers are appended, so all original headers are still there in their
order, even those of the same names if the record was a dead letter before: the last of each name counts.

A record that is too large for the dead-letters topic is cut, and more headers say what is missing, how large the original value was,
and its digest, so that a reader who finds the original at its old place can tell that it is the same.

A dead letter that is sent back carries the number of attempts. If it fails again, these headers are part of the
original, so the next dead letter has them too.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec

from etapa.contracts.incoming.rejected import REASONS, Rejected
from etapa.errors import EtapaError

Headers = Sequence[tuple[str, bytes]]

REASON: Final = "etapa.reason"
DETAIL: Final = "etapa.detail"
TOPIC: Final = "etapa.topic"
PARTITION: Final = "etapa.partition"
OFFSET: Final = "etapa.offset"
HEADERS: Final = (REASON, DETAIL, TOPIC, PARTITION, OFFSET)

CUT: Final = "etapa.cut"
"""The incomplete parts of the original, separated by spaces: `key`, `headers`, `value`. A complete letter has no such header."""
ORIGINAL_BYTES: Final = "etapa.original-bytes"
ORIGINAL_SHA256: Final = "etapa.original-sha256"
CUT_HEADERS: Final = (CUT, ORIGINAL_BYTES, ORIGINAL_SHA256)

KEPT_BYTES: Final = 16 * 1024
"""How much of a cut value is kept, for people to look at."""

Part = Literal["key", "headers", "value"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)

ATTEMPT: Final = "etapa.attempt"
"""How often the record was sent back, in decimal; a record that never was has no such header."""
REDRIVEN_FROM: Final = "etapa.redriven-from"
"""The dead letter that was last sent back: topic/partition/offset."""

_NUMBER = re.compile(rb"[0-9]{1,9}")
_SIZE = re.compile(rb"[0-9]{1,18}")
_DIGEST = re.compile(rb"[0-9a-f]{64}")


class DeadLetterError(EtapaError):
    """A record does not carry the headers of a dead letter."""


class Cut(msgspec.Struct, frozen=True):
    """Marks an incomplete record. `size` and `sha256` (hexadecimal) are of the original value; no value counts as no bytes."""

    parts: Sequence[Part]
    size: int
    sha256: str


class DeadLetter(msgspec.Struct, frozen=True):
    """A decoded dead letter: the original record, why it could not be used, and where it was read."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    """The headers of the original record."""
    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    cut: Cut | None = None
    """Set if key, value or headers are incomplete; none: they are the original's."""

    @property
    def kind(self) -> str:
        """What dead letters that are sent back together have in common; the record of those sent back is kept by kind."""
        return self.reason


def encode_dead_letter(
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    rejected: Rejected,
    topic: str,
    partition: int,
    offset: int,
    cut: Cut | None = None,
) -> tuple[bytes | None, bytes | None, Headers]:
    """Key, value and headers of the dead letter for a record read at `topic`, `partition`, `offset`."""
    why = (
        (REASON, rejected.reason.encode()),
        (DETAIL, rejected.detail.encode("utf-8", "replace")),
        (TOPIC, topic.encode()),
        (PARTITION, b"%d" % partition),
        (OFFSET, b"%d" % offset),
    )
    return key, value, (*headers, *why, *(() if cut is None else _cut_headers(cut)))


def _cut_headers(cut: Cut) -> Headers:
    return (CUT, " ".join(cut.parts).encode()), (ORIGINAL_BYTES, b"%d" % cut.size), (ORIGINAL_SHA256, cut.sha256.encode())


def digest_of(value: bytes | None) -> str:
    """The digest of a value, as written in headers."""
    return hashlib.sha256(value or b"").hexdigest()


def cut_to(key: bytes | None, value: bytes | None, headers: Headers, room: int) -> tuple[bytes | None, bytes | None, Headers] | None:
    """The dead letter from `encode_dead_letter`, cut so that key, value and headers take at most `room` bytes; none if impossible.

    The value is cut first, down to its beginning; then the original headers go, then the key.
    """
    ours = max((position for position, (name, _) in enumerate(headers) if name == REASON), default=0)
    original, why = tuple(headers[:ours]), tuple(header for header in headers[ours:] if header[0] not in CUT_HEADERS)
    before = _cut_of(headers, ours)
    size, sha256 = (len(value or b""), digest_of(value)) if before is None else (before.size, before.sha256)
    for gone in (("value",), ("value", "headers"), ("value", "headers", "key")):
        kept_key, kept_headers = None if "key" in gone else key, () if "headers" in gone else original
        left = room - letter_size(kept_key, None, (*kept_headers, *why, *_cut_headers(Cut(PARTS, size, sha256))))
        if left < 0:
            continue
        kept = None if value is None else value[: min(KEPT_BYTES, left)]
        short = {"key": kept_key != key, "headers": len(kept_headers) < len(original), "value": kept != value}
        parts = [part for part in PARTS if short[part] or (before is not None and part in before.parts)]
        return kept_key, kept, (*kept_headers, *why, *_cut_headers(Cut(parts, size, sha256)))
    return None


_HEADER_BYTES: Final = 10
"""The most bytes that the lengths of a header's name and value take."""


def letter_size(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Bytes of a record with these parts, without the batch around it; sometimes slightly too many, never too few."""
    return 32 + len(key or b"") + len(value or b"") + sum(_HEADER_BYTES + len(name.encode()) + len(text or b"") for name, text in headers)


def _cut_of(headers: Headers, ours: int) -> Cut | None:
    """What the headers from position `ours` on say about cutting. Raises `DeadLetterError` if they make no sense."""
    told = {name: text for name, text in headers[ours:] if name in CUT_HEADERS}
    if CUT not in told:
        return None
    parts = (told[CUT] or b"").decode(errors="replace").split()
    size, digest = (told.get(name) or b"" for name in (ORIGINAL_BYTES, ORIGINAL_SHA256))
    if not _SIZE.fullmatch(size) or not _DIGEST.fullmatch(digest):
        raise DeadLetterError(f"not a dead letter: it is cut, but {ORIGINAL_BYTES} and {ORIGINAL_SHA256} do not say from what")
    return Cut([part for part in PARTS if part in parts], int(size), digest.decode())


def decode_dead_letter(key: bytes | None, value: bytes | None, headers: Headers) -> DeadLetter:
    """The dead letter in a record. Raises `DeadLetterError` if a header is missing or makes no sense."""
    told, original, cut = taken_apart(headers, HEADERS, REASONS)
    return DeadLetter(
        key=key,
        value=value,
        headers=original,
        reason=told[REASON],
        detail=told[DETAIL],
        topic=told[TOPIC],
        partition=int(told[PARTITION]),
        offset=int(told[OFFSET]),
        cut=cut,
    )


def taken_apart(headers: Headers, names: Sequence[str], reasons: Sequence[str]) -> tuple[Mapping[str, str], Headers, Cut | None]:
    """The text of the headers with these names, the original headers, and what was cut.

    Raises `DeadLetterError`, also if the reason is not one of `reasons`.
    """
    last = {name: position for position, (name, _) in enumerate(headers) if name in names}
    missing = [name for name in names if name not in last]
    # Kafka allows headers without a value.
    missing += [name for name, position in last.items() if headers[position][1] is None]
    if missing:
        raise DeadLetterError(f"not a dead letter: no header {', '.join(missing)}")
    try:
        told = {name: headers[position][1].decode() for name, position in last.items()}
        int(told[PARTITION]), int(told[OFFSET])
    except ValueError as error:
        raise DeadLetterError(f"not a dead letter: {error}") from None
    if told[REASON] not in reasons:
        raise DeadLetterError(f"not a dead letter: {REASON} is {told[REASON]!r}, not one of {', '.join(reasons)}")
    ours, begin = set(last.values()), last[REASON]
    cut = _cut_of(headers, begin)
    original = tuple(
        header
        for position, header in enumerate(headers)
        if position not in ours and not (cut is not None and position > begin and header[0] in CUT_HEADERS)
    )
    return told, original, cut


def attempts_of(headers: Headers) -> int:
    """How often a record with these headers was sent back to its topic."""
    # Any producer may write a header of this name, even without a value; if it is not a number, we did not write it.
    texts = [value or b"" for name, value in headers if name == ATTEMPT]
    return int(texts[-1]) if texts and _NUMBER.fullmatch(texts[-1]) else 0


def redriven_headers(letter: DeadLetter, topic: str, partition: int, offset: int) -> Headers:
    """Headers for sending back the dead letter read at `topic`, `partition`, `offset`: the original ones and the new ones."""
    original = tuple((name, value) for name, value in letter.headers if name not in (ATTEMPT, REDRIVEN_FROM))
    return (
        *original,
        (ATTEMPT, b"%d" % (attempts_of(letter.headers) + 1)),
        (REDRIVEN_FROM, f"{topic}/{partition}/{offset}".encode()),
    )
