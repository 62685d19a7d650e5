"""What crosses the ports by the thousand: records as they are read and published, and customers as the view is to show them."""

from collections.abc import Sequence
from struct import Struct
from typing import Any, Final, NamedTuple, final

from mypy_extensions import mypyc_attr

Headers = Sequence[tuple[str, bytes]]


@final
@mypyc_attr(acyclic=True)
class Record:
    """A record as it was read from `touchpoints`, untouched. `timestamp` is in microseconds."""

    __slots__ = ("headers", "key", "offset", "timestamp", "value")

    def __init__(self, offset: int, timestamp: int, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        self.offset: Final = offset
        self.timestamp: Final = timestamp
        self.key: Final = key
        self.value: Final = value
        self.headers: Final = headers

    def size(self) -> int:
        """Bytes of its key and its value."""
        return (0 if self.key is None else len(self.key)) + (0 if self.value is None else len(self.value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((self.offset, self.key))

    def __repr__(self) -> str:
        return f"Record{self._fields()}"

    def _fields(self) -> tuple[object, ...]:
        return self.offset, self.timestamp, self.key, self.value, list(self.headers)


@final
@mypyc_attr(acyclic=True)
class Outgoing:
    """A record to be published."""

    __slots__ = ("headers", "key", "value")

    def __init__(self, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        self.key: Final = key
        self.value: Final = value
        self.headers: Final = headers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outgoing) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((self.key, self.value))

    def __repr__(self) -> str:
        return f"Outgoing{self._fields()}"

    def _fields(self) -> tuple[object, ...]:
        return self.key, self.value, list(self.headers)


@final
@mypyc_attr(acyclic=True)
class Applied:
    """A customer's new place in the view; `state` none erases the customer."""

    __slots__ = ("customer_id", "due", "stage", "state")

    def __init__(self, customer_id: str, stage: str, due: int | None, state: bytes | None) -> None:
        self.customer_id: Final = customer_id
        self.stage: Final = stage
        self.due: Final = due
        self.state: Final = state

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Applied) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        return f"Applied{self._fields()}"

    def _fields(self) -> tuple[object, ...]:
        return self.customer_id, self.stage, self.due, self.state


def record_of(place: object, consumed: Any) -> Record:
    """A record as Kafka's client has taken it out of a batch of its partition; its timestamp is in milliseconds."""
    headers = consumed.headers
    return Record(consumed.offset, consumed.timestamp * 1000, consumed.key, consumed.value, tuple(headers) if headers else ())


def as_records(consumed: list[Any]) -> list[Record]:
    """What Kafka's client gave, all of it as our records."""
    return [one if isinstance(one, Record) else record_of(None, one) for one in consumed]


def total_size(records: Sequence[Record]) -> int:
    """Bytes of all their keys and values."""
    size = 0
    for record in records:
        size += record.size()
    return size


def append_records(batch: Any, records: Sequence[Outgoing], start: int) -> int:
    """Fill one of aiokafka's batches from `start` on, past its checks of every record. Gives where it was full, or the end."""
    append = batch._builder.append
    count: int = batch.record_count()
    for position in range(start, len(records)):
        record = records[position]
        headers = record.headers
        if append(count, None, record.key, record.value, headers if isinstance(headers, list) else list(headers)) is None:
            batch.close()
            batch._relative_offset = count
            return position
        count += 1
    batch._relative_offset = count
    return len(records)


def append_pairs(batch: Any, pairs: Sequence[tuple[bytes, bytes | None]], start: int) -> int:
    """As `append_records`, of keys and values without headers."""
    append = batch._builder.append
    count: int = batch.record_count()
    none: list[tuple[str, bytes]] = []
    for position in range(start, len(pairs)):
        pair = pairs[position]
        if append(count, None, pair[0], pair[1], none) is None:
            batch.close()
            batch._relative_offset = count
            return position
        count += 1
    batch._relative_offset = count
    return len(pairs)


class Flattened(NamedTuple):
    """Customers as `apply.lua` takes them: what goes into Redis' commands as it is."""

    states: bytes
    """Id, state, and so on, packed (MessagePack)."""
    stages: list[str]
    """Id, stage, and so on, of the same customers in the same order."""
    timers: list[str]
    """Due time, id, and so on."""
    untimed: list[str]
    """Ids of those without a due time."""
    erased: list[str]
    """Ids; they are in none of the others."""


def flattened(customers: Sequence[Applied]) -> Flattened:
    """Each customer is there once."""
    states: list[bytes] = []
    stages: list[str] = []
    timers: list[str] = []
    untimed: list[str] = []
    erased: list[str] = []
    for one in customers:
        customer_id = one.customer_id
        state = one.state
        if state is None:
            erased.append(customer_id)
            continue
        key = customer_id.encode()
        states.append(_text_head(len(key)))
        states.append(key)
        states.append(_text_head(len(state)))
        states.append(state)
        stages.append(customer_id)
        stages.append(one.stage)
        due = one.due
        if due is None:
            untimed.append(customer_id)
        else:
            timers.append(str(due))
            timers.append(customer_id)
    return Flattened(_head(0xDD, len(states) // 2) + b"".join(states), stages, timers, untimed, erased)


# Packed by hand: states are called text, since the unpacker of Redis knows no other bytes and does not mind what is in them.
_USUAL_LENGTHS: Final = 1024
_head: Final = Struct(">BI").pack
_text_heads: Final = [_head(0xDB, length) for length in range(_USUAL_LENGTHS)]


def _text_head(length: int) -> bytes:
    return _text_heads[length] if length < _USUAL_LENGTHS else _head(0xDB, length)
