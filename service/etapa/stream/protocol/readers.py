"""What the view shows to readers: a customer, the counts of all stages, and a partition's raw keys."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from etapa.contracts.outgoing.stage_change_message import StageChangeMessage
from etapa.contracts.stored.in_common import NOTHING_IN_COMMON, InCommon
from etapa.stream.protocol.ports import ViewError, ViewMark


class NotKnownNow(ViewError):
    """The view cannot say at the moment; a little later it can."""


class BeingRebuilt(NotKnownNow):
    """The data is incomplete: its partition is being rebuilt from the log, or about to be."""


class OnTheWay(NotKnownNow):
    """The customer is moving from one partition to another, and the view shows it at neither."""


class StoredCustomer(msgspec.Struct, frozen=True):
    """What the view holds of a customer: the stage, and the encoded state (see `contracts.stored.state`)."""

    customer_id: str
    """The id under which the customer is kept. It is another one than was asked for if the two are linked."""
    partition: int
    stage: str
    state: bytes
    common: InCommon = NOTHING_IN_COMMON
    """Needed to read the state."""


class StagePlace(NamedTuple):
    """How far the customers of a stage have been looked through."""

    partition: int
    cursor: int


class StageMembers(msgspec.Struct, frozen=True):
    """Some customers of a stage, in no order."""

    customers: Sequence[StoredCustomer]
    after: StagePlace | None
    """Where to look for more; none: everybody has been looked at."""
    missing: Sequence[int]
    """Partitions passed over: they are new, lost or being rebuilt."""


class ChangesSeen(msgspec.Struct, frozen=True):
    """The latest published stage changes. Those of each partition are together, in order."""

    changes: Sequence[StageChangeMessage]
    missing: Sequence[int]
    """Partitions that could not be read in time."""


class IdCounts(msgspec.Struct, frozen=True):
    """What a partition of the view holds of people whose ids lead elsewhere, or who have several."""

    linked_people: int
    """People who live there and have several ids."""
    addresses: int
    """Ids that are no longer used, whose people live in another partition, or that a link has named and of which no touchpoint came."""


class LedgerPart(msgspec.Struct, frozen=True):
    """The stored pages of a partition's ledger by name, and the stream time of their mark."""

    pages: Mapping[bytes, bytes]
    stream_time: int | None


class LedgerParts(msgspec.Struct, frozen=True):
    """The ledgers of all partitions that are complete in the view."""

    parts: Sequence[LedgerPart]
    missing: Sequence[int]
    """Partitions not included: they are new, lost or being rebuilt."""


class StageCounts(msgspec.Struct, frozen=True):
    """How many customers are in each stage, over all partitions that are complete in the view."""

    counts: Mapping[str, int]
    partitions: int
    missing: Sequence[int]
    """Partitions whose customers are not counted: they are new, lost or being rebuilt."""


class Shown(msgspec.Struct, frozen=True, gc=False):
    """What the view holds of one customer; none for what is missing. `due` is the score of its timer."""

    customer_id: bytes
    stage: bytes | None
    state: bytes | None
    due: float | None


class Inspected(msgspec.Struct, frozen=True):
    """Some customers, the counts and the mark, all read at one moment."""

    mark: ViewMark | None
    customers: Sequence[Shown]
    counts: Mapping[str, int]
