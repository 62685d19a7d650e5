"""Reads the touchpoints in records that may each hold several, or none: in portions, accounted for by record.

A batch may reach its limit between two touchpoints of one record. Its mark then covers everything up to the record before, and says how
much of the next record is done (`Begun`); the next reader skips that much. All problems of a record go into one dead letter,
in the first batch that finds one; the mark says that it was written.
"""

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple, final

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.forget_request import read_request
from etapa.contracts.incoming.rejected import Rejected, from_the_past, rejected
from etapa.contracts.incoming.schemas import SchemaNeeded
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.stored.mark import Begun
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.stream.protocol.batch import PAUSE_BYTES, Pause, decode
from etapa.stream.protocol.forwarded_items import LivesElsewhere
from etapa.stream.protocol.observer import RecordOutcome, SourceCounts
from etapa.stream.protocol.records import Record, is_request
from etapa.stream.protocol.records_in_batches import Records
from etapa.stream.protocol.waiting import Item, Waiting

logger = logging.getLogger(__name__)


class Accounted(NamedTuple):
    """What a batch has done, counted in records."""

    through: int
    """The offset of the last record that is completely done."""
    begun: Begun | None
    """How much of the record after that is done."""
    letters: Sequence[tuple[Record, Rejected]]
    """The dead letters to write, one per record."""
    source: SourceCounts | None


@final
class Intake:
    """Reads the records of one partition, in order. `begun` is what the mark says about the record at `next_offset`.

    `in_rows`: touchpoints may wait as rows, since hardly anybody asks for all of them as objects.
    """

    def __init__(self, decoder: Decoder, begun: Begun | None, next_offset: int, *, in_rows: bool = False) -> None:
        self._decoder: Final = decoder
        self._begun = begun
        self._begun_at = next_offset
        self._in_rows: Final = in_rows
        self._resumes = begun is not None
        self._left: list[Record] = []
        self._needed: int | None = None
        """The schema that the next record names, and that is not known yet."""

    @property
    def holds_more(self) -> bool:
        """Whether there are fetched records that have not been read."""
        return bool(self._left)

    async def read(self, records: Records, wall: int, pause_every: int, pause: Pause, earliest: int, most: int) -> Waiting:
        """Read what was left over, then `records`, until there are about `most` touchpoints. Times are as in `batch.decode`.

        Raises `SchemasAway`.
        """
        if not self._decoder.makes_several:
            return await decode(records, self._decoder, wall, pause_every, pause, earliest, in_rows=self._in_rows)
        whole = self._left + list(records)
        rows: list[Record] = []
        items: list[Item | None] = []
        position = 0
        while position < len(whole) and len(items) < most:
            position = self._read_some(whole, position, rows, items, wall, pause_every, earliest)
            if self._needed is not None:
                await self._decoder.learn(self._needed)
                self._needed = None
            await pause()
        self._left = whole[position:]
        return self._resumed(Waiting(rows, items))

    def _read_some(
        self,
        records: list[Record],
        position: int,
        rows: list[Record],
        items: list[Item | None],
        wall: int,
        most: int,
        earliest: int,
    ) -> int:
        """Read until there are `most` more items, or the records add up to `PAUSE_BYTES`. Returns the position of the next record."""
        decoder = self._decoder
        size, enough = 0, len(items) + most
        while position < len(records) and len(items) < enough and size < PAUSE_BYTES:
            record = records[position]
            position += 1
            size += record.size()
            if record.cut is not None and "value" in record.cut.parts:
                rows.append(record)
                items.append(rejected("too_large", f"more than {decoder.max_bytes} bytes"))
                continue
            if record.headers and is_request(record.headers):
                rows.append(record)
                items.append(read_request(record.key, record.value, record.headers))
                continue
            now = max(wall, record.timestamp)
            try:
                found = decoder.items(record.key, record.value, record.headers, now, now + decoder.max_ahead)
            except SchemaNeeded as need:
                self._needed = need.number
                return position - 1
            for item in found:
                rows.append(record)
                items.append(from_the_past(earliest) if isinstance(item, Touchpoint) and item.at < earliest else item)
        return position

    def _resumed(self, waiting: Waiting) -> Waiting:
        """Leave out what the mark says is done, if the record still yields as many touchpoints as before."""
        begun = self._begun
        if not self._resumes or begun is None:
            return waiting
        self._resumes = False
        rows = waiting.records
        count = 0
        while count < len(rows) and rows[count].offset == self._begun_at:
            count += 1
        if count == begun.of:
            return waiting.without_first(begun.taken)
        self._begun = None
        if count:
            logger.warning(
                "the record at offset %d held %d touchpoints, of which %d were processed, but by the current source it holds %d: all of"
                " them are processed again, and those processed before are recognised by their ids",
                self._begun_at,
                begun.of,
                begun.taken,
                count,
            )
        return waiting

    def account(self, waiting: Waiting, count: int, unusable: Sequence[tuple[Record, Rejected]], next_offset: int) -> Accounted:
        """Translate progress into records, when the first `count` waiting items are done and `unusable` of them cannot be used."""
        records = waiting.records
        if not count:
            return Accounted(next_offset - 1, self._begun, [], None)
        if not self._decoder.makes_several:
            return Accounted(records[count - 1].offset, None, unusable, None)
        dead: dict[int, list[tuple[Record, Rejected]]] = {}
        for record, reason in unusable:
            dead.setdefault(record.offset, []).append((record, reason))
        outcomes: dict[RecordOutcome, int] = {}
        skipped: dict[str, int] = {}
        before = self._begun
        told = records[0].offset if before is not None and before.dead else -1
        begun: Begun | None = None
        through = next_offset - 1
        position = 0
        while position < count:
            offset, start = records[position].offset, position
            is_touched = False
            while position < count and records[position].offset == offset:
                item = waiting.items[position]
                if isinstance(item, Touchpoint):
                    is_touched = True
                elif isinstance(item, LivesElsewhere):
                    is_touched = is_touched or isinstance(item.touchpoint, Touchpoint)
                elif isinstance(item, SkippedRecord):
                    skipped[item.rule] = skipped.get(item.rule, 0) + 1
                position += 1
            is_dead, done = offset in dead, position - start
            if before is not None:
                is_dead, is_touched, done = is_dead or before.dead, is_touched or before.touched, done + before.taken
                before = None
            end = position
            while end < len(records) and records[end].offset == offset:
                end += 1
            if end > position:
                begun = Begun(done, done + end - position, is_dead, is_touched)
                through = offset - 1
                break
            outcome: RecordOutcome = "dead_letter" if is_dead else "touchpoints" if is_touched else "skipped"
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            through = offset
        letters = [_letter(found) for offset, found in dead.items() if offset != told]
        return Accounted(through, begun, letters, SourceCounts(outcomes, skipped, len(unusable)))

    def committed(self, accounted: Accounted) -> None:
        """The batch that was accounted for is committed."""
        if not self._resumes:
            self._begun = accounted.begun


def _letter(found: list[tuple[Record, Rejected]]) -> tuple[Record, Rejected]:
    """One dead letter for everything that is wrong with a record."""
    record, reason = found[0]
    if len(found) == 1:
        return record, reason
    return record, rejected(reason.reason, f"{reason.detail} ({len(found) - 1} more of the record's touchpoints cannot be used either)")
