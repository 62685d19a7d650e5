"""The worker's Prometheus metrics, filled from the reports of the partition tasks.

The values of labels are closed sets: outcomes, reasons, the journey's stages, partitions. A customer's id is never among them.
"""

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import get_args

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from etapa.contracts.incoming.rejected import REASONS
from etapa.hosting.dependencies import Cause, Dependency
from etapa.journey.engine.facts.change_counts import ChangeCounts
from etapa.journey.engine.facts.changes import TRIGGER_OUTCOMES
from etapa.journey.language.model import Journey
from etapa.journey.ledger.tables import CampaignGroup
from etapa.journey.units import SECOND
from etapa.metrics import catalogue
from etapa.metrics.bulk_histogram import BulkHistogram
from etapa.metrics.campaign_groups import CampaignGroups
from etapa.metrics.dependencies import Dependencies
from etapa.metrics.http import HttpMetrics
from etapa.metrics.links import LinkMetrics
from etapa.metrics.moving import MovingMetrics
from etapa.metrics.process import new_registry
from etapa.metrics.tallies import GOAL_OUTCOMES, outcomes_in
from etapa.metrics.trace_sample import sampled_parents
from etapa.stream.protocol.damage import DamageKind
from etapa.stream.protocol.observer import BatchCommitted, BatchStep, RecordOutcome
from etapa.stream.protocol.ports import TakeoverReason
from etapa.stream.protocol.readers import IdCounts
from etapa.stream.worker_observer import Share

MOST_LOOKED_AT = 4
"""How many records of a batch are searched for a trace to use as exemplar; each bucket keeps only one."""
NEW_CUSTOMER = ""
"""The `from` of a new customer's change: to Prometheus, an empty label is the same as none."""


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
        """All stages of the journey in order, then stages of earlier versions that still have customers."""
        totals = dict.fromkeys(self._stages, 0)
        for counts in self._by_partition.values():
            for stage, count in counts.items():
                totals[stage] = totals.get(stage, 0) + count
        return {stage: count for stage, count in totals.items() if count or stage in self._stages}

    def describe(self) -> Iterable[GaugeMetricFamily]:
        metric = catalogue.customers.CUSTOMERS
        yield GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)

    def collect(self) -> Iterable[Metric]:
        (family,) = self.describe()
        for stage, count in self.totals().items():
            family.add_metric([stage], count)
        yield family


class TypeMismatches(Collector):
    """`etapa_type_mismatches_total`: read from the compiled journey only when it is scraped, so that counting costs nothing."""

    def __init__(self, found: Callable[[], Sequence[tuple[str, str, int]]], registry: CollectorRegistry) -> None:
        """`found` returns rule, condition and number for every condition."""
        self._found = found
        registry.register(self)

    def describe(self) -> Iterable[CounterMetricFamily]:
        metric = catalogue.processing.TYPE_MISMATCHES
        yield CounterMetricFamily(metric.name, metric.help, labels=metric.labels)

    def collect(self) -> Iterable[Metric]:
        (family,) = self.describe()
        for rule, condition, number in self._found():
            family.add_metric([rule, condition], number)
        yield family


