"""What Prometheus sees: every metric of Etapa, filled by what the partition tasks tell.

The labels are closed sets: outcomes, reasons, the journey's stages, partitions. A customer's id is never one.
"""

import platform
from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import etapa
from etapa.contracts.rejected import REASONS
from etapa.journey.engine.changes import TRIGGER_OUTCOMES
from etapa.journey.engine.compiled import IS_COMPILED
from etapa.journey.engine.stage_change import StageChange
from etapa.journey.language.model import Journey
from etapa.metrics.bulk_histogram import BulkHistogram
from etapa.metrics.tallies import dwells_in, moves_in, offers_in, timestamps_in
from etapa.stream.protocol.observer import BatchCommitted, Step
from etapa.stream.protocol.ports import TakeoverReason

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE)
STEP_TIMES = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
TIMER_DELAYS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, MINUTE, 5 * MINUTE, HOUR, DAY)
TAKEOVER_TIMES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, MINUTE, 5 * MINUTE, 30 * MINUTE)
DWELL_DAYS = (1, 3, 7, 14, 30, 60, 90, 180, 365, 730, 1825)
DWELL_TIMES = (MINUTE, 5 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, *(days * DAY for days in DWELL_DAYS))
BATCH_SIZES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000)

NEW_CUSTOMER = ""
"""The `from` of a change that brings a new customer in: Prometheus takes an empty label for none."""


class CustomersByStage(Collector):
    """`etapa_customers`: customers in each stage, over the partitions that this worker owns now."""

    def __init__(self, stages: Iterable[str], registry: CollectorRegistry) -> None:
        self._stages = tuple(stages)
        self._by_partition: dict[int, Tally[str]] = {}
        registry.register(self)

    def replace(self, partition: int, counts: Mapping[str, int]) -> None:
        self._by_partition[partition] = Tally(counts)

    def add(self, partition: int, deltas: Mapping[str, int]) -> None:
        counts = self._by_partition.setdefault(partition, Tally())
        for stage, delta in deltas.items():
            counts[stage] += delta

    def drop(self, partition: int) -> None:
        self._by_partition.pop(partition, None)

    def totals(self) -> dict[str, int]:
        """Every stage of the journey in its order, then stages that only an earlier version of it had and that still hold somebody."""
        totals = dict.fromkeys(self._stages, 0)
        for counts in self._by_partition.values():
            for stage, count in counts.items():
                totals[stage] = totals.get(stage, 0) + count
        return {stage: count for stage, count in totals.items() if count or stage in self._stages}

    def describe(self) -> Iterable[GaugeMetricFamily]:
        yield GaugeMetricFamily("etapa_customers", "Customers in each stage, over the partitions of this worker", labels=["stage"])

    def collect(self) -> Iterable[Metric]:
        (family,) = self.describe()
        for stage, count in self.totals().items():
            family.add_metric([stage], count)
        yield family


