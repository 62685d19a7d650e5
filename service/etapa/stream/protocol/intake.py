"""What is in records, where one may hold several touchpoints or none: read in portions, accounted for by record, left in the middle of one.

A batch ends where its bounds say, which may be between two touchpoints of one record. The mark then goes through the record before, and
says of the one after it how much is done (`Begun`). Whoever reads that record next passes over as much. All that is wrong with a record
is told by one dead letter, in the batch that meets it first; the mark says that it was.
"""

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple, final

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.rejected import Rejected, from_the_past, rejected
from etapa.contracts.incoming.schemas import SchemaNeeded
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.stored.mark import Begun
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.stream.protocol.batch import PAUSE_BYTES, Pause, Waiting, decode
from etapa.stream.protocol.observer import RecordOutcome, SourceCounts
from etapa.stream.protocol.records import Record

logger = logging.getLogger(__name__)


class Accounted(NamedTuple):
    """What a batch has done, by records."""

    through: int
    """The last offset that all is done of."""
    begun: Begun | None
    """How much is done of the record after that."""
    letters: Sequence[tuple[Record, Rejected]]
    """The dead letters to write: one for a record."""
    source: SourceCounts | None


@final
class Intake:
    """Reads the records of one partition, in order. `begun` is what the mark says of the record at `next_offset`."""

    def __init__(self, decoder: Decoder, begun: Begun | None, next_offset: int) -> None:
        self._decoder: Final = decoder
        self._begun = begun
        self._begun_at = next_offset
        self._resumes = begun is not None
        self._left: list[Record] = []
        self._needed: int | None = None
        """The schema that the next record names, and that is not there yet."""

    @property
    def holds_more(self) -> bool:
        """Whether records were fetched that are not read yet."""
        return bool(self._left)

    async def read(self, records: list[Record], wall: int, pause_every: int, pause: Pause, earliest: int, most: int) -> Waiting:
        """Read what was left, then `records`, until about `most` touchpoints have come together. Times are as in `batch.decode`.

        Raises `SchemasAway`.
        """
        if not self._decoder.makes_several:
            return await decode(records, self._decoder, wall, pause_every, pause, earliest)
        records = self._left + records
        rows: list[Record] = []
        items: list[Touchpoint | Rejected | SkippedRecord] = []
        position = 0
        while position < len(records) and len(items) < most:
            position = self._read_some(records, position, rows, items, wall, pause_every, earliest)
            if self._needed is not None:
                await self._decoder.learn(self._needed)
                self._needed = None
            await pause()
        self._left = records[position:]
        return self._resumed(Waiting(rows, items))

    def _read_some(
        self,
        records: list[Record],
        position: int,
        rows: list[Record],
        items: list[Touchpoint | Rejected | SkippedRecord],
        wall: int,
        most: int,
        earliest: int,
    ) -> int:
        """Read on until there are `most` items more, or `PAUSE_BYTES` have come together. Gives the position of the next record."""
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
        """Without what the mark says is done, if the record still holds as many touchpoints as it did."""
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
                "the record at offset %d held %d touchpoints, %d of which were processed, and holds %d by the source now: all of them are looked"
                " at again, and those that were processed are known by their ids",
                self._begun_at,
                begun.of,
                begun.taken,
                count,
            )
        return waiting

    def account(self, waiting: Waiting, count: int, unusable: Sequence[tuple[Record, Rejected]], next_offset: int) -> Accounted:
        """What it means for the records that the first `count` that wait are done, and `unusable` of them cannot be used."""
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
        """What was accounted for is real."""
        if not self._resumes:
            self._begun = accounted.begun


def _letter(found: list[tuple[Record, Rejected]]) -> tuple[Record, Rejected]:
    """One for all that is wrong with a record."""
    record, reason = found[0]
    if len(found) == 1:
        return record, reason
    return record, rejected(reason.reason, f"{reason.detail} ({len(found) - 1} more of the record's touchpoints cannot be used either)")
