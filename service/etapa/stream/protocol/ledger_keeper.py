"""A partition's ledger while the partition is ours: what a batch counts becomes records in its transaction.

Records are kept encoded and few are open at a time, so a history of years takes little memory. Records of hours are not compressed,
since most batches write some; those of days and months, of which there are many more, are.

After a day, compaction forgets that a record was removed. A view that was further behind then has hours beside the day into which they
were put. So records that are too fine for their age, by the mark's stream time, are not counted, and are removed again.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

from etapa.contracts.stored.ledger_page import (
    LEDGER_PREFIX,
    LedgerField,
    decode_bundle,
    encode_bundle,
    field_of,
    is_compressed,
    page_key_of,
)
from etapa.journey.ledger.bundle import Bundle
from etapa.journey.ledger.ledger import JourneyLedger, Pages, count
from etapa.journey.ledger.page import Page, PageKey, page_key
from etapa.journey.ledger.periods import KeptPeriods, Period, grain_of, turn_of
from etapa.journey.ledger.tables import CampaignGroup, Table
from etapa.journey.ledger.tally import BatchTally
from etapa.stream.protocol.readers import LedgerPart
from etapa.stream.protocol.records import Outgoing

MOST_OPEN: Final = 30_000
"""Cells of the records that stay open from one batch to the next, 70 bytes each at most. So many come of 20,000 touchpoints over two months."""

MOST_COMPRESSED: Final = 8
"""Records compressed with one batch. One that changes more days and months, as with a history, will change most of them again, and must stay fast."""

MOST_UNCOMPRESSED: Final = 20_000
"""Cells of a record from which on it is compressed in any case: Kafka takes no record of more than a megabyte."""

_RECORDS_AT_ONCE: Final = 50
"""Records encoded before others get a turn."""

LedgerPages = Mapping[LedgerField, bytes | None]
"""Stored records by name; none for one that is removed."""


class LedgerKeeper(Pages):
    """`stored` is what the view holds, `stream_time` that of its mark. The constructor and all methods raise `StateError`."""

    def __init__(self, stored: Mapping[LedgerField, bytes], stream_time: int | None) -> None:
        self._stored: Final[dict[PageKey, bytes]] = {}
        for field, value in stored.items():
            key = page_key_of(field)
            # Tables of a later version are left alone.
            if key is not None:
                self._stored[key] = value
        self._open: Final[dict[PageKey, Bundle]] = {}
        self._sizes: Final[dict[PageKey, int]] = {}
        """The cells of each open record when it was last written."""
        self._cells = 0
        """The sum of `_sizes`."""
        self._changed: Final[set[PageKey]] = set()
        """By the current batch."""
        self._latest: Final[dict[Table, Bundle]] = {}
        """The records that the current batch counted in last: hours of a day, and days of a month, follow each other."""
        self._waiting: Final[dict[PageKey, None]] = {}
        """Records still to be compressed, because there were too many at once; the first have waited longest."""
        self._turned = None if stream_time is None else turn_of(stream_time)
        self._kept = KeptPeriods(stream_time or 0)
        """As of that turn."""
        self._left_over = [] if stream_time is None else left_over(self._stored, stream_time)
        for key in self._left_over:
            del self._stored[key]
        for key, value in self._stored.items():
            if grain_of(key.period) != "hour" and not is_compressed(value):
                self._waiting[key] = None
        self.enrolled: Final[dict[CampaignGroup, int]] = {}
        """How many customers each group of a campaign with a goal has."""
        for key, value in self._stored.items():
            if key.table == "goals":
                for page in decode_bundle(key, value).pages().values():
                    for (*_, campaign, group), figures in page.cells().items():
                        self._enroll((str(campaign), str(group)), figures[0])

    def place_of(self, table: Table, period: Period) -> tuple[Page, int | None]:
        record = self._kept.record_of(period)
        bundle = self._latest.get(table)
        if bundle is None or bundle.period != record:
            key = page_key(table, record)
            self._changed.add(key)
            bundle = self._latest[table] = self._bundle(key)
        return bundle.place_of(period)

    async def enter(self, tally: BatchTally | None, now: int | None, pause: Callable[[], Awaitable[object]]) -> LedgerPages:
        """Add what a batch counted, and fold what is old by `now`, the stream time. Returns the changed records.

        `pause` lets others run. Commit the batch with these records, or discard the keeper.
        """
        if tally is None or now is None:
            return {}
        removed, changed = set(self._left_over), self._changed
        changed.clear()
        self._left_over = []
        if self._turned != turn_of(now):
            self._turned = turn_of(now)
            self._turn(KeptPeriods(now), changed, removed)
        for which, customers in tally.customers().items():
            self._enroll(which, customers)
        count(self, tally, self._kept)
        self._latest.clear()
        written: dict[LedgerField, bytes | None] = dict.fromkeys(sorted([field_of(key) for key in removed]))
        to_compress = self._to_compress(changed)
        changed |= to_compress
        # Names are sorted at a third of what it costs to sort pairs.
        fields = {field_of(key): key for key in changed}
        for field in sorted(fields):
            key = fields[field]
            bundle = self._bundle(key)
            cells = len(bundle)
            self._cells += cells - self._sizes.get(key, 0)
            self._sizes[key] = cells
            is_long = grain_of(key.period) != "hour"
            compressed = is_long and (key in to_compress or cells > MOST_UNCOMPRESSED)
            if compressed:
                self._waiting.pop(key, None)
            elif is_long:
                self._waiting[key] = None
            value = self._stored[key] = encode_bundle(bundle, compressed=compressed)
            written[field] = value
            if len(written) % _RECORDS_AT_ONCE == 0:
                await pause()
        if self._cells > MOST_OPEN:
            self._close_the_oldest()
        return written

    def _to_compress(self, changed: set[PageKey]) -> set[PageKey]:
        """Those of days and months that the batch changed, if they are few; and at least one of those that have waited longest."""
        found = {key for key in changed if grain_of(key.period) != "hour"}
        left = max(1, MOST_COMPRESSED - len(found))
        if len(found) > MOST_COMPRESSED:
            found.clear()
        for key in self._waiting:
            if left == 0:
                break
            if key not in changed:
                found.add(key)
                left -= 1
        return found

    def _close_the_oldest(self) -> None:
        """A batch comes back to its last days and months rather than to what came before them, whichever it wrote last."""
        for key in sorted(self._open, key=_period_of):
            if self._cells <= MOST_OPEN:
                break
            self._close(key)

    def _enroll(self, which: CampaignGroup, customers: int) -> None:
        self.enrolled[which] = self.enrolled.get(which, 0) + customers

    def _turn(self, kept: KeptPeriods, changed: set[PageKey], removed: set[PageKey]) -> None:
        """Time has moved on: put hours and days together, and fold those that are too old."""
        before, self._kept = self._kept, kept
        # A history of years has thousands of records, of which each turn moves few.
        moved: list[tuple[PageKey, PageKey]] = []
        for key in self._stored:
            period = key.period
            into = kept.outgrown_record(period)
            if into is not None:
                moved.append((key, PageKey(key.table, into)))
            elif before.is_in_parts(period) and not kept.is_in_parts(period):
                changed.add(key)
        for key in changed:
            self._bundle(key).fold()
        for key, target in moved:
            self._bundle(target).take(self._bundle(key), in_parts=kept.is_in_parts(target.period))
            self._close(key)
            del self._stored[key]
            self._waiting.pop(key, None)
            changed.add(target)
            removed.add(key)

    def _bundle(self, key: PageKey) -> Bundle:
        bundle = self._open.get(key)
        if bundle is None:
            stored = self._stored.get(key)
            bundle = Bundle(key.table, key.period) if stored is None else decode_bundle(key, stored)
            self._open[key] = bundle
        return bundle

    def _close(self, key: PageKey) -> None:
        self._open.pop(key, None)
        self._cells -= self._sizes.pop(key, 0)


def _period_of(key: PageKey) -> Period:
    return key.period


def left_over(stored: Iterable[PageKey], stream_time: int) -> list[PageKey]:
    """The records that are too fine for their age."""
    kept = KeptPeriods(stream_time)
    return [key for key in stored if kept.outgrown_record(key.period) is not None]


def ledger_records(pages: LedgerPages) -> list[Outgoing]:
    """Records of `customer-state`."""
    return [Outgoing(LEDGER_PREFIX + field, value) for field, value in pages.items()]


def ledger_of(parts: Sequence[LedgerPart]) -> JourneyLedger:
    """The ledger of an installation: the sum of its partitions' ledgers. Raises `StateError`."""
    ledger = JourneyLedger()
    for part in parts:
        stored = {key: value for field, value in part.pages.items() if (key := page_key_of(field)) is not None}
        passed_over = set() if part.stream_time is None else set(left_over(stored, part.stream_time))
        for key, value in stored.items():
            if key not in passed_over:
                bundle = decode_bundle(key, value)
                ledger.merge({PageKey(key.table, period): page for period, page in bundle.pages().items()})
    return ledger
