"""What a batch has to do with customers who move between partitions."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from etapa.contracts.stored.mark import MovingMark
from etapa.stream.protocol.observer import LinksCounted, MovesCounted
from etapa.stream.protocol.records import Outgoing


class MovedInBatch(NamedTuple):
    """What a batch has to do with moving customers."""

    mark: MovingMark | None
    sends: Sequence[tuple[int, Outgoing]]
    stages: Sequence[tuple[str, str]]
    """The stages of those who left (to no stage) and arrived (from none)."""
    forwarded: int
    departures: Sequence[Outgoing] = ()
    """Control records for `stage-changes`."""
    counted: MovesCounted | None = None
    links: LinksCounted | None = None
    pages: Mapping[bytes, bytes | None] = MappingProxyType({})
    """What is kept like pages of the ledger."""


NOTHING_MOVED: Final = MovedInBatch(None, (), (), 0)
