"""What became of links between ids."""

from typing import get_args

from prometheus_client import CollectorRegistry, Counter

from etapa.metrics import catalogue
from etapa.stream.protocol.observer import LinkOutcome, LinksCounted


class LinkMetrics:
    """Counts links where they are decided. `dead_letters` counts dead letters by reason."""

    def __init__(self, registry: CollectorRegistry, dead_letters: Counter) -> None:
        self._links = catalogue.LINKS.counter(registry)
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
