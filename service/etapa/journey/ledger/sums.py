"""Figures by key: what a tally counts, and what a page holds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, final

from mypy_extensions import mypyc_attr

from etapa.journey.ledger.plain_sums import PlainSums
from etapa.journey.ledger.quick_kind import quick_sums
from etapa.journey.ledger.tables import COLUMNS, FIGURES, NUMBERED, TABLES, Figures, Key, Segment, Table

_SHAPES: Final[dict[Table, tuple[int, int, int]]] = {
    table: (len(columns), len(FIGURES[table]), sum([1 << place for place, column in enumerate(columns) if column in NUMBERED]))
    for table, columns in COLUMNS.items()
}


class FlatSums(NamedTuple):
    """Figures as two plain lists, for storing: each name once; and for each key its parts (as numbers of names, -1 is none) and its figures."""

    names: list[str]
    numbers: list[int]


@final
@mypyc_attr(acyclic=True)
class TableSums:
    """Figures of a table by key, without bounds, in the order of arrival.

    `in_parts`: each key begins with the number of a part of the time that they cover: an hour of a day, or a day of a month.
    """

    __slots__ = ("_is_plain", "_kept", "in_parts", "table")

    def __init__(self, table: Table, *, in_parts: bool = False) -> None:
        self.table: Final = table
        self.in_parts: Final = in_parts
        quick = (_QUICK_IN_PARTS if in_parts else _QUICK).get(table)
        self._is_plain = quick is None
        """Whether a figure was too large for quick sums, or there are no such."""
        self._kept: Any = self._plain() if quick is None else quick.empty()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, key: Key, figures: tuple[int, ...]) -> None:
        """Add figures to those of a key, without part."""
        if not self._is_plain:
            try:
                _ADD(self._kept, key, figures)
            except OverflowError:
                self._become_plain()
            else:
                return
        self._kept.add(key, figures)

    @property
    def touch(self) -> Callable[[Segment, str, str | None], None]:
        """Counts one touchpoint, in sums that get nothing else: so no figure gets too large."""
        counting: Callable[[Segment, str, str | None], None] = self._kept.touch
        return counting

    def moved(self, persona: str | None, source: str | None, to: str, cause: str, rule: str | None, stay: int, first: int) -> None:
        """Add a move, after a stay of so many microseconds. `first`: 1 if the customer was never in `to` before, else 0."""
        if not self._is_plain:
            try:
                _COUNT(self._kept, persona, source, to, cause, rule, 1, stay, first)
            except OverflowError:
                self._become_plain()
            else:
                return
        self._kept.add((persona, source, to, cause, rule), (1, stay, first))

    def stayed(self, persona: str | None, source: str | None, to: str, bucket: int) -> None:
        """Count a stay before a move."""
        if self._is_plain:
            self.add((persona, source, to, bucket), (1,))
        else:
            _COUNT(self._kept, persona, source, to, bucket, 1)

    def add_all(self, other: "TableSums", part: int | None = None) -> None:
        """Add the figures of other sums of the table, to that part if these are in parts, whatever part they are of."""
        left_out = int(other.in_parts)
        if not self._is_plain and not other._is_plain:
            try:
                self._kept.add_all(other._kept, left_out, part)
            except OverflowError:
                pass
            else:
                return
        self._become_plain()
        self._kept.add_all(other._kept if other._is_plain else other._as_plain(), left_out, part)

    def load(self, flat: FlatSums) -> None:
        """Take over what was stored; there is nothing yet. Raises `ValueError` if that does not fit the table."""
        try:
            self._kept.load(flat.names, flat.numbers)
        except OverflowError:
            self._is_plain = True
            self._kept = self._plain()
            self._kept.load(flat.names, flat.numbers)

    def packed(self) -> bytes | None:
        """The same as `flat` in MessagePack; none if figures are too large for it, or may be."""
        return None if self._is_plain else self._kept.packed()

    def flat(self) -> FlatSums:
        """What is stored of it, in lists of its own."""
        names, numbers = self._kept.rows()
        return FlatSums(names, numbers)

    def most_names(self, columns: Sequence[int]) -> int:
        """How many names, none included, that one of these columns has that has the most."""
        before = int(self.in_parts)
        found: int = max([self._kept.names(before + column) for column in columns])
        return found

    def cells(self) -> Mapping[Key, Figures]:
        """All figures by key, with part."""
        names, numbers = self.flat()
        keys, figures, numbered = _shape(self.table, in_parts=self.in_parts)
        found: dict[Key, Figures] = {}
        for start in range(0, len(numbers), keys + figures):
            key: list[str | int | None] = []
            for column in range(keys):
                number = numbers[start + column]
                key.append(number if numbered >> column & 1 else None if number < 0 else names[number])
            found[tuple(key)] = numbers[start + keys : start + keys + figures]
        return found

    def _become_plain(self) -> None:
        if not self._is_plain:
            self._kept = self._as_plain()
            self._is_plain = True

    def _as_plain(self) -> PlainSums:
        plain = self._plain()
        plain.load(*self._kept.rows())
        return plain

    def _plain(self) -> PlainSums:
        keys, figures, numbered = _shape(self.table, in_parts=self.in_parts)
        return PlainSums(keys, figures, numbered)


def _shape(table: Table, *, in_parts: bool) -> tuple[int, int, int]:
    """How many columns a key has, and how many figures; and a bit for each column that holds numbers."""
    keys, figures, numbered = _SHAPES[table]
    return (keys + 1, figures, numbered << 1 | 1) if in_parts else (keys, figures, numbered)


def _empty(*, in_parts: bool) -> dict[Table, Any]:
    """Quick sums of each table, if there are such, from which to make others."""
    if quick_sums is None:
        return {}
    return {table: quick_sums(*_shape(table, in_parts=in_parts)) for table in TABLES}


_ADD: Final[Any] = PlainSums.add if quick_sums is None else quick_sums.add
"""Called with the sums, since looking a method up each time would cost as much as it does."""
_COUNT: Final[Any] = PlainSums.count if quick_sums is None else quick_sums.count
_QUICK: Final = _empty(in_parts=False)
_QUICK_IN_PARTS: Final = _empty(in_parts=True)
