"""Findings: what is wrong with a journey file, and where, all at once."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "info"]

MAX_FINDINGS = 500
"""Most findings; after that, reading on is not worthwhile, and the last finding says so."""

_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


class Position(NamedTuple):
    """A place in a file; both numbers count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a journey file. A file with an error cannot be used."""

    severity: Severity
    file: str
    line: int
    column: int
    message: str
    source_line: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}"

    def in_full(self) -> str:
        """The finding, its line of the file, and a caret under the place."""
        # Tabs stay tabs, so that the caret lines up in the reader's terminal.
        margin = "".join("\t" if character == "\t" else " " for character in self.source_line[: self.column - 1])
        return f"{self}\n  {self.source_line}\n  {margin}^"


class Report:
    """Gathers findings about one file."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._lines = _LINE_BREAK.split(text)
        self._findings: list[Finding] = []
        self._full = False
        self._errors = 0
        self.patterns: dict[str, int] = {}
        """The regular expressions read so far, each with the size of its program. Their number and total size are limited."""
        self.pattern_size = 0
        """The total size of all of them."""

    def error(self, position: Position, message: str) -> None:
        self._add("error", position, message)

    def warning(self, position: Position, message: str) -> None:
        self._add("warning", position, message)

    def info(self, position: Position, message: str) -> None:
        self._add("info", position, message)

    @property
    def has_errors(self) -> bool:
        return self._errors > 0

    @property
    def errors(self) -> int:
        """How many errors there are so far. If it is the same before and after reading a part, the part is sound."""
        return self._errors

    def findings(self) -> tuple[Finding, ...]:
        """In the order of the file. If there were too many, the last one says so."""
        ordered = sorted(self._findings[: MAX_FINDINGS - 1], key=lambda finding: (finding.line, finding.column))
        # Many warnings are no error: a file of a thousand sound rules may have so many.
        last = [replace(each, severity="error" if self.has_errors else "warning") for each in self._findings[MAX_FINDINGS - 1 :]]
        return (*ordered, *last)

    def written_at(self, position: Position) -> str:
        """The text of the file from `position` to the end of the line."""
        return self._lines[position.line - 1][position.column - 1 :] if position.line <= len(self._lines) else ""

    def _add(self, severity: Severity, position: Position, message: str) -> None:
        # Counted even if it is not kept, because the part read is still wrong.
        self._errors += severity == "error"
        if self._full:
            return
        if len(self._findings) == MAX_FINDINGS - 1:
            self._full = True
            message = f"more than {MAX_FINDINGS - 1} findings: fix these first"
        line = self._lines[position.line - 1] if position.line <= len(self._lines) else ""
        # Of a very long line, quote only a part.
        self._findings.append(Finding(severity, self._file, position.line, position.column, message, line[:1000]))


_CALLED_HERE: Mapping[str, tuple[str, ...]] = {
    "and": ("all",),
    "every": ("all",),
    "or": ("any",),
    "none": ("not",),
    "average": ("avg",),
    "mean": ("avg",),
    "total": ("sum",),
    "unique": ("distinct",),
    "latest": ("last",),
    "inactive": ("idle",),
    "type": ("event", "where"),
    "channel": ("where",),
    "properties": ("where",),
    "traits": ("where",),
    "for": ("within",),
    "since": ("within", "for"),
    "window": ("within", "for"),
    "within": ("for",),
    "if": ("when",),
    "condition": ("when",),
    "name": ("id",),
    "equal": ("eq",),
    "equals": ("eq",),
    "is": ("eq",),
    "=": ("eq",),
    "==": ("eq",),
    "is_not": ("ne",),
    "!=": ("ne",),
    ">": ("gt",),
    ">=": ("gte",),
    "at_least": ("gte",),
    "<": ("lt",),
    "<=": ("lte",),
    "at_most": ("lte",),
    "one_of": ("in",),
    "includes": ("contains",),
    "regex": ("matches",),
}
"""Words that people try first, with our names for them; the first one known in that place is suggested."""


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'count'?` if a known name is close to `word` or means the same; else empty."""
    names = list(known)
    spelled = word[:64].lower()
    # A path such as `properties.amount` is recognised by its first part.
    meant = [name for name in _CALLED_HERE.get(spelled.partition(".")[0], ()) if name in names]
    close = meant or difflib.get_close_matches(spelled, names, n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


def listed(names: Iterable[str]) -> str:
    """`` `a`, `b` and `c` ``."""
    quoted = [f"`{name}`" for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return ", ".join(quoted[:-1]) + " and " + quoted[-1]


MOST_LISTED = 8


def listed_shortly(names: Sequence[str]) -> str:
    """Like `listed`; of more than `MOST_LISTED` names only the first, and how many more there are."""
    if len(names) <= MOST_LISTED:
        return listed(names)
    return ", ".join(f"`{name}`" for name in names[: MOST_LISTED - 1]) + f" and {len(names) - MOST_LISTED + 1} others"


def shortened(text: str, limit: int = 60) -> str:
    """`text`, cut if it would make a message unreadable."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
