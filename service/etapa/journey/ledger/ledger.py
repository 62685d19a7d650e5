"""The pages of a ledger: entering what a batch counted, folding old pages, and merging ledgers."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from etapa.journey.ledger.page import Page, PageKey, page_key, spread
from etapa.journey.ledger.periods import KeptPeriods, Period, start_of
from etapa.journey.ledger.tables import Table
from etapa.journey.ledger.tally import BatchTally
from etapa.journey.units import DAY, HOUR


class Pages:
    """Pages that can be added to."""

    def place_of(self, table: Table, period: Period) -> tuple[Page, int | None]:
        """The page that has a period, and the number of the part if it is in parts."""
        raise NotImplementedError


class JourneyLedger(Pages):
    """All pages in memory. Bounded by the possible periods: 15 days of hours, 831 days, and months."""

    def __init__(self) -> None:
        self.folded_at: int | None = None
        """The day up to which pages were last folded, so that it is done once a day; none: not yet."""
        self._pages: Final[dict[PageKey, Page]] = {}

    def page_keys(self) -> Iterable[PageKey]:
        """The keys of all pages."""
        return list(self._pages)

    def place_of(self, table: Table, period: Period) -> tuple[Page, int | None]:
        return self.opened(page_key(table, period)), None

    def opened(self, key: PageKey) -> Page:
        """The page, for adding to it; a new one if there is none."""
        page = self._pages.get(key)
        if page is None:
            page = self._pages[key] = Page(key.table)
        return page

    def remove(self, key: PageKey) -> None:
        """Remove a page."""
        del self._pages[key]

    def of(self, table: Table) -> Iterator[tuple[Period, Page]]:
        """The pages of a table, ordered by time."""
        found = [(start_of(key.period), key.period, page) for key, page in self._pages.items() if key.table == table]
        for _, period, page in sorted(found, key=lambda each: each[:2]):
            yield period, page

    def merge(self, pages: Mapping[PageKey, Page]) -> None:
        """Add the pages of another ledger, such as that of another partition."""
        for key, page in pages.items():
            self.opened(key).add_page(page)


def enter(ledger: JourneyLedger, tally: BatchTally, now: int) -> None:
    """Add what was counted, and fold old pages. `now`: the ledger's time (microseconds since 1970)."""
    count(ledger, tally, KeptPeriods(now))
    day = now // DAY
    if ledger.folded_at != day:
        ledger.folded_at = day
        fold(ledger, now)


def count(pages: Pages, tally: BatchTally, kept: KeptPeriods) -> None:
    """Add what was counted, each in its period."""
    numbers: dict[Period, int] = {}
    where: dict[int, int] = {}
    for hour in sorted(tally.hours()):
        where[hour] = numbers.setdefault(kept.of(hour * HOUR), len(numbers))
    for counted in tally.tables():
        rows = counted.rows_by_place(where, len(numbers))
        places = [pages.place_of(counted.table, period) if rows[number] else None for period, number in numbers.items()]
        spread(counted, where, places, rows)


def fold(ledger: JourneyLedger, now: int) -> None:
    """Fold hours and days that are too old into days and months."""
    for key, into in _outgrown(ledger.page_keys(), now):
        ledger.opened(into).add_page(ledger.opened(key))
        ledger.remove(key)


def _outgrown(keys: Iterable[PageKey], now: int) -> list[tuple[PageKey, PageKey]]:
    """Pages whose period is too old, ordered by time, each with the page to fold it into."""
    kept = KeptPeriods(now)
    found: list[tuple[PageKey, PageKey]] = []
    for key in keys:
        into = kept.outgrown(key.period)
        if into is not None:
            found.append((key, PageKey(key.table, into)))
    found.sort(key=_period_of_the_first)
    return found


def _period_of_the_first(folded: tuple[PageKey, PageKey]) -> Period:
    return folded[0].period
