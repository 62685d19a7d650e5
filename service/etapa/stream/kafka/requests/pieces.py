"""Requests that are written piece by piece: joining them would copy the megabytes of batches in them, once for each header that comes before."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

Piece = bytes | bytearray


class RequestPieces:
    """What a request consists of. aiokafka asks how long it is, puts headers before it, and hands it to the connection's writer."""

    __slots__ = ("parts",)

    def __init__(self, parts: Sequence[Piece]) -> None:
        """None of the parts may change until they are written."""
        self.parts: Final = parts

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __radd__(self, before: bytes) -> "RequestPieces":
        return RequestPieces([before, *self.parts])

    def __bytes__(self) -> bytes:
        return b"".join(self.parts)


class PieceWriter(asyncio.StreamWriter):
    """Writes pieces one after the other. Where its transport cannot, as asyncio's before Python 3.12, that joins them once."""

    def write(self, data: Any) -> None:
        """Write bytes, or pieces."""
        if isinstance(data, RequestPieces):
            self.writelines(data.parts)
        else:
            super().write(data)


def write_in_pieces(connection: Any) -> None:
    """Have this connection of aiokafka's take pieces."""
    connection._writer.__class__ = PieceWriter
