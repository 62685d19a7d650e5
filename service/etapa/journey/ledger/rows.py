"""The rows of a record as they are stored: whole numbers one after another, which are put together without looking at names."""

from collections.abc import Collection, Sequence
from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from etapa.journey.ledger.tables import COLUMNS, FIGURES, NUMBERED, Table

_NAME_BITS: Final = 8
"""Of the number of a name in the number of a key. Five names, the part and a number take fewer than 64."""
_NUMBER_BITS: Final = 16
_LARGEST: Final = (1 << _NUMBER_BITS) - 1


@final
@mypyc_attr(acyclic=True)
class Rows:
    """Rows of a table: the number of the part, if they have one; the key as numbers of names, where -1 is none; and the figures."""

    __slots__ = ("_figures", "_index", "_is_small", "_keys", "_numbered", "in_parts", "numbers", "table")

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
        self._is_small = False
        """Whether that was found; what is added later is so, too."""
        self._index: Final[dict[int, int]] = {}
        """Where the figures of each key begin, by part and key in one number; empty until rows are added."""

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

    def has_small_numbers(self) -> bool:
        """Whether all numbers in keys that are not those of names are such as `add` can take, as those of all true buckets are."""
        if not self._is_small and self._numbered < self._keys and self.numbers:
            used = self.numbers[int(self.in_parts) + self._numbered :: self._width()]
            self._is_small = min(used) >= 0 and max(used) <= _LARGEST
            return self._is_small
        return True

    def add(self, other: "Rows", renumbered: Sequence[int], part: int | None) -> None:
        """Add all rows of the same table; both have small numbers, and fewer than 255 names. `renumbered`: the numbers that its names have here.

        `part`: where they belong, if these rows have parts.
        """
        numbers, theirs, index = self.numbers, other.numbers, self._indexed()
        number_of = [*renumbered, -1]
        named, keys, figures, width = self._numbered, self._keys, self._figures, other._width()
        first: i64 = 0 if part is None else part
        for start in range(int(other.in_parts), len(theirs), width):
            key: i64 = first
            for place in range(start, start + named):
                number: i64 = number_of[theirs[place]]
                key = key << _NAME_BITS | number + 1
            if named < keys:
                number = theirs[start + named]
                key = key << _NUMBER_BITS | number
            there = index.get(key, -1)
            if there < 0:
                if part is not None:
                    numbers.append(part)
                for place in range(start, start + named):
                    numbers.append(number_of[theirs[place]])
                for place in range(start + named, start + keys):
                    numbers.append(theirs[place])
                index[key] = len(numbers)
                for place in range(start + keys, start + keys + figures):
                    numbers.append(theirs[place])
            else:
                for n in range(figures):
                    numbers[there + n] = numbers[there + n] + theirs[start + keys + n]

    def _indexed(self) -> dict[int, int]:
        numbers, index, named, keys = self.numbers, self._index, self._numbered, self._keys
        if not index:
            before = int(self.in_parts)
            for start in range(before, len(numbers), self._width()):
                key: i64 = numbers[start - 1] if before else 0
                for place in range(start, start + named):
                    number: i64 = numbers[place]
                    key = key << _NAME_BITS | number + 1
                if named < keys:
                    number = numbers[start + named]
                    key = key << _NUMBER_BITS | number
                index[key] = start + keys
        return index

    def _width(self) -> int:
        """The numbers of a row."""
        return self._keys + self._figures + int(self.in_parts)
