"""Whom the worker tells how it is as a whole, on a clock, beside what its partition tasks tell."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from etapa.hosting.dependencies import Cause, Dependency
from etapa.stream.protocol.observer import TaskObserver


class Share(msgspec.Struct, frozen=True):
    """Which part of the work is this worker's."""

    partitions: int
    """Of the touchpoints topic, as the brokers told last; 0 before they have."""
    owned: int
    refused: int
    """Partitions that are not processed before somebody steps in."""


class WorkerObserver(TaskObserver, Protocol):
    """An `TaskObserver` that is also told of the worker. It must not raise."""

    def dependency(self, name: Dependency, cause: Cause | None) -> None:
        """Whether a server does its part, and if not, why."""

    def share(self, share: Share) -> None:
        """Which part of the work is this worker's now."""

    def lag(self, by_partition: Mapping[int, int]) -> None:
        """How many touchpoints of each partition that is ours are not committed yet; others are not told."""
