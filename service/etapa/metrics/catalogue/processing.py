"""How a worker gets on with its touchpoints: what becomes of them, and how long that takes."""

from etapa.metrics.catalogue.bounds import BATCH_SIZES, LATENCIES, STEP_TIMES, TIMER_DELAYS
from etapa.metrics.catalogue.metric import Metric
from etapa.metrics.catalogue.partitions import WHILE_OWNED

TOUCHPOINTS = Metric(
    name="etapa_touchpoints_total",
    kind="counter",
    labels=("outcome",),
    help="Touchpoints read, by the outcome; `forgotten`: their customer was forgotten, and they changed nothing; `forwarded`: their customer"
    " lives in another partition",
)
DEAD_LETTERS = Metric(name="etapa_dead_letters_total", kind="counter", labels=("reason",), help="Records that could not be used")
SOURCE_RECORDS = Metric(
    name="etapa_source_records_total",
    kind="counter",
    labels=("outcome",),
    help="Records that went through a source, by the outcome: touchpoints, skipped, or a dead letter",
)
SOURCE_SKIPPED = Metric(
    name="etapa_source_skipped_total",
    kind="counter",
    labels=("rule",),
    help="Records, or elements of their lists, that the source skips, by its rule",
    absent_at_first="a rule has a series after it first skipped something",
)
TYPE_MISMATCHES = Metric(
    name="etapa_type_mismatches_total",
    kind="counter",
    labels=("rule", "condition"),
    help="Values of a type that a condition of the journey cannot use, such as text where it compares numbers",
)
TIMERS = Metric(name="etapa_timers_total", kind="counter", help="Timers that fired")
TIMER_FAILURES = Metric(name="etapa_timer_failures_total", kind="counter", help="Timers dropped because judging them failed")
TIMER_DELAY = Metric(
    name="etapa_timer_delay_seconds",
    kind="histogram",
    unit="seconds",
    bounds=TIMER_DELAYS,
    help="Stream time between the end of a timer's grace and the moment it fired",
)
STREAM_TIME = Metric(
    name="etapa_stream_time_seconds",
    kind="gauge",
    across="most",
    labels=("partition",),
    unit="Unix time in seconds",
    help="Time of the partition's latest touchpoint, as Unix time",
    absent_at_first=WHILE_OWNED,
)
CLOCK_AHEAD = Metric(
    name="etapa_clock_ahead_seconds",
    kind="gauge",
    across="furthest",
    unit="seconds",
    help="At least how far the clock here is ahead of the broker that differs most; negative if it is behind",
)
LAG = Metric(
    name="etapa_lag_touchpoints",
    kind="gauge",
    across="most",
    labels=("partition",),
    help="Touchpoints not committed yet, looked up every five seconds, even while Redis does not answer",
    absent_at_first=WHILE_OWNED,
)
BATCH_TOUCHPOINTS = Metric(
    name="etapa_batch_touchpoints",
    kind="histogram",
    bounds=BATCH_SIZES,
    help="Touchpoints in a batch; batches that only ran timers have none",
)
BATCH_SECONDS = Metric(
    name="etapa_batch_seconds",
    kind="histogram",
    labels=("step",),
    unit="seconds",
    bounds=STEP_TIMES,
    help="How long each step of a batch took",
)
END_TO_END = Metric(
    name="etapa_end_to_end_seconds",
    kind="histogram",
    unit="seconds",
    bounds=LATENCIES,
    help="From a touchpoint's record timestamp to its commit",
)
VIEW_DELAY = Metric(
    name="etapa_view_delay_seconds",
    kind="histogram",
    unit="seconds",
    bounds=LATENCIES,
    help="From the commit of a batch until Redis shows it",
)
