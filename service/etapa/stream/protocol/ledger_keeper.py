"""A partition's ledger while the partition is ours: what a batch counts becomes pages in its transaction.

Pages are kept encoded and few are open at a time, so a history of years takes little memory. Pages of hours are not compressed,
since most batches write some; pages of days and months, of which there are many more, are.

After a day, compaction forgets that a page was removed. A view that was further behind then has hours beside the day into which they
were folded. So pages that are too fine for their age, by the mark's stream time, are not counted, and are removed again.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

from etapa.contracts.stored.ledger_page import LEDGER_PREFIX, LedgerField, decode_page, encode_page, field_of, page_key_of
from etapa.journey.ledger.ledger import JourneyLedger, Pages, enter, outgrown
from etapa.journey.ledger.page import Page, PageKey
from etapa.journey.ledger.periods import grain_of
from etapa.journey.ledger.tally import BatchTally
from etapa.stream.protocol.readers import LedgerPart
from etapa.stream.protocol.records import Outgoing

MOST_OPEN: Final = 20_000
"""Cells of the pages that stay open from one batch to the next, a quarter of a kilobyte each. Two weeks of history by hours fit, in
quiet partitions."""

MOST_COMPRESSED: Final = 8
"""Pages compressed with one batch. A batch that counts in hundreds of days, as with a history fed customer by customer, must stay fast."""

_PAGES_AT_ONCE: Final = 50
"""Pages encoded before others get a turn."""

LedgerPages = Mapping[LedgerField, bytes | None]
"""Stored pages by name; none for a page that is removed."""


class LedgerKeeper(Pages):
    """`stored` is what the view holds, `stream_time` that of its mark. The constructor and all methods raise `StateError`."""

    def __init__(self, stored: Mapping[LedgerField, bytes], stream_time: int | None) -> None:
        super().__init__()
        self._stored: Final[dict[PageKey, bytes]] = {}
        for field, value in stored.items():
            key = page_key_of(field)
            # Tables of a later version are left alone.
            if key is not None:
                self._stored[key] = value
        self._open: Final[dict[PageKey, Page]] = {}
        """Least recently used first."""
        self._sizes: Final[dict[PageKey, int]] = {}
        """The cells of each open page when it was last written."""
        self._cells = 0
        """The sum of `_sizes`."""
        self._waiting: Final[set[PageKey]] = set()
        """Pages still to be compressed, because there were too many at once."""
        self._left_over = [] if stream_time is None else [key for key, _ in outgrown(self._stored, stream_time)]
        for key in self._left_over:
            del self._stored[key]

    def page_keys(self) -> Iterable[PageKey]:
        return [*self._stored, *[key for key in self._open if key not in self._stored]]

    def opened(self, key: PageKey) -> Page:
        page = self._open.pop(key, None)
        if page is None:
            stored = self._stored.get(key)
            page = Page(key.table) if stored is None else decode_page(key.table, stored)
        self._open[key] = page
        return page

    def remove(self, key: PageKey) -> None:
        self._close(key)
        self._stored.pop(key, None)

    async def enter(self, tally: BatchTally | None, now: int | None, pause: Callable[[], Awaitable[object]]) -> LedgerPages:
        """Add what a batch counted, and fold pages that are old by `now`, the stream time. Returns the changed pages, encoded.

        `pause` lets others run. Commit the batch with these pages, or discard the keeper.
        """
        if tally is None or now is None:
            return {}
        entered = enter(self, tally, now)
        pages: dict[LedgerField, bytes | None] = {field_of(key): None for key in (*self._left_over, *sorted(entered.removed))}
        self._left_over = []
        self._waiting.difference_update(entered.removed)
        left = MOST_COMPRESSED
        for key in sorted(entered.changed.union(sorted(self._waiting)[:MOST_COMPRESSED])):
            is_long = grain_of(key.period) != "hour"
            compressed = is_long and left > 0
            left -= compressed
            if is_long:
                (self._waiting.discard if compressed else self._waiting.add)(key)
            page = self.opened(key)
            self._cells += len(page) - self._sizes.get(key, 0)
            self._sizes[key] = len(page)
            value = self._stored[key] = encode_page(page, compressed=compressed)
            pages[field_of(key)] = value
            if len(pages) % _PAGES_AT_ONCE == 0:
                await pause()
        while self._cells > MOST_OPEN:
            self._close(next(iter(self._open)))
        return pages

    def _close(self, key: PageKey) -> None:
        self._open.pop(key, None)
        self._cells -= self._sizes.pop(key, 0)


def ledger_records(pages: LedgerPages) -> list[Outgoing]:
    """Pages as records of `customer-state`."""
    return [Outgoing(LEDGER_PREFIX + field, value) for field, value in pages.items()]


def ledger_of(parts: Sequence[LedgerPart]) -> JourneyLedger:
    """The ledger of an installation: the sum of its partitions' ledgers. Raises `StateError`."""
    ledger = JourneyLedger()
    for part in parts:
        stored = {key: value for field, value in part.pages.items() if (key := page_key_of(field)) is not None}
        left_over = set() if part.stream_time is None else {key for key, _ in outgrown(stored, part.stream_time)}
        ledger.merge({key: decode_page(key.table, value) for key, value in stored.items() if key not in left_over})
    return ledger
