"""Records that are left in the bytes in which they were fetched: an object is made of one only for those who ask for it."""

import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, final

from mypy_extensions import mypyc_attr

from etapa.stream.protocol.records import Headers, Record, is_request

_PLACE: Final[struct.Struct] = struct.Struct("=6q")
"""Offset, microseconds, and beginnings and lengths of key and value; a length of -1: there is none."""
_PLACE_BYTES: Final = 48


@final
@mypyc_attr(acyclic=True)
class UnpackedBatch:
    """A batch as it was fetched, but without compression. Its records have numbers, from 0 on.

    `places`: for each record where it lies in `content`, as six whole numbers of 64 bits: offset, microseconds since 1970, and beginnings
    and lengths of key and value; a length of -1 says that there is none. `times`: numbers of records, in order, from which on another
    timestamp holds. `headers`: those of records that have some.
    """

    __slots__ = ("_requests", "content", "headers", "places", "times")

    def __init__(self, content: bytes, places: bytes, times: Sequence[tuple[int, int]], headers: dict[int, Headers]) -> None:
        self.content: Final = content
        self.places: Final = places
        self.times: Final = times
        self.headers: Final = headers
        self._requests: Final = [number for number, told in headers.items() if is_request(told)]

    def __len__(self) -> int:
        return len(self.places) // _PLACE_BYTES

    def _place(self, number: int) -> tuple[int, int, int, int, int, int]:
        offset, at, key, key_length, value, value_length = _PLACE.unpack_from(self.places, number * _PLACE_BYTES)
        return offset, at, key, key_length, value, value_length

    def offset(self, number: int) -> int:
        """The offset of a record."""
        return self._place(number)[0]

    def first_from(self, offset: int) -> int:
        """The number of the first record from this offset on, or how many there are."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.offset(middle) < offset:
                low = middle + 1
            else:
                high = middle
        return low

    def record(self, number: int) -> Record:
        """A record as an object."""
        offset, at, key, key_length, value, value_length = self._place(number)
        content = self.content
        return Record(
            offset,
            at,
            None if key_length < 0 else content[key : key + key_length],
            None if value_length < 0 else content[value : value + value_length],
            self.headers.get(number, ()),
        )

    def until_request(self, start: int, stop: int) -> int:
        """The number of the first record from `start` to before `stop` that is a request and no touchpoint, or `stop`."""
        for number in self._requests:
            if start <= number < stop:
                return number
        return stop

    def size(self, start: int, stop: int) -> int:
        """Bytes of the records from `start` to before `stop`: their keys and values, and what stands between them."""
        if start == stop:
            return 0
        _, _, first, _, _, _ = self._place(start)
        _, _, _, _, last, length = self._place(stop - 1)
        return last + max(0, length) - first

    def timestamps(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The timestamps of the records from `start` to before `stop`, each with the number of records in a row that have it."""
        found: list[tuple[int, int]] = []
        times = self.times
        for place in range(len(times)):
            first, timestamp = times[place]
            end = times[place + 1][0] if place + 1 < len(times) else stop
            count = min(end, stop) - max(first, start)
            if count > 0:
                found.append((timestamp, count))
        return found


@final
@mypyc_attr(acyclic=True)
class RecordStretch:
    """Records in a row: those of a batch with the numbers from `start` to before `stop`. Without a batch, the numbers are those in `records`."""

    __slots__ = ("batch", "records", "start", "stop")

    def __init__(self, batch: UnpackedBatch | None, records: list[Record], start: int, stop: int) -> None:
        self.batch: Final = batch
        self.records: Final = records
        self.start: Final = start
        self.stop: Final = stop

    def __len__(self) -> int:
        return self.stop - self.start

    def part(self, start: int, stop: int) -> "RecordStretch":
        """Those with the numbers from `start` to before `stop`."""
        return RecordStretch(self.batch, self.records, start, stop)

    def record(self, number: int) -> Record:
        """The record with this number."""
        return self.records[number] if self.batch is None else self.batch.record(number)

    def headers(self, number: int) -> Headers:
        """The headers of the record with this number."""
        return self.records[number].headers if self.batch is None else self.batch.headers.get(number, ())

    def size(self) -> int:
        """Bytes that they take."""
        if self.batch is not None:
            return self.batch.size(self.start, self.stop)
        size = 0
        for number in range(self.start, self.stop):
            size += self.records[number].size()
        return size


