"""The pages of one record: an hour; or a day or a month, each as a whole or in parts, which are a day's hours and a month's days."""

from collections.abc import Mapping
from typing import Final, NamedTuple, final

from mypy_extensions import mypyc_attr

from etapa.journey.ledger.page import Page
from etapa.journey.ledger.periods import Period, part_of, start_of
from etapa.journey.ledger.sums import FlatSums, TableSums
from etapa.journey.ledger.tables import COLUMNS, FIGURES, Figures, Key, Table


class FlatBundle(NamedTuple):
    """A bundle for storing. `in_parts`: each row begins with the hour of the day, or the day of the month."""

    in_parts: bool
    sums: FlatSums


@final
@mypyc_attr(acyclic=True)
class Bundle:
    """One table's pages in `period`, that of the record: one page as a whole, or one in parts."""

    __slots__ = ("_page", "period", "table")

    def __init__(self, table: Table, period: Period, page: Page | None = None) -> None:
        """`page`: what there is already."""
        self.table: Final = table
        self.period: Final = period
        self._page = page

    def __len__(self) -> int:
        return 0 if self._page is None else len(self._page)

    def pages(self) -> Mapping[Period, Page]:
        """The pages by period, for reading."""
        page = self._page
        if page is None:
            return {}
        if not page.in_parts:
            return {self.period: page}
        cells: dict[Period, dict[Key, Figures]] = {}
        periods: dict[int, Period] = {}
        for key, figures in page.cells().items():
            part = int(key[0] or 0)
            period = periods.get(part)
            if period is None:
                period = periods[part] = _part(self.period, part)
                cells[period] = {}
            cells[period][key[1:]] = figures
        found: dict[Period, Page] = {}
        for period, those in cells.items():
            found[period] = Page(self.table)
            found[period].add(those)
        return found

    def add(self, period: Period, more: TableSums) -> None:
        """Add what was counted in the record's period, or in a part of it."""
        page, part = self.place_of(period)
        page.add_sums(more, part)

    def place_of(self, period: Period) -> tuple[Page, int | None]:
        """Where to add figures of the record's period, or of a part of it: its page, and the number of the part if that is in parts."""
        page = self._opened(in_parts=period != self.period)
        return page, _number_of(self.period, period) if page.in_parts else None

    def take(self, other: "Bundle", *, in_parts: bool) -> None:
        """Add all figures of a bundle of a shorter period, `in_parts` to that of the part in which it lies."""
        if other._page is not None:
            page = self._opened(in_parts=in_parts)
            page.add_page(other._page, _number_of(self.period, part_of(self.period, other.period)) if page.in_parts else None)

    def fold(self) -> None:
        """Put all parts together."""
        page = self._page
        if page is not None and page.in_parts:
            self._page = Page(self.table)
            self._page.add_page(page)

    @property
    def in_parts(self) -> bool:
        """Whether it is in parts."""
        return self._page is not None and self._page.in_parts

    def packed(self) -> bytes | None:
        """The lists of `flat` in MessagePack; none if figures are too large for it, or may be."""
        return None if self._page is None else self._page.packed()

    def packed_columns(self) -> bytes | None:
        """Names and columns in MessagePack, as `TableSums` packs them; none likewise."""
        return None if self._page is None else self._page.packed_columns()

    def flat(self) -> FlatBundle:
        """What is stored of it, in lists of its own."""
        page = self._opened(in_parts=False) if self._page is None else self._page
        return FlatBundle(page.in_parts, page.flat())

    def _opened(self, *, in_parts: bool) -> Page:
        """The page; in parts if that is asked for and it is not whole already."""
        if not in_parts:
            self.fold()
        page = self._page
        if page is None or (page.in_parts != in_parts and len(page) == 0):
            page = self._page = Page(self.table, in_parts=in_parts)
        return page


def bundle_of(table: Table, period: Period, flat: FlatBundle) -> Bundle:
    """The bundle from its stored form. Raises `ValueError` if that does not fit the table."""
    page = Page(table, in_parts=flat.in_parts)
    try:
        page.load(flat.sums)
    except ValueError as error:
        raise ValueError(f"a page of {table} has {error}") from None
    names, numbers = flat.sums
    if len(set(names)) < len(names):
        raise ValueError("a page of the ledger has a name twice")
    if flat.in_parts and numbers:
        first, last = (0, 23) if len(period) > len("2026-11") else (1, 28)
        for part in set(numbers[:: 1 + len(COLUMNS[table]) + len(FIGURES[table])]):
            if not first <= part <= last:
                _check(period, part)
    return Bundle(table, period, page)


def _part(period: Period, number: int) -> Period:
    """A day's hour, or a month's day."""
    return f"{period}T{number:02}" if len(period) > len("2026-11") else f"{period}-{number:02}"


def _number_of(record: Period, period: Period) -> int:
    """The number of the day's hour or the month's day."""
    return int(period[len(record) + 1 :])


def _check(period: Period, number: int) -> None:
    try:
        start_of(_part(period, number))
    except ValueError:
        raise ValueError(f"there is no {'hour' if len(period) > len('2026-11') else 'day'} {number} in {period}") from None
