"""Lists of texts as Redis' scripts take them: MessagePack, in parts without a head, so that parts can be put together to one list."""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final, NamedTuple

import msgspec

_pack: Final = msgspec.msgpack.Encoder().encode
LENGTH: Final = 4
"""Bytes of the length of a long text, after the byte that says so."""
_USUAL_LENGTHS: Final = 1024
_head: Final = Struct(">BI").pack
_long_heads: Final = [_head(0xDB, length) for length in range(_USUAL_LENGTHS)]


class PackedTexts(NamedTuple):
    """A part of a list: how many texts, and these, without the list's head."""

    number: int
    texts: bytes


def packed_texts(texts: list[str]) -> PackedTexts:
    """Texts, each with as short a head as it can have."""
    count = len(texts)
    return PackedTexts(count, _pack(texts)[1 if count < 16 else 3 if count < 2**16 else 1 + LENGTH :])


def packed_bytes(parts: Sequence[bytes]) -> PackedTexts:
    """Long texts, whatever bytes they are: they are marked as text, since Redis' unpacker knows no other bytes and does not check their content."""
    pieces: list[bytes] = []
    for part in parts:
        length = len(part)
        pieces.append(_long_heads[length] if length < _USUAL_LENGTHS else _head(0xDB, length))
        pieces.append(part)
    return PackedTexts(len(parts), b"".join(pieces))


def packed_list(parts: Iterable[PackedTexts]) -> bytes:
    """All of them as one list."""
    pieces = [b""]
    count = 0
    for part in parts:
        count += part.number
        pieces.append(part.texts)
    pieces[0] = _head(0xDD, count)
    return b"".join(pieces)


def long_texts_of(part: PackedTexts) -> list[bytes]:
    """The texts, all of which must be long ones."""
    found: list[bytes] = []
    texts, at = part.texts, 0
    while at < len(texts):
        start = at + 1 + LENGTH
        at = start + int.from_bytes(texts[at + 1 : start], "big")
        found.append(texts[start:at])
    return found


def texts_of(parts: Iterable[PackedTexts]) -> list[str]:
    """The texts of all of them."""
    return msgspec.msgpack.decode(packed_list(parts), type=list[str])
