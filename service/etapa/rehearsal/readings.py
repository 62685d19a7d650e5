"""Touchpoints from JSON Lines: each line's number, and the touchpoint in it or why there is none."""

from collections.abc import Iterator
from typing import Final, Protocol

from etapa.contracts.decoder import Decoder
from etapa.contracts.rejected import Rejected
from etapa.journey.engine.touchpoint import Touchpoint

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Lines(Protocol):
    """What is read: a file opened in binary mode, or anything with its `readline`."""

    def readline(self, limit: int, /) -> bytes: ...


def readings(lines: Lines, decoder: Decoder, wall: int | None = None) -> Iterator[tuple[int, Touchpoint | Rejected]]:
    """Each line that is not blank, by its number from 1. A file has no record keys, so none is checked.

    `wall`: the clock, in microseconds since 1970, that a touchpoint may not be ahead of by more than a worker takes; none: by any time.
    """
    latest = decoder.latest(wall)
    for number, line in numbered(lines, decoder.max_bytes):
        yield number, decoder.read(line, wall, latest)


def numbered(lines: Lines, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, without their ends and without blank ones.

    Of a line that is too long only so much is kept that it shows, however long it is.
    """
    number = 0
    while line := lines.readline(max_bytes + 2):
        number += 1
        rest = line
        while len(rest) >= max_bytes + 2 and not rest.endswith(b"\n"):
            rest = lines.readline(max_bytes + 2)
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if line and not line.isspace():
            yield number, line.rstrip(b"\r\n")
