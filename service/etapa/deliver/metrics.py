"""The Prometheus metrics of delivery. Labels have few values: the targets of the delivery file, and a limited number of campaigns."""

from collections.abc import Callable, Mapping

from etapa.contracts.outgoing.undelivered import REASONS, Undelivered
from etapa.deliver.attempts.breaker import State
from etapa.deliver.delivery_file.plan import Plan
from etapa.deliver.dispatch.dispatcher import NotSent
from etapa.deliver.dispatch.pending_trigger import PendingTrigger
from etapa.journey.units import SECOND
from etapa.metrics import catalogue
from etapa.metrics.dependencies import Dependencies
from etapa.metrics.http import HttpMetrics
from etapa.metrics.process import new_registry
from etapa.metrics.trace_sample import parent_of

MOST_CAMPAIGNS = 500
"""Campaigns come from the records. Beyond this number they share the label `(other)`."""
OTHER = "(other)"
BREAKER_STATES: Mapping[State, int] = {"closed": 0, "half_open": 1, "open": 2}


class DeliveryMetrics:
    """The dispatcher's observer; it counts and measures in its own registry."""

    def __init__(self, plan: Plan, now: Callable[[], int]) -> None:
        """`now` returns microseconds since 1970."""
        self.registry = registry = new_registry()
        self._now = now
        self._campaigns = set(plan.campaigns)
        self.http = HttpMetrics(registry)
        self._delivered = catalogue.delivery.DELIVERIES.counter(registry)
        self._retries = catalogue.delivery.RETRIES.counter(registry)
        self._dead_letters = catalogue.delivery.DEAD_LETTERS.counter(registry)
        self._not_sent = catalogue.delivery.NOT_SENT.counter(registry)
        self._latency = catalogue.delivery.LATENCY.histogram(registry)
        self._requests = catalogue.delivery.REQUEST.histogram(registry)
        self._breakers = catalogue.delivery.BREAKER.gauge(registry)
        self._held = catalogue.delivery.HELD.gauge(registry)
        self._behind = catalogue.delivery.BEHIND.gauge(registry)
        self._lag = catalogue.delivery.LAG.gauge(registry)
        self._gone = catalogue.delivery.GONE.counter(registry)
        self.dependencies = Dependencies(("kafka",), registry, lambda: now() / SECOND)
        self._show_from_the_start(plan)

    def _show_from_the_start(self, plan: Plan) -> None:
        for target in plan.targets:
            self._breakers.labels(target.id).set(0)
            self._held.labels(target.id)
            self._behind.labels(target.id)
            self._latency.labels(target.id)
            self._requests.labels(target.id)
        for campaign, route in plan.campaigns.items():
            if route.target is None:
                self._not_sent.labels(campaign, "skipped")
                continue
            self._delivered.labels(campaign, route.target)
            self._retries.labels(campaign, route.target)
            self._not_sent.labels(campaign, "holdout")
            for reason in ("refused", "gave_up", "too_old"):
                self._dead_letters.labels(campaign, route.target, reason)
        for reason in REASONS[:2]:
            self._dead_letters.labels("", "", reason)

    def _campaign(self, campaign: str) -> str:
        if campaign not in self._campaigns:
            if len(self._campaigns) >= MOST_CAMPAIGNS:
                return OTHER
            self._campaigns.add(campaign)
        return campaign

    def delivered(self, target: str, pending: PendingTrigger) -> None:
        self._delivered.labels(self._campaign(pending.campaign), target).inc()
        # Clocks of different machines disagree a little.
        parent = parent_of(pending.headers)
        exemplar = None if parent is None or not parent.sampled else dict(parent.labels)
        self._latency.labels(target).observe(max(0, self._now() - pending.published_at) / SECOND, exemplar)

    def retried(self, target: str, pending: PendingTrigger) -> None:
        self._retries.labels(self._campaign(pending.campaign), target).inc()

    def dead_lettered(self, pending: PendingTrigger, why: Undelivered) -> None:
        self._dead_letters.labels(self._campaign(pending.campaign), why.target, why.reason).inc()

    def not_sent(self, campaign: str, why: NotSent) -> None:
        self._not_sent.labels(self._campaign(campaign), why).inc()

    def answered(self, target: str, seconds: float) -> None:
        self._requests.labels(target).observe(seconds)

    def breaker(self, target: str, state: State) -> None:
        self._breakers.labels(target).set(BREAKER_STATES[state])

    def gone(self, partition: int, count: int) -> None:
        self._gone.inc(count)

    def held(self, target: str, deliveries: int, behind: int) -> None:
        """How many triggers are under way to a target, and in how many partitions it is behind."""
        self._held.labels(target).set(deliveries)
        self._behind.labels(target).set(behind)

    def lag(self, by_partition: Mapping[int, int]) -> None:
        """How far each partition that is ours is from its end; other partitions are not shown."""
        self._lag.clear()
        for partition, offsets in by_partition.items():
            self._lag.labels(str(partition)).set(offsets)