class Metrics:
    """A `WorkerObserver` that counts and measures in its own registry. There is one for all partitions of a worker."""

    def __init__(
        self,
        journey: Journey,
        now: Callable[[], float] = time.time,
        type_mismatches: Callable[[], Sequence[tuple[str, str, int]]] = lambda: (),
    ) -> None:
        """`now` returns Unix time in seconds. `type_mismatches` returns what the compiled journey has counted, by rule and condition."""
        self.registry = registry = new_registry()
        stages = [stage.id for stage in journey.stages]
        self.http = HttpMetrics(registry)
        self._touchpoints = catalogue.processing.TOUCHPOINTS.counter(registry)
        self._changes = catalogue.customers.STAGE_CHANGES.counter(registry)
        self.customers = CustomersByStage(stages, registry)
        self._campaign_groups = CampaignGroups(journey, registry)
        TypeMismatches(type_mismatches, registry)
        self._dwell = BulkHistogram(catalogue.customers.STAGE_DWELL, registry)
        self._campaign_triggers = catalogue.customers.CAMPAIGN_TRIGGERS.counter(registry)
        self._campaign_outcomes = catalogue.customers.CAMPAIGN_OUTCOMES.counter(registry)
        self._dead_letters = catalogue.processing.DEAD_LETTERS.counter(registry)
        self._source_records = catalogue.processing.SOURCE_RECORDS.counter(registry)
        self._source_skipped = catalogue.processing.SOURCE_SKIPPED.counter(registry)
        self._end_to_end = BulkHistogram(catalogue.processing.END_TO_END, registry)
        self._batch_seconds = catalogue.processing.BATCH_SECONDS.histogram(registry)
        self._batch_touchpoints = catalogue.processing.BATCH_TOUCHPOINTS.histogram(registry)
        self._lag = catalogue.processing.LAG.gauge(registry)
        self._moving = MovingMetrics(registry)
        self._links = LinkMetrics(registry, self._dead_letters)
        self._forget_requests = catalogue.customers.FORGET_REQUESTS.counter(registry)
        self._denied = catalogue.customers.DENIED.gauge(registry)
        self._timers = catalogue.processing.TIMERS.counter(registry)
        self._timer_failures = catalogue.processing.TIMER_FAILURES.counter(registry)
        self._timer_delay = BulkHistogram(catalogue.processing.TIMER_DELAY, registry)
        self._view_delay = catalogue.processing.VIEW_DELAY.histogram(registry)
        self._takeovers = catalogue.partitions.TAKEOVERS.counter(registry)
        self._takeover_seconds = catalogue.partitions.TAKEOVER_SECONDS.histogram(registry)
        self._fenced = catalogue.partitions.FENCED.counter(registry)
        self._ready = catalogue.partitions.PARTITION_READY.gauge(registry)
        self._gone = catalogue.partitions.GONE.counter(registry)
        self._offset_disagreements = catalogue.partitions.OFFSET_DISAGREEMENTS.counter(registry)
        self._damage = catalogue.partitions.DAMAGE.counter(registry)
        self._refused = catalogue.partitions.REFUSED.counter(registry)
        self._unowned = catalogue.partitions.UNOWNED.gauge(registry)
        self._clock_ahead = catalogue.processing.CLOCK_AHEAD.gauge(registry)
        self.dependencies = Dependencies(("kafka", "redis"), registry, now)
        self._partitions = catalogue.partitions.PARTITIONS.gauge(registry)
        self._owned = catalogue.partitions.PARTITIONS_OWNED.gauge(registry)
        self._partitions_refused = catalogue.partitions.PARTITIONS_REFUSED.gauge(registry)
        self._stream_time = catalogue.processing.STREAM_TIME.gauge(registry)
        catalogue.customers.JOURNEY_INFO.gauge(registry).labels(journey.id, str(journey.version)).set(1)
        self._show_from_the_start(stages, [campaign.id for campaign in journey.campaigns])
        for goal in [campaign.id for campaign in journey.campaigns if campaign.goal is not None]:
            for group, outcome in GOAL_OUTCOMES:
                self._campaign_outcomes.labels(goal, group, outcome)

    def _show_from_the_start(self, stages: list[str], campaigns: list[str]) -> None:
        """Show series from the start: one that is missing until something happens looks just like a worker that is not running."""
        for outcome in ("applied", "duplicate", "dead_letter", "forgotten", "forwarded"):
            self._touchpoints.labels(outcome)
        for record_outcome in get_args(RecordOutcome):
            self._source_records.labels(record_outcome)
        for reason in REASONS:
            self._dead_letters.labels(reason)
        for takeover in get_args(TakeoverReason):
            self._takeovers.labels(takeover)
        for kind in get_args(DamageKind):
            self._damage.labels(kind)
        for step in get_args(BatchStep):
            self._batch_seconds.labels(step)
        for stage in stages:
            self._dwell.show(stage)
        for campaign in campaigns:
            for trigger_outcome in TRIGGER_OUTCOMES:
                self._campaign_triggers.labels(campaign, trigger_outcome)

    def takeover_started(self, partition: int, reason: TakeoverReason) -> None:
        self._takeovers.labels(reason).inc()
        self._moving.begin(partition)
        self._ready.labels(str(partition)).set(0)

    def takeover_finished(self, partition: int, reason: TakeoverReason, seconds: float, customers: int, counts: Mapping[str, int]) -> None:
        self._takeover_seconds.observe(seconds)
        self._ready.labels(str(partition)).set(1)
        self.customers.replace(partition, counts)

    def enrolled(self, partition: int, customers: Mapping[CampaignGroup, int]) -> None:
        self._campaign_groups.replace(partition, customers)

    def batch_committed(self, partition: int, batch: BatchCommitted, exemplar: dict[str, str] | None = None) -> None:
        """`exemplar`: the labels that name the span of the batch, if there is one."""
        unusable = sum(batch.dead_letters.values()) if batch.source is None else batch.source.rejected
        for outcome, number in (
            ("applied", batch.applied),
            ("duplicate", batch.duplicates),
            ("dead_letter", unusable),
            ("forgotten", batch.forgotten),
            ("forwarded", batch.forwarded),
        ):
            self._touchpoints.labels(outcome).inc(number)
        self._moving.count(partition, batch.moves)
        self._links.count(batch.links)
        for reason, number in batch.dead_letters.items():
            self._dead_letters.labels(reason).inc(number)
        if batch.source is not None:
            for record_outcome, number in batch.source.records.items():
                self._source_records.labels(record_outcome).inc(number)
            for rule, number in batch.source.skipped.items():
                self._source_skipped.labels(rule).inc(number)
        self._count_changes(batch.changes)
        for became, number in outcomes_in(batch.outcomes).items():
            self._campaign_outcomes.labels(*became).inc(number)
        self.customers.add(partition, batch.stage_deltas)
        self._batch_touchpoints.observe(batch.arrivals.count)
        for step, seconds in batch.seconds.items():
            self._batch_seconds.labels(step).observe(seconds, exemplar)
        self._forget_requests.inc(batch.forget_requests)
        self._denied.labels(str(partition)).set(batch.denied)
        self._timers.inc(batch.timers_fired)
        self._timer_delay.observe_durations(batch.timer_delays)
        if batch.stream_time is not None:
            self._stream_time.labels(str(partition)).set(batch.stream_time / SECOND)
        # Clocks differ: a record from a producer whose clock is ahead counts as taking no time, not negative time.
        for timestamp, many in batch.arrivals.timestamps.items():
            self._end_to_end.observe(max(0, batch.committed_at - timestamp) / SECOND, many)
        for record, parent in sampled_parents(batch.arrivals.sample, MOST_LOOKED_AT):
            took = max(0, batch.committed_at - record.timestamp) / SECOND
            self._end_to_end.exemplify(took, parent.labels, batch.committed_at / SECOND)

    def _count_changes(self, counts: ChangeCounts) -> None:
        for stage, dwells in counts.dwells.items():
            self._dwell.observe_durations(dwells, stage)
        for (source, to, cause), number in counts.moves.items():
            self._changes.labels(NEW_CUSTOMER if source is None else source, to, cause).inc(number)
        for offered, number in counts.offers.items():
            self._campaign_triggers.labels(*offered).inc(number)

    def view_applied(self, partition: int, delay: float, apply: float, exemplar: dict[str, str] | None = None) -> None:
        self._view_delay.observe(delay, exemplar)
        self._batch_seconds.labels("apply").observe(apply, exemplar)

    def ids(self, by_partition: Mapping[int, IdCounts]) -> None:
        self._links.show(by_partition)

    def lag(self, by_partition: Mapping[int, int]) -> None:
        """The lag of all partitions that are ours; earlier figures of other partitions are removed."""
        self._lag.clear()
        for partition, touchpoints in by_partition.items():
            self._lag.labels(str(partition)).set(touchpoints)

    def dependency(self, name: Dependency, cause: Cause | None) -> None:
        self.dependencies.told(name, cause)

    def share(self, share: Share) -> None:
        self._partitions.set(share.partitions)
        self._owned.set(share.owned)
        self._partitions_refused.set(share.refused)

    def fenced(self, partition: int) -> None:
        self._fenced.inc()

    def touchpoints_gone(self, partition: int, count: int) -> None:
        self._gone.inc(count)

    def group_offset_disagrees(self, partition: int, group_offset: int, next_offset: int) -> None:
        self._offset_disagreements.inc()

    def damaged(self, partition: int, kind: str, message: str) -> None:
        self._damage.labels(kind).inc()

    def timer_failed(self, partition: int, customer_id: str, error: str) -> None:
        self._timer_failures.inc()

    def held_up(self, partition: int, since: int | None) -> None:
        self._moving.held_up(partition, since)

    def withheld(self, partition: int, since: int | None) -> None:
        self._moving.withheld(partition, since)

    def refused(self, partition: int, message: str) -> None:
        self._refused.inc()

    def released(self, partition: int) -> None:
        """From now on another worker reports this partition."""
        for kept in (self.customers, self._campaign_groups, self._links, self._moving):
            kept.drop(partition)
        for gauge in (self._lag, self._ready, self._stream_time, self._denied):
            gauge.remove(str(partition))

    def partitions_unowned(self, count: int) -> None:
        self._unowned.set(count)

    def clock_ahead(self, seconds: float) -> None:
        self._clock_ahead.set(seconds)
