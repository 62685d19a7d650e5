"""A trigger on its way: the record that holds it, and what became of each request."""

from collections.abc import Sequence

import msgspec

from etapa.deliver.offsets.progress import PartitionProgress

MOST_REMEMBERED = 20
"""What the first requests came to is forgotten when there were more."""


class PendingTrigger(msgspec.Struct, kw_only=True, eq=False):
    """A record of `campaign-triggers` that is to become a delivery or a dead letter. Times are in microseconds."""

    progress: PartitionProgress
    """Of the partition, while it has been ours without a break."""
    lane: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    published_at: int
    """The record's timestamp, since 1970."""
    trigger_id: str = ""
    campaign: str = ""
    at: int | None = None
    """The trigger's own time, since 1970; none of a record that is no trigger."""
    requests: int = 0
    first_at: int = 0
    """When the first request began, on the queue's clock."""
    dropped: bool = False
    """The partition is being given away: what has not been delivered is the next owner's."""
    troubles: list[str] = msgspec.field(default_factory=list)

    def failed(self, told: str) -> None:
        """A request came to nothing."""
        self.troubles.append(f"{self.requests}: {told}")
        del self.troubles[:-MOST_REMEMBERED]

    @property
    def history(self) -> str:
        """What the requests came to, the latest first, as it should be told if only the beginning is read."""
        return "; ".join(reversed(self.troubles))
