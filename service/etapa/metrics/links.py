"""What became of links between ids, and how many ids lead elsewhere."""

from collections.abc import Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, Counter

from etapa.metrics import catalogue
from etapa.stream.protocol.observer import LinkOutcome, LinksCounted
from etapa.stream.protocol.readers import IdCounts


class LinkMetrics:
    """Counts links where they are decided. `dead_letters` counts dead letters by reason."""

    def __init__(self, registry: CollectorRegistry, dead_letters: Counter) -> None:
        self._links = catalogue.customers.LINKS.counter(registry)
        self._people = catalogue.customers.LINKED_PEOPLE.gauge(registry)
        self._addresses = catalogue.customers.ADDRESSES.gauge(registry)
        self._dead_letters = dead_letters
        for outcome in get_args(LinkOutcome):
            self._links.labels(outcome)

    def count(self, links: LinksCounted | None) -> None:
        """Those of a batch."""
        if links is not None:
            for outcome, number in links.outcomes.items():
                self._links.labels(outcome).inc(number)
            for reason, number in links.letters.items():
                self._dead_letters.labels(reason).inc(number)

    def show(self, by_partition: Mapping[int, IdCounts]) -> None:
        """What all partitions that are ours hold; earlier figures of other partitions are removed."""
        self._people.clear()
        self._addresses.clear()
        for partition, counts in by_partition.items():
            self._people.labels(str(partition)).set(counts.linked_people)
            self._addresses.labels(str(partition)).set(counts.addresses)

    def drop(self, partition: int) -> None:
        """From now on another worker reports this partition."""
        for gauge in (self._people, self._addresses):
            gauge.remove(str(partition))
