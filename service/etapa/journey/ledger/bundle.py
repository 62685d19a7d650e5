"""The pages of one record: an hour, a month, or a day, as a whole or by its hours."""

from collections.abc import Mapping
from typing import Final, NamedTuple, final

from etapa.journey.ledger.page import FlatPage, Page
from etapa.journey.ledger.periods import Period
from etapa.journey.ledger.tables import COLUMNS, FIGURES, NUMBERED, Figures, Key, Table

_WHOLE: Final = -1
"""Instead of an hour: the whole period."""


class FlatBundle(NamedTuple):
    """A bundle for storing. `by_hours`: each row begins with the hour of the day."""

    by_hours: bool
    page: FlatPage


@final
class Bundle:
    """One table's pages in `period`, that of the record."""

    __slots__ = ("_pages", "period", "table")

    def __init__(self, table: Table, period: Period) -> None:
        self.table: Final = table
        self.period: Final = period
        self._pages: Final[dict[Period, Page]] = {}

    def __len__(self) -> int:
        cells = 0
        for page in self._pages.values():
            cells += len(page)
        return cells

    def pages(self) -> Mapping[Period, Page]:
        """The pages by period. Do not change them."""
        return self._pages

    def opened(self, period: Period) -> Page:
        """The page of the record's period, or of an hour in it, for adding to it; a new one if there is none."""
        page = self._pages.get(period)
        if page is None:
            page = self._pages[period] = Page(self.table)
        return page

    def take(self, pages: Mapping[Period, Page], *, by_hours: bool) -> None:
        """Add pages of periods within this one, `by_hours` each to that of its hour."""
        for period, page in pages.items():
            self.opened(period if by_hours else self.period).add_page(page)

    def fold(self) -> None:
        """Put all hours together."""
        hours = {period: page for period, page in self._pages.items() if period != self.period}
        for period in hours:
            del self._pages[period]
        self.take(hours, by_hours=False)

    def flat(self) -> FlatBundle:
        """What is stored of it. Do not change the lists."""
        whole = self._pages.get(self.period)
        if whole is not None:
            return FlatBundle(False, whole.flat())
        return FlatBundle(True, self._flat_hours())

    def _flat_hours(self) -> FlatPage:
        numbered = [column in NUMBERED for column in COLUMNS[self.table]]
        width, figures = len(numbered), len(FIGURES[self.table])
        names: dict[str, int] = {}
        rows: list[int] = []
        for period in sorted(self._pages):
            hour, page = int(period[11:]), self._pages[period].flat()
            renumbered = [names.setdefault(name, len(names)) for name in page.names]
            # Number -1 is none in both.
            renumbered.append(-1)
            numbers = page.numbers
            start = 0
            while start < len(numbers):
                rows.append(hour)
                for place in range(width):
                    number = numbers[start + place]
                    rows.append(number if numbered[place] else renumbered[number])
                start += width
                rows += numbers[start : start + figures]
                start += figures
        return FlatPage(list(names), rows)


def bundle_of(table: Table, period: Period, flat: FlatBundle) -> Bundle:
    """The bundle from its stored form. Raises `ValueError` if that does not fit the table."""
    bundle = Bundle(table, period)
    for hour, cells in _cells_by_hour(table, flat).items():
        bundle.opened(period if hour == _WHOLE else f"{period}T{hour:02}").add(cells)
    return bundle


def _cells_by_hour(table: Table, flat: FlatBundle) -> dict[int, dict[Key, Figures]]:
    names, numbers = flat.page
    numbered = [column in NUMBERED for column in COLUMNS[table]]
    before = 1 if flat.by_hours else 0
    width = before + len(numbered) + len(FIGURES[table])
    if len(numbers) % width:
        raise ValueError(f"a page of {table} holds {len(numbers)} numbers, which is not a multiple of {width}")
    found: dict[int, dict[Key, Figures]] = {}
    for start in range(0, len(numbers), width):
        hour = numbers[start] if flat.by_hours else _WHOLE
        if flat.by_hours and not 0 <= hour < 24:
            raise ValueError(f"there is no hour {hour} in a day")
        key: list[str | int | None] = []
        for place in range(len(numbered)):
            number = numbers[start + before + place]
            if numbered[place]:
                key.append(number)
            elif not -1 <= number < len(names):
                raise ValueError(f"a page of {table} has {len(names)} names, but uses name number {number}")
            else:
                key.append(None if number < 0 else names[number])
        cells = found.get(hour)
        if cells is None:
            cells = found[hour] = {}
        cells[tuple(key)] = numbers[start + before + len(numbered) : start + width]
    return found