class Metrics:
    """An `Observer` that counts and measures into a registry of its own. One for all partitions of a worker."""

    def __init__(self, journey: Journey) -> None:
        # Otherwise every counter brings a second series along that says when it was made.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        stages = [stage.id for stage in journey.stages]

        self._touchpoints = Counter("etapa_touchpoints_total", "Touchpoints read, by what became of them", ["outcome"], registry=registry)
        self._changes = Counter(
            "etapa_stage_changes_total",
            "Stage changes; `from` is empty when the customer is new",
            ["from", "to", "cause"],
            registry=registry,
        )
        self.customers = CustomersByStage(stages, registry)
        self._dwell = BulkHistogram("etapa_stage_dwell_seconds", "Time spent in a stage, when it is left", DWELL_TIMES, registry, "stage")
        self._campaign_triggers = Counter(
            "etapa_campaign_triggers_total",
            "Stage changes offered to a campaign that they fit, by what became of it",
            ["campaign", "outcome"],
            registry=registry,
        )
        self._dead_letters = Counter("etapa_dead_letters_total", "Records that could not be used", ["reason"], registry=registry)
        self._end_to_end = BulkHistogram(
            "etapa_end_to_end_seconds", "From a touchpoint's record timestamp to its commit", LATENCIES, registry
        )
        self._batch_seconds = Histogram(
            "etapa_batch_seconds", "How long each step of a batch took", ["step"], buckets=STEP_TIMES, registry=registry
        )
        self._batch_touchpoints = Histogram(
            "etapa_batch_touchpoints",
            "Touchpoints in a batch; batches that only ran timers have none",
            buckets=(0, *BATCH_SIZES),
            registry=registry,
        )
        self._lag = Gauge("etapa_lag_touchpoints", "Touchpoints that wait in the log", ["partition"], registry=registry)
        self._timers = Counter("etapa_timers_total", "Timers that fired", registry=registry)
        self._timer_failures = Counter("etapa_timer_failures_total", "Timers dropped because judging them failed", registry=registry)
        self._timer_delay = BulkHistogram(
            "etapa_timer_delay_seconds", "How long after its due time and the grace a timer fired, in stream time", TIMER_DELAYS, registry
        )
        self._view_delay = Histogram(
            "etapa_view_delay_seconds", "From the commit of a batch until Redis shows it", buckets=LATENCIES, registry=registry
        )
        self._takeovers = Counter("etapa_takeovers_total", "Takeovers of a partition that were begun", ["reason"], registry=registry)
        self._takeover_seconds = Histogram(
            "etapa_takeover_seconds", "How long it took until a partition was ready", buckets=TAKEOVER_TIMES, registry=registry
        )
        self._fenced = Counter("etapa_fenced_total", "Times that a successor took a partition over unannounced", registry=registry)
        self._ready = Gauge(
            "etapa_partition_ready", "1 when the partition is processed, 0 while it is taken over", ["partition"], registry=registry
        )
        self._gone = Counter("etapa_touchpoints_gone_total", "Touchpoints that retention removed before they were read", registry=registry)
        self._offset_disagreements = Counter(
            "etapa_group_offset_disagreements_total", "Takeovers that found the group's offset away from the mark", registry=registry
        )
        self._refused = Counter("etapa_refused_total", "Times that a partition was refused until somebody steps in", registry=registry)
        self._stream_time = Gauge(
            "etapa_stream_time_seconds", "How far the partition's touchpoints reach, as Unix time", ["partition"], registry=registry
        )
        Gauge("etapa_journey_info", "The journey that is running", ["journey", "version"], registry=registry).labels(
            journey.id, str(journey.version)
        ).set(1)
        Gauge("etapa_build_info", "The Etapa that is running", ["version", "python", "compiled"], registry=registry).labels(
            etapa.__version__, platform.python_version(), "yes" if IS_COMPILED else "no"
        ).set(1)
        ProcessCollector(registry=registry)
        self._show_from_the_start(stages, [campaign.id for campaign in journey.campaigns])

    def _show_from_the_start(self, stages: list[str], campaigns: list[str]) -> None:
        """Series that are missing until something happens cannot be told from a worker that is not there."""
        for outcome in ("applied", "duplicate", "dead_letter"):
            self._touchpoints.labels(outcome)
        for reason in REASONS:
            self._dead_letters.labels(reason)
        for takeover in get_args(TakeoverReason):
            self._takeovers.labels(takeover)
        for step in get_args(Step):
            self._batch_seconds.labels(step)
        for stage in stages:
            self._dwell.show(stage)
        for campaign in campaigns:
            for trigger_outcome in TRIGGER_OUTCOMES:
                self._campaign_triggers.labels(campaign, trigger_outcome)

    def takeover_started(self, partition: int, reason: TakeoverReason) -> None:
        self._takeovers.labels(reason).inc()
        self._ready.labels(str(partition)).set(0)

    def takeover_finished(self, partition: int, reason: TakeoverReason, seconds: float, customers: int, counts: Mapping[str, int]) -> None:
        self._takeover_seconds.observe(seconds)
        self._ready.labels(str(partition)).set(1)
        self.customers.replace(partition, counts)

    def batch_committed(self, partition: int, batch: BatchCommitted) -> None:
        dead_letters = sum(batch.dead_letters.values())
        for outcome, number in (("applied", batch.applied), ("duplicate", batch.duplicates), ("dead_letter", dead_letters)):
            self._touchpoints.labels(outcome).inc(number)
        for reason, number in batch.dead_letters.items():
            self._dead_letters.labels(reason).inc(number)
        self._count_changes(batch.changes)
        self.customers.add(partition, batch.stage_deltas)
        self._batch_touchpoints.observe(len(batch.records))
        for step, seconds in batch.seconds.items():
            self._batch_seconds.labels(step).observe(seconds)
        self._timers.inc(batch.timers_fired)
        self._timer_delay.observe_all(list(batch.timer_delays))
        if batch.stream_time is not None:
            self._stream_time.labels(str(partition)).set(batch.stream_time / 1_000_000)
        # Clocks differ between machines: a record from a producer that is ahead took no time, not less than none.
        for timestamp, many in timestamps_in(batch.records).items():
            self._end_to_end.observe(max(0, batch.committed_at - timestamp) / 1_000_000, many)

    def _count_changes(self, changes: Sequence[StageChange]) -> None:
        for stage, dwells in dwells_in(changes).items():
            self._dwell.observe_all(dwells, stage)
        for (source, to, cause), number in moves_in(changes).items():
            self._changes.labels(NEW_CUSTOMER if source is None else source, to, cause).inc(number)
        for offered, number in offers_in(changes).items():
            self._campaign_triggers.labels(*offered).inc(number)

    def view_applied(self, partition: int, delay: float, apply: float) -> None:
        self._view_delay.observe(delay)
        self._batch_seconds.labels("apply").observe(apply)

    def lag(self, partition: int, touchpoints: int) -> None:
        self._lag.labels(str(partition)).set(touchpoints)

    def fenced(self, partition: int) -> None:
        self._fenced.inc()

    def touchpoints_gone(self, partition: int, count: int) -> None:
        self._gone.inc(count)

    def group_offset_disagrees(self, partition: int, group_offset: int, next_offset: int) -> None:
        self._offset_disagreements.inc()

    def timer_failed(self, partition: int, customer_id: str, error: str) -> None:
        self._timer_failures.inc()

    def refused(self, partition: int, message: str) -> None:
        self._refused.inc()

    def released(self, partition: int) -> None:
        """Another worker reports this partition from here on."""
        self.customers.drop(partition)
        for gauge in (self._lag, self._ready, self._stream_time):
            gauge.remove(str(partition))
