"""Reading touchpoints from files or standard input, one after the other, plain or compressed."""

import sys
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import click

from etapa.commands.files.event_parts import DAMAGED, EventPart, files_meant
from etapa.commands.terminal.failures import CheckFailed, WrongUse, reason
from etapa.contracts.incoming.odd_bytes import Oddity
from etapa.contracts.incoming.rejected import Rejected
from etapa.hosting.foreign_text import printable

REJECTED_SHOWN = 5
"""How many unusable lines are shown one by one; the summary counts all of them."""


class EventFile:
    """Lines of a file (`-`: standard input), decompressed if necessary. A folder, a pattern, or `more` paths mean several files, read in turn.

    Used with `with`. Anything but JSON Lines is refused, with a hint about what it looks like, unless it is in `takes`. `columns`: Parquet and
    Avro are accepted too, and `parts` must be used. A file that cannot be opened ends the command with exit code 2; one that ends early
    or is damaged, with 1.
    """

    def __init__(self, path: str, *, takes: Collection[Oddity] = (), columns: bool = False, more: Sequence[str] = ()) -> None:
        if more and "-" in (path, *more):
            raise WrongUse("`-` is standard input, which cannot be read together with files: give either files or `-`")
        self.path = path
        self._more = more
        self.lines = 0
        self._takes = takes
        self._columns = columns
        self._files: list[str] = []
        self._opened = 0
        self._part: EventPart | None = None
        self._by_part = False
        self._done = 0
        """Bytes of the files before the current one."""
        self._size = 0
        self._ends_in_a_line = True

    @property
    def name(self) -> str:
        """The name of what is being read, for messages."""
        if self._part is not None and len(self._files) > 1:
            return self._part.name
        return "standard input" if self.path == "-" else self.path or "''"

    def __enter__(self) -> Self:
        self._files = [each for path in (self.path, *self._more) for each in files_meant(path)]
        self._part = self._open_next()
        self._size = self._part.size if len(self._files) == 1 else sum(Path(each).stat().st_size for each in self._files)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._part is not None:
            self._part.close()

    def parts(self) -> Iterator[EventPart]:
        """The files one after the other; until the next one is requested, `readline` reads only the current one."""
        self._by_part = True
        while True:
            yield self._now()
            if self._opened == len(self._files):
                return
            self._go_on()

    def readline(self, limit: int, /) -> bytes:
        """The next line, or its next `limit` bytes; empty at the end."""
        while True:
            line = self._line(limit)
            if line or self._by_part or self._opened == len(self._files):
                self._ends_in_a_line = line.endswith(b"\n")
                self.lines += self._ends_in_a_line
                return line
            ended, self._ends_in_a_line = self._ends_in_a_line, True
            self._go_on()
            if not ended:
                # The last line of a file may lack its line feed, and must not run into the next file's first line.
                self.lines += 1
                return b"\n"

    def count(self, records: int) -> None:
        """Count records that were not read as lines."""
        self.lines += records

    def share_read(self) -> float | None:
        """How much of the files has been read, from 0 to 1; None when their size is unknown, as for a pipe."""
        return min(1.0, (self._done + self._now().position()) / self._size) if self._part is not None and self._size else None

    def _line(self, limit: int) -> bytes:
        part = self._now()
        try:
            return part.reader.readline(limit)
        except EOFError:
            raise CheckFailed(f"{part.name}: the {part.packed} data ends early, after line {self.lines}; the file is incomplete") from None
        except DAMAGED as error:
            raise CheckFailed(f"{part.name}: the {part.packed} data is damaged after line {self.lines}: {error}") from None
        except OSError as error:
            if part.packed and error.errno is None:
                raise CheckFailed(f"{part.name}: the {part.packed} data is damaged after line {self.lines}: {error}") from None
            raise WrongUse(f"{part.name}: cannot read further than line {self.lines}: {reason(error)}") from None

    def _now(self) -> EventPart:
        if self._part is None:
            raise ValueError("the file is not open; use it by `with`")
        return self._part

    def _go_on(self) -> None:
        part = self._now()
        self._done += part.size
        part.close()
        self._part = self._open_next()

    def _open_next(self) -> EventPart:
        self._opened += 1
        return EventPart(self._files[self._opened - 1], self._takes, columns=self._columns)


class Complaints:
    """Reports on stderr why the first few unusable lines cannot be used."""

    def __init__(self) -> None:
        self._said = 0

    def __call__(self, line: int, rejected: Rejected) -> None:
        if self._said < REJECTED_SHOWN:
            self._said += 1
            click.echo(f"line {line}: {rejected.reason}: {printable(rejected.detail)}", err=True)


class LineProgress:
    """Passes lines on, and shows the progress at a terminal: how far, how fast, and how long it may still take.

    `output_scrolls`: results go to stdout meanwhile. Then nothing is shown if stdout is a terminal too.
    """

    LINES_BETWEEN_LOOKS = 2048
    SECONDS_BETWEEN_NEWS = 0.25
    WIDTH = 24
    WORTH_A_WORD = 10_000
    """The fewest lines for which the throughput is shown: with less, start-up time would dominate."""

    def __init__(self, lines: EventFile, *, output_scrolls: bool) -> None:
        self._lines = lines
        self._shown = sys.stderr.isatty() and not (output_scrolls and sys.stdout.isatty())
        self._next_look = self.LINES_BETWEEN_LOOKS
        self._started = self._last_news = self._merging_since = time.monotonic()

    def readline(self, limit: int, /) -> bytes:
        line = self._lines.readline(limit)
        if self._shown and self._lines.lines >= self._next_look:
            self._next_look += self.LINES_BETWEEN_LOOKS
            self._tell(self._lines.share_read(), f"{self._lines.lines:,} lines", self._lines.lines, self._started)
        return line

    def sorted_line(self, done: int, total: int) -> None:
        """Show how many of all lines, which were read and sorted before, were passed on in their order."""
        if self._shown and done % self.LINES_BETWEEN_LOOKS == 1:
            if done == 1:
                self._merging_since = time.monotonic()
            self._tell(done / total, f"{done:,} of {total:,} lines in order", done, self._merging_since)

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)

    def throughput(self) -> str | None:
        """How fast all lines were processed; None when there were too few to tell."""
        lines = self._lines.lines
        if lines < self.WORTH_A_WORD:
            return None
        seconds = max(time.monotonic() - self._started, 1e-3)
        return f"{lines:,} lines in {seconds:,.1f} s, {lines / seconds:,.0f} a second"

    def _tell(self, share: float | None, what: str, lines: int, since: float) -> None:
        now = time.monotonic()
        if now - self._last_news <= self.SECONDS_BETWEEN_NEWS:
            return
        self._last_news = now
        seconds = max(now - since, 1e-6)
        line = f"{what}, {lines / seconds:,.0f} a second"
        if share is not None:
            filled = int(share * self.WIDTH)
            remaining = seconds * (1 - share) / share if share else 0.0
            line = f"{'█' * filled}{'░' * (self.WIDTH - filled)} {share:4.0%}  {line}, {remaining:,.0f} s to go"
        click.echo(f"\r\x1b[K{line}", err=True, nl=False)
