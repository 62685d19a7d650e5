"""What crosses the ports in large numbers: records read and published, and customers as the view is to show them."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, final

from mypy_extensions import mypyc_attr

from etapa.contracts.incoming.forget_request import REQUEST
from etapa.contracts.outgoing.dead_letter import Cut
from etapa.contracts.stored.forwarding import standing_of
from etapa.contracts.stored.ledger_page import LEDGER_PREFIX, is_page_key
from etapa.contracts.stored.mark import MARK_KEY
from etapa.contracts.stored.transfer import TopicLayout, TouchpointForwarded, Transfer

Headers = Sequence[tuple[str, bytes]]


@final
@mypyc_attr(acyclic=True)
class Record:
    """A record as read from `touchpoints`, unchanged unless it was cut. `timestamp` is in microseconds since 1970."""

    __slots__ = ("cut", "headers", "key", "offset", "timestamp", "value")

    def __init__(
        self, offset: int, timestamp: int, key: bytes | None, value: bytes | None, headers: Headers = (), cut: Cut | None = None
    ) -> None:
        self.offset: Final = offset
        self.timestamp: Final = timestamp
        self.key: Final = key
        self.value: Final = value
        self.headers: Final = headers
        self.cut: Final = cut
        """Set when the record was too large to keep whole: what is missing."""

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
        return self.offset, self.timestamp, self.key, self.value, list(self.headers), self.cut


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
    """A customer's new place in the view; with no `state`, the customer is erased."""

    __slots__ = ("customer_id", "due", "moved", "rescheduled", "stage", "state")

    def __init__(
        self, customer_id: str, stage: str, due: int | None, state: bytes | None, *, moved: bool = True, rescheduled: bool = True
    ) -> None:
        self.customer_id: Final = customer_id
        self.stage: Final = stage
        self.due: Final = due
        self.state: Final = state
        self.moved: Final = moved
        """False if the view, at the mark that is followed, is known to show the customer in this stage."""
        self.rescheduled: Final = rescheduled
        """False if it is known to hold this due time, or none."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Applied) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        return f"Applied{self._fields()}"

    def _fields(self) -> tuple[object, ...]:
        return self.customer_id, self.stage, self.due, self.state, self.moved, self.rescheduled


def is_request(headers: Sequence[Any]) -> bool:
    """Whether a record with these headers is a request and no touchpoint. Headers of others may have no value."""
    for header in headers:  # noqa: SIM110 - called for every record with headers, and half as fast with `any`
        if header[0] == REQUEST:
            return True
    return False


@final
@mypyc_attr(acyclic=True)
class StateRecord:
    """A record of `customer-state`: a customer's state, a tombstone (no value), or the mark (see `contracts.stored.mark`)."""

    __slots__ = ("key", "offset", "value")

    def __init__(self, offset: int, key: bytes, value: bytes | None) -> None:
        self.offset: Final = offset
        self.key: Final = key
        self.value: Final = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StateRecord) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        return f"StateRecord{self._fields()}"

    def _fields(self) -> tuple[object, ...]:
        return self.offset, self.key, self.value


def collect(records: Sequence[StateRecord], changed: dict[str, Applied], pages: dict[bytes, bytes | None]) -> int | None:
    """Put the last state of each customer among `records` into `changed`, and pages of the ledger into `pages` by name.

    Returns the offset of the last of these. Raises `StateError`.
    """
    reached: int | None = None
    for record in records:
        if record.key == MARK_KEY:
            continue
        reached = record.offset
        value = record.value
        if is_page_key(record.key):
            pages[record.key[len(LEDGER_PREFIX) :]] = value
            continue
        customer_id = record.key.decode()
        if value is None:
            changed[customer_id] = Applied(customer_id, "", None, None)
        else:
            standing = standing_of(value)
            changed[customer_id] = Applied(customer_id, standing.stage, standing.due, value)
    return reached


class IncomingTransfer(NamedTuple):
    """A transfer that was read and is not taken in yet, and its offset."""

    offset: int
    transfer: Transfer


def layouts_followed(run: Sequence[IncomingTransfer]) -> set[TopicLayout]:
    """The layouts of those who forwarded these."""
    sent = [each.transfer.sent for each in run]
    return {one.layout for one in sent if isinstance(one, TouchpointForwarded) and one.layout is not None}


def was_made(run: Sequence[IncomingTransfer], position: int) -> bool:
    """Whether the touchpoint at `position` came from another place, and a source had made it there."""
    sent = run[position].transfer.sent if run else None
    return isinstance(sent, TouchpointForwarded) and sent.made is not None


def forwarder(run: Sequence[IncomingTransfer], position: int) -> int | None:
    """The place that forwarded the touchpoint at `position`; none if touchpoints come from no other place."""
    return run[position].transfer.sender if run else None
