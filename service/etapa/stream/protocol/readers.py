"""What the view shows to those who only look: a customer, the counts of all stages, and a partition's keys as they are."""

from collections.abc import Mapping, Sequence

import msgspec

from etapa.contracts.stored.state import NO_KNOWN_MEMORIES, KnownMemories
from etapa.stream.protocol.ports import ViewError, ViewMark


class BeingRebuilt(ViewError):
    """What was asked for is not whole at the moment: its partition is being built anew from the log, or about to be."""


class StoredCustomer(msgspec.Struct, frozen=True):
    """What the view holds of a customer: the stage, and the encoded state (see `contracts.stored.state`)."""

    partition: int
    stage: str
    state: bytes
    memories: KnownMemories = NO_KNOWN_MEMORIES
    """What it takes to read the state, if the customer is to be judged."""


class LedgerPart(msgspec.Struct, frozen=True):
    """Pages of a partition's ledger by name, as they are stored, and the stream time of their mark."""

    pages: Mapping[bytes, bytes]
    stream_time: int | None


class LedgerParts(msgspec.Struct, frozen=True):
    """The ledgers of all partitions that the view shows whole."""

    parts: Sequence[LedgerPart]
    missing: Sequence[int]
    """Partitions that are not among them: the view holds nothing of them, because they are new or lost, or they are being rebuilt."""


class StageCounts(msgspec.Struct, frozen=True):
    """How many customers are in each stage, over all partitions that the view shows whole."""

    counts: Mapping[str, int]
    partitions: int
    missing: Sequence[int]
    """Partitions whose customers are not counted: the view holds nothing of them, because they are new or lost, or they are being rebuilt."""


class Shown(msgspec.Struct, frozen=True, gc=False):
    """What the view holds of one customer; none of what is not there. `due` is the score of its timer."""

    customer_id: bytes
    stage: bytes | None
    state: bytes | None
    due: float | None


class Inspected(msgspec.Struct, frozen=True):
    """Some customers, the counts and the mark, as of one moment."""

    mark: ViewMark | None
    customers: Sequence[Shown]
    counts: Mapping[str, int]
