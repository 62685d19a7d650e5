"""A page of the ledger: the figures of one table in one period."""

from collections.abc import Mapping
from typing import Final, NamedTuple, final

from etapa.journey.ledger.periods import Period
from etapa.journey.ledger.tables import COLUMNS, FIGURES, MOST_CELLS, MOST_NAMES, OPEN_ENDED, OTHER, Figures, Key, Table


class PageKey(NamedTuple):
    """The table and the period of a page."""

    table: Table
    period: Period


class FlatPage(NamedTuple):
    """A page as two plain lists, for storing: each name once; and for each cell its key (as indexes of names, -1 is none) and figures."""

    names: list[str]
    numbers: list[int]


@final
class Page:
    """Figures by key, within bounds: anything beyond them is counted as `OTHER`, so that every sum stays right.

    Kept in the two lists in which it is stored, since a page is written much more often than it is read.
    """

    __slots__ = ("_figures", "_limited", "_name_numbers", "_names", "_numbers", "_places", "table")

    def __init__(self, table: Table) -> None:
        self.table: Final = table
        self._figures: Final = len(FIGURES[table])
        self._names: Final[list[str]] = []
        self._name_numbers: Final[dict[str, int]] = {}
        self._numbers: Final[list[int]] = []
        self._places: Final[dict[Key, int]] = {}
        """Where the figures of each key begin among the numbers."""
        self._limited: Final[dict[int, set[str | int | None]]] = {}
        """The names in each open-ended column, and `OTHER`. Empty while there are too few names for any column to be full."""

    def __len__(self) -> int:
        return len(self._places)

    def cells(self) -> Mapping[Key, Figures]:
        """The figures by key."""
        numbers, width = self._numbers, self._figures
        return {key: numbers[place : place + width] for key, place in self._places.items()}

    def add(self, cells: Mapping[Key, Figures]) -> None:
        """Add figures to the existing ones."""
        numbers, places = self._numbers, self._places
        for key, figures in cells.items():
            place = places.get(key)
            if place is None:
                place = self._new(key)
                if place < 0:
                    numbers += figures
                    continue
            for figure in figures:
                numbers[place] += figure
                place += 1

    def add_page(self, other: "Page") -> None:
        """Add the figures of another page of the table."""
        numbers, places, width = self._numbers, self._places, self._figures
        for key, there in other._places.items():
            place = places.get(key)
            if place is None:
                place = self._new(key)
                if place < 0:
                    numbers += other._numbers[there : there + width]
                    continue
            for n in range(width):
                numbers[place + n] += other._numbers[there + n]

    def flat(self) -> FlatPage:
        """The page, in the order of arrival. Do not change the lists."""
        return FlatPage(self._names, self._numbers)

    def _new(self, key: Key) -> int:
        """Where to count a new key that is counted as another one; or -1, and the key's figures are to be put at the end."""
        admitted = self._admitted(key)
        if admitted is not key:
            found = self._places.get(admitted)
            if found is not None:
                return found
        numbers, name_numbers = self._numbers, self._name_numbers
        for part in admitted:
            if part is None:
                numbers.append(-1)
            elif isinstance(part, str):
                number = name_numbers.get(part)
                if number is None:
                    number = name_numbers[part] = len(self._names)
                    self._names.append(part)
                numbers.append(number)
            else:
                numbers.append(part)
        self._places[admitted] = len(numbers)
        return -1

    def _admitted(self, key: Key) -> Key:
        """The key under which a new key is counted."""
        if len(self._places) >= MOST_CELLS:
            return tuple([part if isinstance(part, int) else OTHER for part in key])
        if len(self._names) < MOST_NAMES:
            return key
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
