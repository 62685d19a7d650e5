"""The rows of a record as they are stored: whole numbers one after another, which are put together without looking at names."""

from collections.abc import Collection, Sequence
from typing import Final, final

from mypy_extensions import mypyc_attr

from etapa.journey.ledger.tables import COLUMNS, FIGURES, NUMBERED, Table


@final
@mypyc_attr(acyclic=True)
class Rows:
    """Rows of a table: the number of the part, if they have one; the key as numbers of names, where -1 is none; and the figures."""

    __slots__ = ("_figures", "_index", "_keys", "_numbered", "in_parts", "numbers", "table")

    def __init__(self, table: Table, *, in_parts: bool, numbers: list[int] | None = None) -> None:
        """`numbers` are kept, not copied."""
        self.table: Final = table
        self.in_parts: Final = in_parts
        self.numbers: Final = [] if numbers is None else numbers
        columns = COLUMNS[table]
        self._keys: Final = len(columns)
        self._figures: Final = len(FIGURES[table])
        self._numbered: Final = len(columns) - 1 if columns[-1] in NUMBERED else len(columns)
        """From which column on keys hold numbers that are not those of names."""
        self._index: Final[dict[tuple[int, ...], int]] = {}
        """Where the figures of each key begin, with the part as its last number; empty until rows are added."""

    def __len__(self) -> int:
        return len(self.numbers) // self._width()

    def check(self, names: int) -> None:
        """Raises `ValueError` unless these are whole rows, and use only numbers of so many names."""
        numbers, width = self.numbers, self._width()
        if len(numbers) % width:
            raise ValueError(f"a page of {self.table} holds {len(numbers)} numbers, which is not a multiple of {width}")
        if not numbers:
            return
        for place in range(self.in_parts, self.in_parts + self._numbered):
            used = numbers[place::width]
            wrong = max(used) if min(used) >= -1 else min(used)
            if not -1 <= wrong < names:
                raise ValueError(f"a page of {self.table} has {names} names, but uses name number {wrong}")

    def parts(self) -> Collection[int]:
        """The numbers of the parts."""
        return set(self.numbers[:: self._width()]) if self.in_parts else ()

    def by_part(self) -> dict[int | None, list[int]]:
        """The rows of each part; those of none are the whole."""
        numbers, width = self.numbers, self._width()
        if not numbers:
            return {}
        if not self.in_parts:
            return {None: numbers}
        found: dict[int | None, list[int]] = {}
        for start in range(0, len(numbers), width):
            part = numbers[start]
            rows = found.get(part)
            if rows is None:
                rows = found[part] = []
            rows += numbers[start : start + width]
        return found

    def add(self, other: "Rows", renumbered: Sequence[int], part: int | None) -> None:
        """Add all rows of the same table. `renumbered`: the numbers that its names have here. `part`: where they belong, if these rows have parts."""
        numbers, theirs, keys, figures, index = self.numbers, other.numbers, self._keys, self._figures, self._indexed()
        number_of = [*renumbered, -1]
        named, width = self._numbered, other._width()
        for start in range(int(other.in_parts), len(theirs), width):
            row = [number_of[number] for number in theirs[start : start + named]]
            there = start + keys
            row += theirs[start + named : there]
            key = tuple(row) if part is None else (*row, part)
            place = index.get(key)
            if place is None:
                if part is not None:
                    numbers.append(part)
                numbers += row
                index[key] = len(numbers)
                numbers += theirs[there : there + figures]
            else:
                for n in range(figures):
                    numbers[place + n] = numbers[place + n] + theirs[there + n]

    def _indexed(self) -> dict[tuple[int, ...], int]:
        numbers, index, keys = self.numbers, self._index, self._keys
        if not index:
            before = int(self.in_parts)
            for start in range(before, len(numbers), self._width()):
                index[tuple(numbers[start : start + keys] + numbers[start - before : start])] = start + keys
        return index

    def _width(self) -> int:
        """The numbers of a row."""
        return self._keys + self._figures + int(self.in_parts)
