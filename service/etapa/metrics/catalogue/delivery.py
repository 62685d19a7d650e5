"""What becomes of campaign triggers on their way to webhooks."""

from etapa.metrics.catalogue.bounds import DELIVERY_TIMES, REQUEST_TIMES
from etapa.metrics.catalogue.metric import Metric

_BY_TARGET = ("campaign", "target")

DELIVERIES = Metric(name="etapa_deliveries_total", kind="counter", labels=_BY_TARGET, help="Campaign triggers delivered")
RETRIES = Metric(name="etapa_delivery_retries_total", kind="counter", labels=_BY_TARGET, help="Requests that failed and are tried again")
DEAD_LETTERS = Metric(
    name="etapa_delivery_dead_letters_total",
    kind="counter",
    labels=(*_BY_TARGET, "reason"),
    help="Campaign triggers that could not be delivered; `target` is empty when they had none",
)
NOT_SENT = Metric(
    name="etapa_delivery_not_sent_total",
    kind="counter",
    labels=("campaign", "why"),
    help="Campaign triggers not delivered on purpose, by the reason",
    absent_at_first="campaigns that the delivery file does not name have a series after their first trigger",
)
LATENCY = Metric(
    name="etapa_delivery_latency_seconds",
    kind="histogram",
    labels=("target",),
    unit="seconds",
    bounds=DELIVERY_TIMES,
    help="From the publication of a trigger to its delivery",
)
REQUEST = Metric(
    name="etapa_delivery_request_seconds",
    kind="histogram",
    labels=("target",),
    unit="seconds",
    bounds=REQUEST_TIMES,
    help="How long requests took",
)
BREAKER = Metric(
    name="etapa_delivery_breaker_state",
    kind="gauge",
    labels=("target",),
    help="State of a target's circuit breaker: 0 closed, 1 half open, 2 open",
)
HELD = Metric(name="etapa_delivery_held", kind="gauge", labels=("target",), help="Triggers in memory on their way to a target")
BEHIND = Metric(name="etapa_delivery_partitions_behind", kind="gauge", labels=("target",), help="Partitions in which a target lags")
LAG = Metric(
    name="etapa_delivery_lag_triggers",
    kind="gauge",
    labels=("partition",),
    help="Offsets from the first unfinished one to the end",
    absent_at_first="a partition has a series while this process owns it",
)
GONE = Metric(name="etapa_delivery_triggers_gone_total", kind="counter", help="Offsets that retention removed before they were delivered")
