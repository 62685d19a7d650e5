"""A page of the ledger: the figures of one table in one period."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, final

from mypy_extensions import mypyc_attr

from etapa.journey.ledger.cells import Cell
from etapa.journey.ledger.periods import Period
from etapa.journey.ledger.tables import COLUMNS, FIGURES, MOST_CELLS, MOST_NAMES, NUMBERED, OPEN_ENDED, OTHER, Figures, Key, Table
from etapa.journey.ledger.tally import CountedCells

_NOT_YET: Final = -2
_SHAPES: Final[dict[Table, tuple[int, int, int]]] = {
    table: (len(columns), len(FIGURES[table]), len(columns) - 1 if columns[-1] in NUMBERED else len(columns))
    for table, columns in COLUMNS.items()
}


class PageKey(NamedTuple):
    """The table and the period of a page."""

    table: Table
    period: Period


def page_key(table: Table, period: Period) -> PageKey:
    """The same as `PageKey`, at a fifth of the cost. A history needs thousands of them."""
    return tuple.__new__(PageKey, (table, period))


class FlatPage(NamedTuple):
    """A page as two plain lists, for storing: each name once; and for each cell its key (as indexes of names, -1 is none) and figures."""

    names: list[str]
    numbers: list[int]


@final
@mypyc_attr(acyclic=True)
class NameTable:
    """Each name once, in the order of arrival. The pages of a record share one."""

    __slots__ = ("names", "numbers", "token")

    def __init__(self, names: Sequence[str] = ()) -> None:
        """Raises `ValueError` if a name is there twice."""
        self.names: Final = list(names)
        self.numbers: Final = {name: number for number, name in enumerate(names)}
        """The place of each name in the list."""
        self.token: Final = object()
        """Stands for the table where something is remembered of it that should not keep it in memory."""
        if len(self.numbers) < len(self.names):
            raise ValueError("a page of the ledger has a name twice")

    def numbers_of(self, key: Key) -> list[int]:
        """A key as it begins its row: the places of names, -1 for none, and numbers as they are."""
        found: list[int] = []
        numbers = self.numbers
        for part in key:
            if part is None:
                found.append(-1)
            elif isinstance(part, str):
                number = numbers.get(part, -1)
                found.append(number if number >= 0 else self.number_of(part))
            else:
                found.append(part)
        return found

    def number_of(self, name: str) -> int:
        """The place of a name, which is put at the end if it is not there yet."""
        number = self.numbers.get(name)
        if number is None:
            number = self.numbers[name] = len(self.names)
            self.names.append(name)
        return number


@final
@mypyc_attr(acyclic=True)
class Page:
    """Figures by key, within bounds: anything beyond them is counted as `OTHER`, so that every sum stays right.

    Kept in the two lists in which it is stored, since a page is written much more often than it is read.
    """

    __slots__ = ("_figures", "_keys", "_limited", "_numbered", "_numbers", "_part", "_places", "_shared", "_token", "table")

    def __init__(self, table: Table, shared: NameTable | None = None, part: int | None = None) -> None:
        """`part`: the number with which each row begins, if it does. `shared`: the names of the record."""
        self.table: Final = table
        self._keys, self._figures, self._numbered = _SHAPES[table]
        """The columns of a key, how many figures there are, and from which column on keys hold numbers instead of names."""
        self._shared: Final = NameTable() if shared is None else shared
        self._part: Final = part
        self._token: Final = object()
        """Stands for the page in cells that were entered here."""
        self._numbers: Final[list[int]] = []
        self._places: Final[dict[Key, int]] = {}
        """Where the figures of each key begin among the numbers; empty until somebody asks for a key."""
        self._limited: Final[dict[int, set[str | int | None]]] = {}
        """The names in each open-ended column, and `OTHER`. Empty while there are too few names for any column to be full."""

    def __len__(self) -> int:
        return len(self._numbers) // self._width()

    def cells(self) -> Mapping[Key, Figures]:
        """The figures by key."""
        numbers, width = self._numbers, self._figures
        return {key: numbers[place : place + width] for key, place in self._by_key().items()}

    def add(self, cells: Mapping[Key, Figures]) -> None:
        """Add figures to the existing ones."""
        numbers, places, width = self._numbers, self._by_key(), self._figures
        for key, figures in cells.items():
            place = places.get(key)
            if place is None:
                place = self._new(key)
                if place < 0:
                    numbers += figures
                    continue
            for n in range(width):
                numbers[place + n] = numbers[place + n] + figures[n]

    def add_counted(self, parts: Sequence[CountedCells]) -> None:
        """The same for what a tally counted in the page's period: no two cells have the same key."""
        # Cells are new to an empty page unless they were just entered here, so nothing is looked up by its key.
        is_new = not self._numbers
        numbers, width, token = self._numbers, self._figures, self._token
        for part in parts:
            figures, start = part.figures, 0
            for cell in part.cells:
                place = cell.place if cell.page is token else self._place_of(cell, is_new=is_new)
                if width == 1:
                    if place < 0:
                        numbers.append(figures[start])
                    else:
                        # Compiled, `+=` would be slower here: it adds objects.
                        numbers[place] = numbers[place] + figures[start]
                elif place < 0:
                    numbers += figures[start : start + width]
                else:
                    for n in range(width):
                        numbers[place + n] = numbers[place + n] + figures[start + n]
                start += width

    def add_page(self, other: "Page") -> None:
        """Add the figures of another page of the table."""
        if not self._numbers:
            self._become(other)
            return
        numbers, places, width = self._numbers, self._by_key(), self._figures
        for key, there in other._by_key().items():
            place = places.get(key)
            if place is None:
                place = self._new(key)
                if place < 0:
                    numbers += other._numbers[there : there + width]
                    continue
            for n in range(width):
                numbers[place + n] = numbers[place + n] + other._numbers[there + n]

    def add_rows(self, rows: Sequence[int]) -> None:
        """Add rows as in `rows`, to an empty page or such of keys that it does not have, with numbers of the record's names."""
        self._numbers.extend(rows)

    def rows(self) -> list[int]:
        """The numbers of `flat`."""
        return self._numbers

    def flat(self) -> FlatPage:
        """The page, in the order of arrival. Do not change the lists."""
        return FlatPage(self._shared.names, self._numbers)

    def _width(self) -> int:
        """The numbers of a row."""
        return self._keys + self._figures + (self._part is not None)

    def _become(self, other: "Page") -> None:
        """Take over the rows of another page of the table, which is within the same bounds."""
        shared, numbers, theirs, names = self._shared, self._numbers, other._numbers, other._shared.names
        # Filled as names are met, since their record may have names of other pages. Number -1 is none in both.
        renumbered = [_NOT_YET] * len(names)
        renumbered.append(-1)
        keys, named, part, start = self._keys, self._numbered, self._part, 0
        while start < len(theirs):
            if other._part is not None:
                start += 1
            if part is not None:
                numbers.append(part)
            for place in range(start, start + named):
                theirs_is = theirs[place]
                ours = renumbered[theirs_is]
                if ours == _NOT_YET:
                    ours = renumbered[theirs_is] = shared.number_of(names[theirs_is])
                numbers.append(ours)
            numbers += theirs[start + named : start + keys + self._figures]
            start += keys + self._figures

    def _by_key(self) -> dict[Key, int]:
        places, numbers = self._places, self._numbers
        if places or not numbers:
            return places
        names, named = self._shared.names, self._numbered
        before, width = 0 if self._part is None else 1, self._width()
        for start in range(before, len(numbers), width):
            key: list[str | int | None] = []
            for column in range(self._keys):
                number = numbers[start + column]
                key.append(number if column >= named else None if number < 0 else names[number])
            places[tuple(key)] = start + self._keys
        return places

    def _place_of(self, cell: Cell, *, is_new: bool) -> int:
        """Where to count in a cell from now on; or -1, and its figures are to be put at the end."""
        numbers, shared = self._numbers, self._shared
        if is_new and len(shared.names) < MOST_NAMES and len(numbers) < MOST_CELLS:
            place = -1
            if self._part is not None:
                numbers.append(self._part)
            if cell.named_in is not shared.token:
                cell.named_in, cell.name_numbers = shared.token, shared.numbers_of(cell.key)
            numbers += cell.name_numbers
        else:
            found = self._by_key().get(cell.key)
            place = self._new(cell.key) if found is None else found
        cell.page, cell.place = self._token, len(numbers) if place < 0 else place
        return place

    def _new(self, key: Key) -> int:
        """Where to count a new key that is counted as another one; or -1, and the key's figures are to be put at the end."""
        places, shared = self._places, self._shared
        # As long as the whole record has too few names for a column to be full, each page has.
        if len(shared.names) >= MOST_NAMES or len(places) >= MOST_CELLS:
            admitted = self._admitted(key)
            if admitted is not key:
                found = places.get(admitted)
                if found is not None:
                    return found
                key = admitted
        numbers = self._numbers
        if self._part is not None:
            numbers.append(self._part)
        numbers += shared.numbers_of(key)
        places[key] = len(numbers)
        return -1

    def _admitted(self, key: Key) -> Key:
        """The key under which a new key is counted."""
        if len(self._places) >= MOST_CELLS:
            return tuple([part if isinstance(part, int) else OTHER for part in key])
        if not self._limited:
            for place, column in enumerate(COLUMNS[self.table]):
                if column in OPEN_ENDED:
                    self._limited[place] = {OTHER, *[each[place] for each in self._places if each[place] is not None]}
        for place, names in self._limited.items():
            name = key[place]
            if name is None or name in names:
                continue
            # `OTHER` is among the names but does not count.
            if len(names) <= MOST_NAMES:
                names.add(name)
            else:
                key = (*key[:place], OTHER, *key[place + 1 :])
        return key
