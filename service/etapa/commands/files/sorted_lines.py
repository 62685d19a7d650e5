"""Sorts the lines of a file by the time of their touchpoints, in limited memory: in portions on disk, which are then merged."""

import heapq
import tempfile
from collections.abc import Callable, Iterator
from struct import Struct
from typing import IO, Final

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.rejected import Rejected
from etapa.journey.engine.facts.instant import NEVER
from etapa.sources.lines import Lines, numbered

PORTION: Final = 64 * 1024 * 1024
"""How many bytes of lines are sorted in memory at a time."""

_HEAD: Final = Struct(">qqI")
"""Time, number of the line, length of the line."""

_Entry = tuple[int, int, bytes]


class SortedLines:
    """All lines of a source, earliest touchpoint first; lines with the same time keep their order.

    A line without a touchpoint stays behind the one before it. `number` is the number in the source of the line read last. `on_merged` is
    called for each line with the number of lines given so far, and of all.
    """

    def __init__(
        self, lines: Lines, decoder: Decoder, portion: int = PORTION, *, on_merged: Callable[[int, int], None] = lambda _done, _all: None
    ) -> None:
        self.number = 0
        self._given = self._all = 0
        self._on_merged = on_merged
        self._merged = self._in_order(lines, decoder, portion)

    def readline(self, limit: int, /) -> bytes:
        """The next line, or the beginning of one that is too long."""
        entry = next(self._merged, None)
        if entry is None:
            return b""
        _, self.number, line = entry
        self._given += 1
        self._on_merged(self._given, self._all)
        return line[: limit - 1] + b"\n"

    def _in_order(self, lines: Lines, decoder: Decoder, portion: int) -> Iterator[_Entry]:
        files: list[IO[bytes]] = []
        held: list[_Entry] = []
        size, at = 0, -(2**63)
        try:
            for number, line in numbered(lines, decoder.max_bytes):
                touchpoint = decoder.read(line, None, NEVER)
                at = at if isinstance(touchpoint, Rejected) else touchpoint.at
                held.append((at, number, line))
                self._all += 1
                size += len(line)
                if size > portion:
                    files.append(_put_away(sorted(held)))
                    held, size = [], 0
            yield from heapq.merge(sorted(held), *map(_read_back, files))
        finally:
            for file in files:
                file.close()


def _put_away(entries: list[_Entry]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed after it is read back
    for at, number, line in entries:
        file.write(_HEAD.pack(at, number, len(line)))
        file.write(line)
    file.seek(0)
    return file


def _read_back(file: IO[bytes]) -> Iterator[_Entry]:
    while head := file.read(_HEAD.size):
        at, number, length = _HEAD.unpack(head)
        yield at, number, file.read(length)
