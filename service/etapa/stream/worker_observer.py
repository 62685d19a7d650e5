"""The port through which the worker regularly reports on itself as a whole, beside what its partition tasks report."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from etapa.hosting.dependencies import Cause, Dependency
from etapa.stream.protocol.observer import TaskObserver
from etapa.stream.protocol.readers import IdCounts


class Share(msgspec.Struct, frozen=True):
    """This worker's share of the work."""

    partitions: int
    """Of the touchpoints topic, as last reported by the brokers; 0 before the first report."""
    owned: int
    refused: int
    """Partitions that are not processed before an operator acts."""


class WorkerObserver(TaskObserver, Protocol):
    """A `TaskObserver` that is also told about the worker. It must not raise."""

    def dependency(self, name: Dependency, cause: Cause | None) -> None:
        """Whether a server works, and if not, why."""

    def share(self, share: Share) -> None:
        """This worker's share of the work now."""

    def ids(self, by_partition: Mapping[int, IdCounts]) -> None:
        """The linked people and the forwarding addresses of each of our partitions."""

    def withheld(self, partition: int, since: int | None) -> None:
        """An open transaction of another worker holds back since then what was sent to the partition through `transfers`; none when no longer."""

    def lag(self, by_partition: Mapping[int, int]) -> None:
        """How many touchpoints of each of our partitions are not committed yet."""
