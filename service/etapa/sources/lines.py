"""Lines of a file with their numbers and a limited length."""

from collections.abc import Iterator
from typing import Final, Protocol

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Lines(Protocol):
    """A file opened in binary mode, or anything with the same `readline`."""

    def readline(self, limit: int, /) -> bytes: ...


def numbered(lines: Lines, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, without their ends and without blank ones.

    Of a line that is too long, only enough is kept to show that it is.
    """
    number = 0
    while line := lines.readline(max_bytes + 2):
        number += 1
        rest = line
        while len(rest) >= max_bytes + 2 and not rest.endswith(b"\n"):
            rest = lines.readline(max_bytes + 2)
        if number == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        if line and not line.isspace():
            yield number, line.rstrip(b"\r\n")
