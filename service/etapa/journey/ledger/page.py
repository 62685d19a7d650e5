"""A page of the ledger: the figures of one table in one period, or in all parts of a period."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, final

from mypy_extensions import mypyc_attr

from etapa.journey.ledger.periods import Period
from etapa.journey.ledger.sums import FlatSums, Place, TableSums
from etapa.journey.ledger.tables import COLUMNS, MOST_CELLS, MOST_NAMES, OPEN_ENDED, OTHER, Figures, Key, Table


class PageKey(NamedTuple):
    """The table and the period of a page."""

    table: Table
    period: Period


def page_key(table: Table, period: Period) -> PageKey:
    """The same as `PageKey`, at a fifth of the cost. A history needs thousands of them."""
    return tuple.__new__(PageKey, (table, period))


_OPEN_ENDED: Final[dict[Table, list[int]]] = {
    table: [place for place, column in enumerate(columns) if column in OPEN_ENDED] for table, columns in COLUMNS.items()
}


@final
@mypyc_attr(acyclic=True)
class Page:
    """Figures by key, within bounds: anything beyond them is counted as `OTHER`, so that every sum stays right.

    In parts, each part is within these bounds, and its number begins its keys.
    """

    __slots__ = ("_bounds", "_sums")

    def __init__(self, table: Table, *, in_parts: bool = False) -> None:
        self._sums: Final = TableSums(table, in_parts=in_parts)
        self._bounds: dict[int | None, _Bounds] | None = None
        """By part, once there may be too much; none after anything was added that is surely within them."""

    def __len__(self) -> int:
        return len(self._sums)

    @property
    def table(self) -> Table:
        """The table."""
        return self._sums.table

    @property
    def in_parts(self) -> bool:
        """Whether it is in parts."""
        return self._sums.in_parts

    def cells(self) -> Mapping[Key, Figures]:
        """The figures by key."""
        return self._sums.cells()

    def flat(self) -> FlatSums:
        """What is stored of it, in lists of its own."""
        return self._sums.flat()

    def packed(self) -> bytes | None:
        """The same as `flat` in MessagePack; none if figures are too large for it, or may be."""
        return self._sums.packed()

    def packed_columns(self) -> bytes | None:
        """Likewise by columns, as `TableSums` packs them."""
        return self._sums.packed_columns()

    def load(self, flat: FlatSums) -> None:
        """Take over what was stored; there is nothing yet. Raises `ValueError` if that does not fit the table."""
        self._sums.load(flat)

    def add(self, cells: Mapping[Key, Figures], part: int | None = None) -> None:
        """Add figures to the existing ones, to that part if it is in parts."""
        more = TableSums(self.table)
        for key, figures in cells.items():
            more.add(key, tuple(figures))
        self.add_sums(more, part)

    def add_page(self, other: "Page", part: int | None = None) -> None:
        """Add the figures of another page of the table, whatever part they are of."""
        self.add_sums(other._sums, part)

    def add_sums(self, more: TableSums, part: int | None = None) -> None:
        """The same for sums."""
        if self.has_room_for(more, len(more)):
            self._sums.add_all(more, part)
            self._bounds = None
            return
        bounds = self._bounds_of(part)
        within = TableSums(self.table)
        for key, figures in more.cells().items():
            within.add(bounds.admitted(key[1:] if more.in_parts else key), tuple(figures))
        self._sums.add_all(within, part)

    def has_room_for(self, more: TableSums, rows: int) -> bool:
        """Whether no part can get beyond its bounds by so many rows of `more`, even if all parts were one."""
        if len(self._sums) + rows > MOST_CELLS:
            return False
        columns = _OPEN_ENDED[self.table]
        # Most names are in other columns, or in both.
        return (
            not columns
            or self._sums.all_names() + more.all_names() <= MOST_NAMES
            or self._sums.most_names(columns) + more.most_names(columns) <= MOST_NAMES
        )

    def begin_adding(self, part: int | None) -> Place:
        """Where to add figures for which there is room."""
        self._bounds = None
        return self._sums, part

    def _bounds_of(self, part: int | None) -> "_Bounds":
        if self._bounds is None:
            self._bounds = {}
            for key in self._sums.cells():
                number, rest = (key[0], key[1:]) if self.in_parts else (None, key)
                self._bounds.setdefault(number if isinstance(number, int) else None, _Bounds(self.table)).met(rest)
        return self._bounds.setdefault(part, _Bounds(self.table))


def spread(counted: TableSums, where: dict[int, int], places: Sequence[tuple[Page, int | None] | None], rows: list[int]) -> None:
    """Add what was counted in each hour to a page, or to a part of one: at the place whose number `where` tells, by hours since 1970.

    `rows`: how many rows go to each place, as `TableSums.rows_by_place` tells; a place without rows may be none.
    """
    if not _have_room_for(counted, rows, places) or not counted.spread(where, _begin_adding(places)):
        for number, sums in counted.by_place(where).items():
            place = places[number]
            if place is not None:
                page, part = place
                page.add_sums(sums, part)


def _have_room_for(counted: TableSums, rows: list[int], places: Sequence[tuple[Page, int | None] | None]) -> bool:
    """Whether all rows fit into their pages. Places of the same page follow each other."""
    together, before = 0, None
    for number, place in enumerate(places):
        if place is not None:
            page = place[0]
            together = rows[number] + (together if page is before else 0)
            before = page
            if not page.has_room_for(counted, together):
                return False
    return True


def _begin_adding(places: Sequence[tuple[Page, int | None] | None]) -> list[Place | None]:
    return [None if place is None else place[0].begin_adding(place[1]) for place in places]


@final
class _Bounds:
    """What a page, or one of its parts, may still take in."""

    __slots__ = ("_keys", "_names")

    def __init__(self, table: Table) -> None:
        self._keys: Final[set[Key]] = set()
        self._names: Final[dict[int, set[str | int | None]]] = {place: {OTHER} for place in _OPEN_ENDED[table]}
        """The names in each open-ended column, and `OTHER`."""

    def met(self, key: Key) -> None:
        """The page has that key."""
        self._keys.add(key)
        for place, names in self._names.items():
            if key[place] is not None:
                names.add(key[place])

    def admitted(self, key: Key) -> Key:
        """The key under which a key is counted."""
        if key in self._keys:
            return key
        if len(self._keys) >= MOST_CELLS:
            key = tuple([part if isinstance(part, int) else OTHER for part in key])
        else:
            for place, names in self._names.items():
                # `OTHER` is among the names but does not count.
                if key[place] is not None and key[place] not in names and len(names) > MOST_NAMES:
                    key = (*key[:place], OTHER, *key[place + 1 :])
        self.met(key)
        return key
