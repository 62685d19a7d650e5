"""The pages of one record: an hour; or a day or a month, each as a whole or in parts, which are a day's hours and a month's days."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, final

from mypy_extensions import mypyc_attr

from etapa.journey.ledger.page import FlatPage, NameTable, Page
from etapa.journey.ledger.periods import Period, part_of, start_of
from etapa.journey.ledger.rows import Rows
from etapa.journey.ledger.tables import MOST_CELLS, MOST_NAMES, Table


class FlatBundle(NamedTuple):
    """A bundle for storing. `in_parts`: each row begins with the hour of the day, or the day of the month."""

    in_parts: bool
    page: FlatPage


@final
@mypyc_attr(acyclic=True)
class Bundle:
    """One table's pages in `period`, that of the record.

    Kept as it is stored until a page is asked for: most records of history are read only to be put together with others.
    """

    __slots__ = ("_names", "_pages", "_rows", "period", "table")

    def __init__(self, table: Table, period: Period, names: Sequence[str] = ()) -> None:
        """`names`: those that the pages to be added have together. Raises `ValueError` if one is there twice."""
        self.table: Final = table
        self.period: Final = period
        self._pages: dict[Period, Page] = {}
        self._names = NameTable(names)
        """Those of all pages."""
        self._rows: Rows | None = None
        """All pages as they are stored; none: they are in `_pages`."""

    def __len__(self) -> int:
        if self._rows is not None:
            return len(self._rows)
        cells = 0
        for page in self._pages.values():
            cells += len(page)
        return cells

    def pages(self) -> Mapping[Period, Page]:
        """The pages by period. Do not change them."""
        self._take_apart()
        return self._pages

    def opened(self, period: Period) -> Page:
        """The page of the record's period, or of a part of it, for adding to it; a new one if there is none."""
        self._take_apart()
        return self._opened(period)

    def hold(self, rows: Rows) -> None:
        """Begin with these rows, whose numbers are those of the names."""
        self._rows = rows

    def take(self, other: "Bundle", *, in_parts: bool) -> None:
        """Add the pages of a bundle of a shorter period, `in_parts` each to that of the part in which it lies."""
        if self._has_room_for(other) and (len(self) == 0 or self.flat().in_parts == in_parts):
            ours, theirs = self._put_together(in_parts=in_parts), other._as_rows()
            if ours.has_small_numbers() and theirs.has_small_numbers():
                part = self._part_of(part_of(self.period, other.period)) if in_parts else None
                ours.add(theirs, [self._names.number_of(name) for name in other._names.names], part)
                return
        self._take_pages(other.pages(), in_parts=in_parts)

    def fold(self) -> None:
        """Put all parts together."""
        if not self.flat().in_parts:
            return
        parts = self._as_rows()
        if self._has_room_for(None) and parts.has_small_numbers():
            self._rows, self._pages = Rows(self.table, in_parts=False), {}
            self._rows.add(parts, range(len(self._names.names)), None)
            return
        pages = self.pages()
        # A long period has fewer names than its parts have together.
        self._pages, self._names = {}, NameTable()
        self._take_pages(pages, in_parts=False)

    def flat(self) -> FlatBundle:
        """What is stored of it. Do not change the lists."""
        if self._rows is not None:
            return FlatBundle(self._rows.in_parts, FlatPage(self._names.names, self._rows.numbers))
        whole = self._pages.get(self.period)
        if whole is not None:
            return FlatBundle(False, whole.flat())
        return FlatBundle(True, self._flat_parts())

    def _has_room_for(self, other: "Bundle | None") -> bool:
        """Whether no page can get as many names or cells as it may have, even if all of them were one page."""
        names, cells = len(self._names.names), len(self)
        if other is not None:
            names, cells = names + len(other._names.names), cells + len(other)
        return names < MOST_NAMES and cells < MOST_CELLS

    def _as_rows(self) -> Rows:
        """All of it as it is stored. Do not change it."""
        if self._rows is not None:
            return self._rows
        in_parts, page = self.flat()
        return Rows(self.table, in_parts=in_parts, numbers=page.numbers)

    def _put_together(self, *, in_parts: bool) -> Rows:
        """All of it as it is stored, to be added to. `in_parts`: whether that is to be so, if there is anything yet."""
        rows = self._rows
        if rows is None or rows.in_parts != in_parts:
            numbers = self.flat().page.numbers
            rows = self._rows = Rows(self.table, in_parts=in_parts, numbers=numbers)
            self._pages = {}
        return rows

    def _take_apart(self) -> None:
        rows = self._rows
        if rows is not None:
            self._rows = None
            for part, numbers in rows.by_part().items():
                self._opened(self.period if part is None else _part(self.period, part)).add_rows(numbers)

    def _opened(self, period: Period) -> Page:
        page = self._pages.get(period)
        if page is None:
            page = self._pages[period] = Page(self.table, self._names, self._part_of(period))
        return page

    def _take_pages(self, pages: Mapping[Period, Page], *, in_parts: bool) -> None:
        self._take_apart()
        for period, page in pages.items():
            self._opened(part_of(self.period, period) if in_parts else self.period).add_page(page)

    def _flat_parts(self) -> FlatPage:
        rows: list[int] = []
        for period in sorted(self._pages):
            rows += self._pages[period].rows()
        return FlatPage(self._names.names, rows)

    def _part_of(self, period: Period) -> int | None:
        """The number of the day's hour or the month's day; none for the whole period."""
        return None if period == self.period else int(period[len(self.period) + 1 :])


def bundle_of(table: Table, period: Period, flat: FlatBundle) -> Bundle:
    """The bundle from its stored form. Raises `ValueError` if that does not fit the table."""
    bundle = Bundle(table, period, flat.page.names)
    rows = Rows(table, in_parts=flat.in_parts, numbers=list(flat.page.numbers))
    rows.check(len(flat.page.names))
    first, last = (0, 23) if len(period) > len("2026-11") else (1, 28)
    for part in rows.parts():
        if not first <= part <= last:
            _check(period, part)
    bundle.hold(rows)
    return bundle


def _part(period: Period, number: int) -> Period:
    """A day's hour, or a month's day."""
    return f"{period}T{number:02}" if len(period) > len("2026-11") else f"{period}-{number:02}"


def _check(period: Period, number: int) -> None:
    try:
        start_of(_part(period, number))
    except ValueError:
        raise ValueError(f"there is no {'hour' if len(period) > len('2026-11') else 'day'} {number} in {period}") from None
