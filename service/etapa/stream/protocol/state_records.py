"""Records of `customer-state`, as they are read when a partition is taken over, and what the view is to show of them."""

from collections.abc import Sequence
from typing import Any, Final, final

from mypy_extensions import mypyc_attr

from etapa.contracts.mark import MARK_KEY
from etapa.contracts.state import decode_standing
from etapa.stream.protocol.records import Applied


@final
@mypyc_attr(acyclic=True)
class StateRecord:
    """A record of `customer-state`: a customer's state, a tombstone (no value), or the mark (see `contracts.mark`)."""

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


def state_record_of(place: object, consumed: Any) -> StateRecord:
    """A record as Kafka's client has taken it out of a batch of its partition."""
    return StateRecord(consumed.offset, consumed.key, consumed.value)


def as_state_records(consumed: list[Any]) -> list[StateRecord]:
    """What Kafka's client gave, all of it as our records."""
    return [one if isinstance(one, StateRecord) else state_record_of(None, one) for one in consumed]


def collect(records: Sequence[StateRecord], changed: dict[str, Applied]) -> int | None:
    """Put the states among `records` into `changed`, the last one of each customer. Gives the offset of the last state.

    Raises `StateError`.
    """
    reached: int | None = None
    for record in records:
        if record.key == MARK_KEY:
            continue
        reached = record.offset
        customer_id = record.key.decode()
        value = record.value
        if value is None:
            changed[customer_id] = Applied(customer_id, "", None, None)
        else:
            standing = decode_standing(value)
            changed[customer_id] = Applied(customer_id, standing.stage, standing.due, value)
    return reached