@final
@mypyc_attr(acyclic=True)
class RecordsInBatches:
    """Records in the order of the log, most of them left in their batches. As a sequence it makes an object of each that is asked for."""

    __slots__ = ("_ends", "_stretches")

    def __init__(self) -> None:
        self._stretches: Final[list[RecordStretch]] = []
        self._ends: Final[list[int]] = []
        """How many records there are up to the end of each stretch."""

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, position: int) -> Record:
        stretch, number = self.at(position + len(self) if position < 0 else position)
        return stretch.record(number)

    def __iter__(self) -> Iterator[Record]:
        for stretch in self._stretches:
            for number in range(stretch.start, stretch.stop):
                yield stretch.record(number)

    def add(self, stretch: RecordStretch) -> None:
        """Let these come next."""
        if len(stretch):
            self._ends.append(len(self) + len(stretch))
            self._stretches.append(stretch)

    def extend(self, others: "RecordsInBatches") -> None:
        """Let those come next."""
        for stretch in others._stretches:
            self.add(stretch)

    def at(self, position: int) -> tuple[RecordStretch, int]:
        """The stretch with the record at this position, and its number there. Raises `IndexError`."""
        if not 0 <= position < len(self):
            raise IndexError(position)
        place = bisect_right(self._ends, position)
        stretch = self._stretches[place]
        return stretch, stretch.stop - (self._ends[place] - position)

    def after(self, count: int) -> "RecordsInBatches":
        """All but the first `count`."""
        rest = RecordsInBatches()
        for place in range(bisect_right(self._ends, count), len(self._ends)):
            stretch = self._stretches[place]
            left = self._ends[place] - count
            rest.add(stretch.part(max(stretch.start, stretch.stop - left), stretch.stop))
        return rest

    def size(self) -> int:
        """Bytes that they take."""
        size = 0
        for stretch in self._stretches:
            size += stretch.size()
        return size

    def with_headers(self, count: int) -> list[int]:
        """The positions, among the first `count`, of records with headers."""
        found: list[int] = []
        before = 0
        for stretch in self._stretches:
            numbers = sorted(stretch.batch.headers) if stretch.batch is not None else range(stretch.start, stretch.stop)
            for number in numbers:
                position = before + number - stretch.start
                if stretch.start <= number < stretch.stop and position < count and stretch.headers(number):
                    found.append(position)
            before += len(stretch)
        return found

    def timestamps(self, count: int) -> list[tuple[int, int]]:
        """The timestamps of the first `count`, each with how many records in a row have it."""
        found: list[tuple[int, int]] = []
        for stretch in self._stretches:
            stop = min(stretch.stop, stretch.start + count)
            count -= stop - stretch.start
            if stretch.batch is not None:
                found += stretch.batch.timestamps(stretch.start, stop)
            else:
                found += [(stretch.records[number].timestamp, 1) for number in range(stretch.start, stop)]
        return found


def in_one_stretch(records: list[Record]) -> RecordsInBatches:
    """Records that came as objects."""
    made = RecordsInBatches()
    made.add(RecordStretch(None, records, 0, len(records)))
    return made


Records = list[Record] | RecordsInBatches
"""Records in the order of the log."""


def after(records: Records, count: int) -> Records:
    """All of the records but the first `count`."""
    return records.after(count) if isinstance(records, RecordsInBatches) else records[count:]


def with_headers(records: Records, count: int) -> list[int]:
    """The positions, among the first `count`, of records with headers."""
    if isinstance(records, RecordsInBatches):
        return records.with_headers(count)
    return [position for position in range(count) if records[position].headers]
