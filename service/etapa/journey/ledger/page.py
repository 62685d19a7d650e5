"""A page of the ledger: the figures of one table in one period."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, final

from etapa.journey.ledger.periods import Period
from etapa.journey.ledger.tables import COLUMNS, FIGURES, MOST_CELLS, MOST_NAMES, NUMBERED, OPEN_ENDED, OTHER, Figures, Key, Table

_NOT_YET: Final = -2


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
class NameTable:
    """Each name once, in the order of arrival. The pages of a record share one."""

    __slots__ = ("names", "numbers")

    def __init__(self, names: Sequence[str] = ()) -> None:
        """Raises `ValueError` if a name is there twice."""
        self.names: Final = list(names)
        self.numbers: Final = {name: number for number, name in enumerate(names)}
        """The place of each name in the list."""
        if len(self.numbers) < len(self.names):
            raise ValueError("a page of the ledger has a name twice")

    def number_of(self, name: str) -> int:
        """The place of a name, which is put at the end if it is not there yet."""
        number = self.numbers.get(name)
        if number is None:
            number = self.numbers[name] = len(self.names)
            self.names.append(name)
        return number


@final
class Page:
    """Figures by key, within bounds: anything beyond them is counted as `OTHER`, so that every sum stays right.

    Kept in the two lists in which it is stored, since a page is written much more often than it is read.
    """

    __slots__ = ("_figures", "_keys", "_limited", "_numbered", "_numbers", "_part", "_places", "_shared", "table")

    def __init__(self, table: Table, shared: NameTable | None = None, part: int | None = None) -> None:
        """`part`: the number with which each row begins, if it does. `shared`: the names of the record."""
        self.table: Final = table
        columns = COLUMNS[table]
        self._keys: Final = len(columns)
        self._figures: Final = len(FIGURES[table])
        self._numbered: Final = len(columns) - 1 if columns[-1] in NUMBERED else len(columns)
        """From which column on keys hold numbers instead of names."""
        self._shared: Final = NameTable() if shared is None else shared
        self._part: Final = part
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
        for key, figures in cells.items():
            self.add_columns([key], figures)

    def add_columns(self, keys: list[Key], figures: list[int]) -> None:
        """The same, for keys and their figures in one list. A key may be there several times."""
        numbers, places, width, start = self._numbers, self._by_key(), self._figures, 0
        for key in keys:
            place = places.get(key)
            if place is None:
                place = self._new(key)
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
        numbers, name_numbers = self._numbers, shared.numbers
        if self._part is not None:
            numbers.append(self._part)
        for part in key:
            if isinstance(part, str):
                number = name_numbers.get(part)
                numbers.append(shared.number_of(part) if number is None else number)
            else:
                numbers.append(-1 if part is None else part)
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
