"""A trigger on its way: the record that holds it, and the result of each request."""

from collections.abc import Sequence

import msgspec

from etapa.deliver.offsets.progress import PartitionProgress

MOST_REMEMBERED = 20
"""How many results are remembered; beyond that the oldest are forgotten."""


class PendingTrigger(msgspec.Struct, kw_only=True, eq=False):
    """A record of `campaign-triggers` that will become a delivery or a dead letter. Times are in microseconds."""

    progress: PartitionProgress
    """The partition's progress, since it was last assigned to us."""
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
    """The trigger's own time, since 1970; None when the record is not a trigger."""
    requests: int = 0
    first_at: int = 0
    """When the first request began, by the queue's clock."""
    dropped: bool = False
    """The partition is being handed back: what has not been delivered is left to the next owner."""
    troubles: list[str] = msgspec.field(default_factory=list)

    def failed(self, told: str) -> None:
        """A request failed."""
        self.troubles.append(f"{self.requests}: {told}")
        del self.troubles[:-MOST_REMEMBERED]

    @property
    def history(self) -> str:
        """The results of the requests, latest first, because readers may see only the beginning."""
        return "; ".join(reversed(self.troubles))
