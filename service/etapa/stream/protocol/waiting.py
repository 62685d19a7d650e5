"""Touchpoints that were read and wait to be judged, beside the records that they came in.

Where the core is compiled, touchpoints that are written as usual wait as rows (see `touchpoint_rows.c`): an object is made when one is
judged, and gone right afterwards, while it is in the cache. Whoever asks for all items has them all made.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast, final

from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint import touchpoint_of
from etapa.contracts.trace import trace_of
from etapa.errors import EtapaError
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.engine.facts.touchpoint import CustomerPlace, Touchpoint
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.kept_customer import FoundCustomers
from etapa.journey.engine.partition import Partition
from etapa.stream.protocol.records import Headers, Record
from etapa.stream.protocol.records_in_batches import Records, after, with_headers
from etapa.stream.protocol.stream_time import count_before, stream_time_after

if TYPE_CHECKING:
    from etapa.contracts.incoming.touchpoint_rows import TouchpointRows

NOT_OURS: Final = rejected("invalid", "the request to forget was not made with the ETAPA_FORGET_KEY of this worker, or it has none")


Traces = Mapping[tuple[str, str], Headers]
"""Trace headers of touchpoints, by customer id and touchpoint id."""


class CannotJudge(EtapaError):
    """Judging the waiting record at `position` failed."""

    def __init__(self, position: int, detail: str) -> None:
        super().__init__(detail)
        self.position = position


Item = Touchpoint | Rejected | SkippedRecord | ForgetRequest


@final
class Waiting:
    """Records that were read but not yet judged, each beside one item it holds; a record with several items is repeated.

    An item is none as long as it is only a row of `rows`; the first item is at the row `before`.
    """

    __slots__ = ("_before", "_found", "_items", "_rows", "records")

    def __init__(
        self, records: Records, items: "list[Item | None] | list[Item]", rows: "TouchpointRows | None" = None, before: int = 0
    ) -> None:
        self.records: Final = records
        self._items: Final = items
        self._rows = rows
        self._before: Final = before
        self._found: FoundCustomers | None = None

    def __len__(self) -> int:
        return len(self._items)

    @property
    def items(self) -> list[Item]:
        """All items. From now on they are kept as objects."""
        if self._rows is not None:
            for position in range(len(self._items)):
                self.item(position)
            self._rows = None
        return cast("list[Item]", self._items)

    def item(self, position: int) -> Item:
        """One item: the same object each time."""
        item = self._items[position]
        if item is None:
            found = self._found
            item = self._items[position] = self._made(position, None if found is None else found.place(position))
        return item

    def _made(self, position: int, customer: CustomerPlace | None) -> Touchpoint:  # only compiled
        rows = self._rows
        if rows is None:
            raise LookupError(position)
        return touchpoint_of(rows.fields(self._before + position, customer))

    def find(self, partition: Partition, most: int) -> list[str]:
        """Look up the customers of the first `most` items. Returns the ids of those that are not in memory, each once."""
        rows = self._rows
        if rows is None:
            return partition.missing_of(self._items[:most])
        found, missing = partition.find(rows, self._before, self._before + most)
        self._found = found
        if not rows.odd:
            return missing
        return list(dict.fromkeys(missing + partition.missing_of(self._items[:most])))

    def stream_time_after(self, most: int, stream_time: int | None, wall: int) -> int | None:
        """See `stream_time.stream_time_after`, of the first `most` items."""
        rows = self._rows
        if rows is None or rows.odd:
            stream_time = stream_time_after(self._items[:most], stream_time, wall)
        latest = None if rows is None else rows.latest(self._before, self._before + most)
        if latest is None:
            return stream_time
        latest = min(latest, wall)
        return latest if stream_time is None else max(latest, stream_time)

    def count_before(self, bound: int, most: int, stream_time: int | None, wall: int) -> int:
        """See `stream_time.count_before`, of the first `most` items."""
        rows = self._rows
        if rows is not None and (stream_time is None or stream_time < bound) and wall >= bound:
            most = min(most, rows.first_from(bound, self._before, self._before + most) - self._before)
        if rows is None or rows.odd or (stream_time is not None and stream_time >= bound):
            return count_before(bound, self._items[:most], stream_time, wall)
        return most

    def take(self, partition: Partition, start: int, stop: int, wall: int, unusable: list[tuple[Record, Rejected]]) -> int:
        """Have `partition` judge the records from `start` to before `stop`; those that cannot be used go to `unusable`.

        Returns `stop`, or the position of the record that must wait until more timers before it have fired.
        Raises `CannotJudge`; then the partition must be discarded.
        """
        items, found = self._items, self._found
        if found is not None and found.of is not partition:
            found = None
        near = start
        for position in range(start, stop):
            if position == near and found is not None:
                near = found.bring_near(position, stop)
            item = items[position]
            if item is None:  # only compiled
                place = None if found is None else found.place(position)
                try:
                    if not partition.take(self._made(position, place), wall, place):
                        return position
                except EvaluationFailed as error:
                    raise CannotJudge(position, str(error)) from error
            elif isinstance(item, Touchpoint):
                try:
                    if not partition.take(item, wall):
                        return position
                except EvaluationFailed as error:
                    raise CannotJudge(position, str(error)) from error
            elif isinstance(item, Rejected):
                unusable.append((self.records[position], item))
            elif isinstance(item, ForgetRequest) and not partition.forget_customer(item):
                unusable.append((self.records[position], NOT_OURS))
        return stop

    def traces(self, count: int) -> Traces:
        """The traces of the first `count` records that carry one."""
        found: dict[tuple[str, str], Headers] = {}
        for position in with_headers(self.records, count):
            trace = trace_of(self.records[position].headers)
            if trace:
                item = self.item(position)
                if isinstance(item, Touchpoint):
                    # A repeat within the batch is a duplicate.
                    found.setdefault((item.customer_id, item.id), trace)
        return found

    def without_first(self, count: int) -> "Waiting":
        """What is left without the first `count`, which may not be asked for any more."""
        if count == len(self._items):
            return NOTHING_WAITING
        if self._rows is not None:
            self._rows.give_up_first(self._before + count)
        return Waiting(after(self.records, count), self._items[count:], self._rows, self._before + count)

    def with_rejected(self, position: int, reason: Rejected) -> "Waiting":
        """The same, with the record at `position` marked as unusable."""
        # As a row it would still be looked up, and its time would still count.
        items = self.items.copy()
        items[position] = reason
        return Waiting(self.records, items)


NOTHING_WAITING: Final = Waiting([], [])
