"""Reading touchpoints from a file or standard input, plain or gzip, line by line."""

import gzip
import io
import os
import stat
import sys
import time
import zlib
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

import click

from etapa.commands.terminal.failures import CheckFailed, WrongUse, reason
from etapa.contracts.odd_bytes import Oddity, odd_file
from etapa.contracts.rejected import Rejected
from etapa.hosting.foreign_text import printable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GZIP_MAGIC = b"\x1f\x8b"

FIRST_LOOK = 4096
"""Bytes by which another format is recognised."""

REJECTED_SHOWN = 5
"""So many lines that cannot be used are shown one by one; the summary counts all of them."""


class EventFile:
    """Lines of a file (`-` is standard input), unpacked if it is gzip. Used by `with`; `readline` is all it gives.

    What is not JSON Lines is refused with a word on what it looks like, unless it is among `takes`.
    A file that cannot be opened ends the command with exit code 2, one that breaks off while it is read with 1.
    """

    def __init__(self, path: str, *, takes: Collection[Oddity] = ()) -> None:
        self.path = path
        self.lines = 0
        self._takes = takes
        self._open: BinaryIO | None = None
        self._reader: io.BufferedReader | None = None
        self._size = 0

    @property
    def name(self) -> str:
        """How messages name it."""
        return "standard input" if self.path == "-" else self.path or "''"

    def __enter__(self) -> Self:
        try:
            self._open = _standard_input() if self.path == "-" else Path(self.path).open("rb")
            buffered = self._open if isinstance(self._open, io.BufferedReader) else io.BufferedReader(_raw(self._open))
            self._size = _size_of(self._open)
            # By its first bytes, not by its name: what comes through a pipe has none.
            packed = buffered.peek(2)[:2] == GZIP_MAGIC
        except OSError as error:
            raise WrongUse(f"{self.name}: cannot read it: {reason(error)}") from None
        self._reader = io.BufferedReader(_raw(gzip.GzipFile(fileobj=buffered)), 1 << 16) if packed else buffered
        try:
            self._refuse_another_format()
        except CheckFailed:
            self._close()
            raise
        return self

    def _refuse_another_format(self) -> None:
        try:
            beginning = self._reader.peek(FIRST_LOOK)[:FIRST_LOOK] if self._reader is not None else b""
        except (OSError, EOFError, zlib.error):
            # Whoever reads on is told.
            return
        oddity = odd_file(beginning)
        if oddity is not None and oddity not in self._takes:
            name = "-" if self.path == "-" else self.path
            raise CheckFailed(
                f"{self.name}: it looks like {oddity.looks_like}; JSON Lines are read, one touchpoint a line, plain or gzip."
                f" {oddity.remedy[0].upper()}{oddity.remedy[1:].replace('FILE', name)}"
            )

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()

    def _close(self) -> None:
        if self.path != "-" and self._open is not None:
            self._open.close()

    def readline(self, limit: int, /) -> bytes:
        """The next line, or the next `limit` bytes of it; nothing at the end."""
        if self._reader is None:
            raise ValueError("the file is not open; use it by `with`")
        try:
            line = self._reader.readline(limit)
        except EOFError:
            raise CheckFailed(f"{self.name}: the gzip data ends early, after line {self.lines}; the file is incomplete") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise CheckFailed(f"{self.name}: the gzip data is damaged after line {self.lines}: {error}") from None
        except OSError as error:
            raise WrongUse(f"{self.name}: cannot read further than line {self.lines}: {reason(error)}") from None
        self.lines += line.endswith(b"\n")
        return line

    def share_read(self) -> float | None:
        """How much of the file has been read, from 0 to 1; none where its size is not known, as of a pipe."""
        return min(1.0, self._open.tell() / self._size) if self._open is not None and self._size else None


class Complaints:
    """Says on stderr why the first few lines cannot be used."""

    def __init__(self) -> None:
        self._said = 0

    def __call__(self, line: int, rejected: Rejected) -> None:
        if self._said < REJECTED_SHOWN:
            self._said += 1
            click.echo(f"line {line}: {rejected.reason}: {printable(rejected.detail)}", err=True)


class LineProgress:
    """Passes lines on, and tells a person at a terminal how far it got, how fast, and how long it may still take.

    `output_scrolls`: results go to stdout meanwhile. It is quiet then if stdout is the terminal, too.
    """

    LINES_BETWEEN_LOOKS = 2048
    SECONDS_BETWEEN_NEWS = 0.25
    WIDTH = 24
    WORTH_A_WORD = 10_000
    """Lines from which on the throughput is told at the end: below, it says more of the start than of the work."""

    def __init__(self, lines: EventFile, *, output_scrolls: bool) -> None:
        self._lines = lines
        self._shown = sys.stderr.isatty() and not (output_scrolls and sys.stdout.isatty())
        self._next_look = self.LINES_BETWEEN_LOOKS
        self._started = self._last_news = time.monotonic()

    def readline(self, limit: int, /) -> bytes:
        line = self._lines.readline(limit)
        if self._shown and self._lines.lines >= self._next_look:
            self._next_look += self.LINES_BETWEEN_LOOKS
            now = time.monotonic()
            if now - self._last_news > self.SECONDS_BETWEEN_NEWS:
                self._last_news = now
                click.echo(f"\r\x1b[K{self._line(now - self._started)}", err=True, nl=False)
        return line

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)

    def throughput(self) -> str | None:
        """How fast the lines were worked through, once all are; none when there were too few to tell."""
        lines = self._lines.lines
        if lines < self.WORTH_A_WORD:
            return None
        seconds = max(time.monotonic() - self._started, 1e-3)
        return f"{lines:,} lines in {seconds:,.1f} s, {lines / seconds:,.0f} a second"

    def _line(self, seconds: float) -> str:
        lines = self._lines.lines
        pace = f"{lines:,} lines, {lines / seconds:,.0f} a second"
        share = self._lines.share_read()
        if share is None:
            return pace
        filled = int(share * self.WIDTH)
        remaining = seconds * (1 - share) / share if share else 0.0
        return f"{'█' * filled}{'░' * (self.WIDTH - filled)} {share:4.0%}  {pace}, {remaining:,.0f} s to go"


def _standard_input() -> BinaryIO:
    """Standard input; a person who types it is told so, and need not end it twice."""
    if not sys.stdin.isatty():
        return sys.stdin.buffer
    click.echo("Reading from the terminal; Ctrl-D on an empty line ends it.", err=True)
    return io.BufferedReader(_TypedInput())


class _TypedInput(io.RawIOBase):
    """What is typed, up to the first Ctrl-D. A terminal would go on after it."""

    def __init__(self) -> None:
        self._ended = False

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return sys.stdin.fileno()

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        if self._ended:
            return 0
        room = memoryview(buffer)
        typed = os.read(self.fileno(), len(room))
        room[: len(typed)] = typed
        self._ended = not typed
        return len(typed)


def _size_of(stream: BinaryIO) -> int:
    """Bytes of a regular file; 0 for whatever has no size known in advance."""
    try:
        status = os.fstat(stream.fileno())
    except io.UnsupportedOperation:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _raw(stream: BinaryIO | gzip.GzipFile) -> io.RawIOBase:
    # A BufferedReader asks for no more than `readinto`, which all binary streams have.
    return stream  # type: ignore[return-value]
