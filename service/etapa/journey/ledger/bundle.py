"""The pages of one record: an hour; or a day or a month, each as a whole or in parts, which are a day's hours and a month's days."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, final

from etapa.journey.ledger.page import FlatPage, NameTable, Page
from etapa.journey.ledger.periods import Period, part_of, start_of
from etapa.journey.ledger.tables import COLUMNS, FIGURES, NUMBERED, Table

_WHOLE: Final = -1
"""Instead of a part's number: the whole period."""


class FlatBundle(NamedTuple):
    """A bundle for storing. `in_parts`: each row begins with the hour of the day, or the day of the month."""

    in_parts: bool
    page: FlatPage


@final
class Bundle:
    """One table's pages in `period`, that of the record."""

    __slots__ = ("_names", "_pages", "period", "table")

    def __init__(self, table: Table, period: Period, names: Sequence[str] = ()) -> None:
        """`names`: those that the pages to be added have together. Raises `ValueError` if one is there twice."""
        self.table: Final = table
        self.period: Final = period
        self._pages: Final[dict[Period, Page]] = {}
        self._names = NameTable(names)
        """Those of all pages."""

    def __len__(self) -> int:
        cells = 0
        for page in self._pages.values():
            cells += len(page)
        return cells

    def pages(self) -> Mapping[Period, Page]:
        """The pages by period. Do not change them."""
        return self._pages

    def opened(self, period: Period) -> Page:
        """The page of the record's period, or of a part of it, for adding to it; a new one if there is none."""
        page = self._pages.get(period)
        if page is None:
            page = self._pages[period] = Page(self.table, self._names, self._part_of(period))
        return page

    def take(self, pages: Mapping[Period, Page], *, in_parts: bool) -> None:
        """Add pages of periods within this one, `in_parts` each to that of the part in which it lies."""
        for period, page in pages.items():
            self.opened(part_of(self.period, period) if in_parts else self.period).add_page(page)

    def fold(self) -> None:
        """Put all parts together."""
        parts = {period: page for period, page in self._pages.items() if period != self.period}
        for period in parts:
            del self._pages[period]
        if not self._pages:
            # A long period has fewer names than its parts have together.
            self._names = NameTable()
        self.take(parts, in_parts=False)

    def flat(self) -> FlatBundle:
        """What is stored of it. Do not change the lists."""
        whole = self._pages.get(self.period)
        if whole is not None:
            return FlatBundle(False, whole.flat())
        return FlatBundle(True, self._flat_parts())

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
    for part, rows in _rows_by_part(table, flat).items():
        bundle.opened(period if not flat.in_parts else _numbered(period, part)).add_rows(rows)
    return bundle


def _numbered(period: Period, number: int) -> Period:
    """A day's hour, or a month's day."""
    what, written = ("hour", f"{period}T{number:02}") if len(period) > len("2026-11") else ("day", f"{period}-{number:02}")
    try:
        start_of(written)
    except ValueError:
        raise ValueError(f"there is no {what} {number} in {period}") from None
    return written


def _rows_by_part(table: Table, flat: FlatBundle) -> dict[int, list[int]]:
    names, numbers = flat.page
    columns = COLUMNS[table]
    before = 1 if flat.in_parts else 0
    width = before + len(columns) + len(FIGURES[table])
    if len(numbers) % width:
        raise ValueError(f"a page of {table} holds {len(numbers)} numbers, which is not a multiple of {width}")
    if not numbers:
        return {}
    for place, column in enumerate(columns, before):
        if column not in NUMBERED:
            used = numbers[place::width]
            wrong = max(used) if min(used) >= -1 else min(used)
            if not -1 <= wrong < len(names):
                raise ValueError(f"a page of {table} has {len(names)} names, but uses name number {wrong}")
    if not flat.in_parts:
        return {_WHOLE: numbers}
    found: dict[int, list[int]] = {}
    for start in range(0, len(numbers), width):
        part = numbers[start]
        rows = found.get(part)
        if rows is None:
            rows = found[part] = []
        rows += numbers[start : start + width]
    return found
