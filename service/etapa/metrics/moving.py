"""Customers who move between partitions, and what they wait for."""

from prometheus_client import CollectorRegistry

from etapa.journey.units import SECOND
from etapa.metrics import catalogue
from etapa.stream.protocol.observer import MovesCounted


class MovingMetrics:
    """Times are microseconds since 1970; none: nothing waits any more."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._moved = catalogue.customers.CUSTOMERS_MOVED.counter(registry)
        self._leaving = catalogue.customers.PARTITION_LEAVING.gauge(registry)
        self._held_up_since = catalogue.customers.HELD_UP_SINCE.gauge(registry)
        self._withheld_since = catalogue.customers.WITHHELD_SINCE.gauge(registry)
        for direction in ("left", "arrived"):
            self._moved.labels(direction)

    def count(self, partition: int, moves: MovesCounted | None) -> None:
        """Those of a batch."""
        if moves is not None:
            self._moved.labels("left").inc(moves.left)
            self._moved.labels("arrived").inc(moves.arrived)
            self._leaving.labels(str(partition)).set(moves.is_leaving)

    def held_up(self, partition: int, since: int | None) -> None:
        """A touchpoint waits for its customer."""
        self._held_up_since.labels(str(partition)).set(0 if since is None else since / SECOND)

    def withheld(self, partition: int, since: int | None) -> None:
        """What others sent waits for the end of a transaction."""
        self._withheld_since.labels(str(partition)).set(0 if since is None else since / SECOND)

    def begin(self, partition: int) -> None:
        """The partition is taken over: nothing waits yet."""
        for gauge in (self._held_up_since, self._withheld_since):
            gauge.remove(str(partition))

    def drop(self, partition: int) -> None:
        """From now on another worker reports this partition."""
        self.begin(partition)
        self._leaving.remove(str(partition))
