"""What Prometheus sees of delivery. Labels are closed sets: targets of the delivery file, and campaigns up to a number."""

import platform
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

import etapa
from etapa.contracts.undelivered import REASONS, Undelivered
from etapa.deliver.breaker import State
from etapa.deliver.delivery import Delivery
from etapa.deliver.dispatch import NotSent
from etapa.deliver.plan import Plan

MOST_CAMPAIGNS = 500
"""Campaigns come from the records. After so many, others share the label `(other)`."""
OTHER = "(other)"
LATENCIES = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 4 * 3_600, 24 * 3_600)
REQUEST_TIMES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60)
BREAKER_STATES: Mapping[State, int] = {"closed": 0, "half_open": 1, "open": 2}


class DeliveryMetrics:
    """A desk's observer that counts and measures into a registry of its own."""

    def __init__(self, plan: Plan, now: Callable[[], int]) -> None:
        """`now` gives microseconds since 1970."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self._now = now
        self._campaigns = set(plan.campaigns)
        by_target = ["campaign", "target"]
        self._delivered = Counter("etapa_deliveries_total", "Campaign triggers delivered", by_target, registry=registry)
        self._retries = Counter("etapa_delivery_retries_total", "Requests that failed and are made again", by_target, registry=registry)
        self._letters = Counter(
            "etapa_delivery_dead_letters_total",
            "Campaign triggers that could not be delivered; `target` is empty when they had none",
            [*by_target, "reason"],
            registry=registry,
        )
        self._not_sent = Counter(
            "etapa_delivery_not_sent_total", "Campaign triggers that are for nobody", ["campaign", "why"], registry=registry
        )
        self._latency = Histogram(
            "etapa_delivery_latency_seconds",
            "From the publication of a trigger to its delivery",
            ["target"],
            buckets=LATENCIES,
            registry=registry,
        )
        self._requests = Histogram(
            "etapa_delivery_request_seconds", "How long requests took", ["target"], buckets=REQUEST_TIMES, registry=registry
        )
        self._breakers = Gauge(
            "etapa_delivery_breaker_state", "Of a target's circuit breaker: 0 closed, 1 half open, 2 open", ["target"], registry=registry
        )
        self._held = Gauge("etapa_delivery_held", "Triggers in memory that are under way to a target", ["target"], registry=registry)
        self._behind = Gauge("etapa_delivery_partitions_behind", "Partitions that a target lags behind in", ["target"], registry=registry)
        self._lag = Gauge("etapa_delivery_lag_triggers", "Offsets after the first that is not through", ["partition"], registry=registry)
        self._gone = Counter(
            "etapa_delivery_triggers_gone_total", "Offsets that retention removed before they were delivered", registry=registry
        )
        Gauge("etapa_build_info", "The Etapa that is running", ["version", "python"], registry=registry).labels(
            etapa.__version__, platform.python_version()
        ).set(1)
        ProcessCollector(registry=registry)
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
            for reason in ("refused", "gave_up"):
                self._letters.labels(campaign, route.target, reason)
        for reason in REASONS[:2]:
            self._letters.labels("", "", reason)

    def _campaign(self, campaign: str) -> str:
        if campaign not in self._campaigns:
            if len(self._campaigns) >= MOST_CAMPAIGNS:
                return OTHER
            self._campaigns.add(campaign)
        return campaign

    def delivered(self, target: str, delivery: Delivery) -> None:
        self._delivered.labels(self._campaign(delivery.campaign), target).inc()
        # Clocks differ between machines.
        self._latency.labels(target).observe(max(0, self._now() - delivery.published_at) / 1_000_000)

    def retried(self, target: str, delivery: Delivery) -> None:
        self._retries.labels(self._campaign(delivery.campaign), target).inc()

    def dead_lettered(self, delivery: Delivery, why: Undelivered) -> None:
        self._letters.labels(self._campaign(delivery.campaign), why.target, why.reason).inc()

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
        """How far each partition that is ours is from its end; others are not told."""
        self._lag.clear()
        for partition, offsets in by_partition.items():
            self._lag.labels(str(partition)).set(offsets)
