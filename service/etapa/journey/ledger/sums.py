"""Figures by key: what a tally counts, and what a page holds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, final

from mypy_extensions import mypyc_attr

from etapa.journey.ledger.plain_sums import PlainSums
from etapa.journey.ledger.quick_kind import quick_sums
from etapa.journey.ledger.tables import COLUMNS, FIGURES, NUMBERED, TABLES, Counted, Figures, Key, Segment, Table

_SHAPES: Final[dict[Table, tuple[int, int, int]]] = {
    table: (len(columns), len(FIGURES[table]), int(columns[-1] in NUMBERED)) for table, columns in COLUMNS.items()
}


class FlatSums(NamedTuple):
    """Figures as two plain lists, for storing: each name once; and for each key its parts (as numbers of names, -1 is none) and its figures."""

    names: list[str]
    numbers: list[int]


@final
@mypyc_attr(acyclic=True)
class TableSums:
    """Figures of a table by key, without bounds, in the order of arrival.

    `in_parts`: each part of the time that they cover has figures of its own: an hour of a day or of a batch, or a day of a month. Then each
    key begins with the part's number.
    """

    __slots__ = ("_is_plain", "_kept", "in_parts", "part", "table")

    def __init__(self, table: Table, *, in_parts: bool = False) -> None:
        self.table: Final = table
        self.in_parts: Final = in_parts
        quick = (_QUICK_IN_PARTS if in_parts else _QUICK).get(table)
        self._is_plain = quick is None
        """Whether a figure was too large for quick sums, or there are no such."""
        self._kept: Any = self._plain() if quick is None else quick.empty()
        self.part: int = 0
        """The part in which is counted."""

    def __len__(self) -> int:
        return len(self._kept)

    def has_any(self) -> bool:
        """Whether anything was counted; quicker than `len`, for which keys that were counted twice are put together."""
        found: bool = self._kept.has_any()
        return found

    def turn(self, part: int) -> None:
        """Count in this part from now on."""
        self.part = part
        if not self._is_plain:  # only compiled
            try:
                self._kept.turn(part)
            except OverflowError:
                self._become_plain()
            else:
                return
        self._kept.turn(part)

    def add(self, key: Key, figures: tuple[int, ...]) -> None:
        """Add figures to those of a key, in the present part."""
        if not self._is_plain:  # only compiled
            try:
                _ADD(self._kept, key, figures)
            except OverflowError:
                self._become_plain()
            else:
                return
        self._kept.add(key, figures)

    @property
    def touch(self) -> Callable[[Segment, str, str | None], None]:
        """Counts one touchpoint. Raises `OverflowError` if these sums have to be plain for it, as `add` makes them; this is then another function."""
        counting: Callable[[Segment, str, str | None], None] = self._kept.touch
        return counting

    def offered(self, persona: str | None, campaign: str, outcome: str) -> None:
        """Count an offer to a campaign once."""
        if not self._is_plain:  # only compiled
            try:
                _OFFERED(self._kept, persona, campaign, outcome)
            except OverflowError:
                self._become_plain()
            else:
                return
        self._kept.offered(persona, campaign, outcome)

    def moved(
        self,
        stays: "TableSums",
        persona: str | None,
        source: str | None,
        to: str,
        cause: str,
        rule: str | None,
        stay: int | None,
        first: int,
        ways: "TableSums",
        counts: tuple[Counted, ...],
    ) -> bool:
        """Count a move; and in `stays` the time spent in `source`, in microseconds, if there is one. `first`: 1 if the customer was never in `to`, else 0.

        True if `counts` are added, too: that is done if all are of the table of `ways`, where many moves add the very same.
        """
        if not self._is_plain and not stays._is_plain and not ways._is_plain:  # only compiled
            try:
                added: bool = _MOVED(self._kept, stays._kept, persona, source, to, cause, rule, stay, first, ways._kept, ways.table, counts)
            except OverflowError:
                pass
            else:
                return added
        if not self._is_plain or not stays._is_plain:
            self._become_plain()
            stays._become_plain()
        return bool(self._kept.moved(stays._kept, persona, source, to, cause, rule, stay, first, ways._kept, ways.table, counts))

    def add_all(self, other: "TableSums", part: int | None = None) -> None:
        """Add the figures of other sums of the table, to that part if these are in parts, whatever part they are of."""
        if not self._is_plain and not other._is_plain:  # only compiled
            try:
                self._kept.add_all(other._kept, part)
            except OverflowError:
                pass
            else:
                return
        self._become_plain()
        self._kept.add_all(other._kept if other._is_plain else other._as_plain(), part)

    def spread(self, where: dict[int, int], places: Sequence["Place | None"]) -> bool:
        """Add the figures of each part to the sums at its place, whose number `where` tells. False, with nothing done, if some are plain and others not, or cannot."""
        if any(place is not None and place[0]._is_plain is not self._is_plain for place in places):
            return False
        try:
            self._kept.spread(where, [None if place is None else (place[0]._kept, place[1]) for place in places])
        except OverflowError:
            return False
        return True

    def rows_by_place(self, where: dict[int, int], places: int) -> list[int]:
        """How many rows go to each place at most."""
        rows: list[int] = self._kept.rows_by_place(where, places)
        return rows

    def by_place(self, where: dict[int, int]) -> "Mapping[int, TableSums]":
        """The figures of each place as sums of their own."""
        found: dict[int, TableSums] = {}
        for key, figures in self.cells().items():
            place = where[int(key[0] or 0)]
            there = found.get(place)
            if there is None:
                there = found[place] = TableSums(self.table)
            there.add(key[1:], tuple(figures))
        return found

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

    def packed_columns(self) -> bytes | None:
        """In MessagePack, too: names, and numbers by columns. Rows are ordered by key and then by part; the numbers of keys are differences."""
        return None if self._is_plain else self._kept.packed_columns()

    def flat(self) -> FlatSums:
        """What is stored of it, in lists of its own."""
        names, numbers = self._kept.rows()
        return FlatSums(names, numbers)

    def all_names(self) -> int:
        """How many names there are in all columns; a few more if some are no longer used."""
        found: int = self._kept.all_names()
        return found

    def most_names(self, columns: Sequence[int]) -> int:
        """How many names, none included, that one of these columns has that has the most."""
        found: int = max([self._kept.names(column) for column in columns])
        return found

    def cells(self) -> Mapping[Key, Figures]:
        """All figures by key, with part."""
        found: Mapping[Key, Figures] = self._kept.cells() if self._is_plain else self._read_out()
        return found

    def _read_out(self) -> Mapping[Key, Figures]:  # only compiled
        names, numbers = self.flat()
        columns, figures, numbered = _SHAPES[self.table]
        keys = columns + self.in_parts
        named = range(self.in_parts, keys - numbered)
        found: dict[Key, Figures] = {}
        for start in range(0, len(numbers), keys + figures):
            key: list[str | int | None] = []
            for column in range(keys):
                number = numbers[start + column]
                key.append(number if column not in named else None if number < 0 else names[number])
            found[tuple(key)] = numbers[start + keys : start + keys + figures]
        return found

    def _become_plain(self) -> None:
        if not self._is_plain:  # only compiled
            self._kept = self._as_plain()
            self._is_plain = True
            if self.in_parts:
                self._kept.turn(self.part)

    def _as_plain(self) -> PlainSums:
        plain = self._plain()
        plain.load(*self._kept.rows())
        return plain

    def _plain(self) -> PlainSums:
        return PlainSums(*_SHAPES[self.table], self.in_parts)


Place = tuple[TableSums, int | None]
"""Where figures are added: sums, and the part of theirs if they are in parts."""


def _empty(*, in_parts: bool) -> dict[Table, Any]:
    """Quick sums of each table, if there are such, from which to make others."""
    if quick_sums is None:
        return {}
    return {table: quick_sums(*_SHAPES[table], in_parts) for table in TABLES}


_ADD: Final[Any] = PlainSums.add if quick_sums is None else quick_sums.add
"""Called with the sums, since looking a method up each time would cost as much as it does."""
_OFFERED: Final[Any] = PlainSums.offered if quick_sums is None else quick_sums.offered
_MOVED: Final[Any] = PlainSums.moved if quick_sums is None else quick_sums.moved
_QUICK: Final = _empty(in_parts=False)
_QUICK_IN_PARTS: Final = _empty(in_parts=True)
