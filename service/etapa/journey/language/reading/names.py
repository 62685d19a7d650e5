"""Ids in a journey file: their form, that they are unique, and that references to them exist."""

from collections.abc import Sequence
from dataclasses import dataclass

from etapa.journey.language.reading.findings import Report, listed, nearest, shortened
from etapa.journey.language.reading.maps import Field, ReadMap
from etapa.journey.language.reading.shapes import Name, Text

ID = Text(
    "an id (letters a to z without accents, digits, `-`, `_` and `.`, at most 64; accents can stand in a label)",
    "^[A-Za-z0-9][A-Za-z0-9_.-]*$",
    64,
)

_MOST_LISTED = 12


@dataclass(frozen=True)
class Known:
    """The ids of one kind, in the order of the file."""

    noun: str
    names: tuple[str, ...]
    complete: bool
    """False if an id could not be read, so that an id that seems missing may be that one."""

    @property
    def first(self) -> str | None:
        return self.names[0] if self.names and self.complete else None

    def check(self, name: Name, report: Report) -> bool:
        """Whether `name` exists; if not, it is reported."""
        if name.text in self.names:
            return True
        if self.complete:
            known = f": the file has {listed(self.names)}" if 0 < len(self.names) <= _MOST_LISTED else ""
            advice = nearest(name.text, self.names) or known
            report.error(name.position, f"there is no {self.noun} `{shortened(name.text)}`{advice}")
        return False


def known_among(records: Sequence[ReadMap], field: Field[str], noun: str, report: Report) -> Known:
    """The ids in `records`. Duplicates are reported."""
    lines: dict[str, int] = {}
    for record in records:
        name = record.get(field)
        if name is None:
            continue
        position = record.place(field)
        if name in lines:
            report.error(position, f"{noun} `{shortened(name)}` is already defined in line {lines[name]}")
        lines.setdefault(name, position.line)
    return Known(noun, tuple(lines), complete=bool(records) and all(record.get(field) is not None for record in records))
