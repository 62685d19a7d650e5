"""A page of the ledger: the figures of one table in one period."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, final

from etapa.journey.ledger.periods import Period
from etapa.journey.ledger.tables import COLUMNS, FIGURES, MOST_CELLS, MOST_NAMES, NUMBERED, OPEN_ENDED, OTHER, Figures, Key, Table
from etapa.journey.ledger.tally import add_figures


class PageKey(NamedTuple):
    """The table and the period of a page."""

    table: Table
    period: Period


class FlatPage(NamedTuple):
    """A page as two plain lists, for storing: each name once; and for each cell its key (as indexes of names, -1 is none) and figures."""

    names: Sequence[str]
    numbers: Sequence[int]


@final
class Page:
    """Figures by key, within bounds: anything beyond them is counted as `OTHER`, so that every sum stays right."""

    __slots__ = ("_cells", "_limited", "_names", "table")

    def __init__(self, table: Table) -> None:
        self.table: Final = table
        self._cells: Final[dict[Key, Figures]] = {}
        self._limited: Final = [place for place, column in enumerate(COLUMNS[table]) if column in OPEN_ENDED]
        self._names: Final[dict[int, set[str | int | None]]] = {place: {OTHER} for place in self._limited}

    def __len__(self) -> int:
        return len(self._cells)

    def cells(self) -> Mapping[Key, Figures]:
        """The figures by key. Do not change them."""
        return self._cells

    def add(self, cells: Mapping[Key, Figures]) -> None:
        """Add figures to the existing ones."""
        for key, figures in cells.items():
            there = self._cells.get(key)
            if there is not None:
                add_figures(there, figures)
                continue
            admitted = self._admitted(key)
            there = None if admitted is key else self._cells.get(admitted)
            if there is None:
                self._cells[admitted] = figures.copy()
            else:
                add_figures(there, figures)

    def flat(self, *, in_order: bool = True) -> FlatPage:
        """The whole page, in an order that depends only on its contents or (much faster) in the order of arrival."""
        places: dict[str, int] = {}
        numbers: list[int] = []
        for key, figures in sorted(self._cells.items(), key=_sortable) if in_order else self._cells.items():
            for part in key:
                if isinstance(part, str):
                    place = places.get(part)
                    if place is None:
                        place = places[part] = len(places)
                    numbers.append(place)
                else:
                    numbers.append(-1 if part is None else part)
            numbers += figures
        return FlatPage(list(places), numbers)

    def _admitted(self, key: Key) -> Key:
        """The key under which a new key is counted."""
        if len(self._cells) >= MOST_CELLS:
            return tuple([part if isinstance(part, int) else OTHER for part in key])
        for place in self._limited:
            name, names = key[place], self._names[place]
            if name is None or name in names:
                continue
            # `OTHER` is among the names but does not count.
            if len(names) <= MOST_NAMES:
                names.add(name)
            else:
                key = (*key[:place], OTHER, *key[place + 1 :])
        return key


def page_of(table: Table, flat: FlatPage) -> Page:
    """The page from its stored form. Raises `ValueError` if the lists do not fit the table."""
    page = Page(table)
    page.add(_cells_of(table, flat))
    return page


def _cells_of(table: Table, flat: FlatPage) -> dict[Key, Figures]:
    columns, figures = COLUMNS[table], FIGURES[table]
    names, numbers = list(flat.names), list(flat.numbers)
    width = len(columns) + len(figures)
    if len(numbers) % width:
        raise ValueError(f"a page of {table} holds {len(numbers)} numbers, which is not a multiple of {width}")
    numbered = [column in NUMBERED for column in columns]
    cells: dict[Key, Figures] = {}
    for start in range(0, len(numbers), width):
        key: list[str | int | None] = []
        for place in range(len(numbered)):
            number = numbers[start + place]
            if numbered[place]:
                key.append(number)
            elif not -1 <= number < len(names):
                raise ValueError(f"a page of {table} has {len(names)} names, but uses name number {number}")
            else:
                key.append(None if number < 0 else names[number])
        cells[tuple(key)] = numbers[start + len(columns) : start + width]
    return cells


def _sortable(cell: tuple[Key, Figures]) -> list[tuple[bool, int, str]]:
    return [(part is not None, part if isinstance(part, int) else 0, part if isinstance(part, str) else "") for part in cell[0]]
