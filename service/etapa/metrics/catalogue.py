"""Every metric of Etapa. The objects of Prometheus, docs/metrics.md and the dashboards are made from here."""

from etapa.journey import units
from etapa.metrics.metric import Metric

MINUTE, HOUR, DAY = (length // units.SECOND for length in (units.MINUTE, units.HOUR, units.DAY))
"""In seconds, Prometheus' unit for all times."""

_LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE)
_STEP_TIMES = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_TIMER_DELAYS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, MINUTE, 5 * MINUTE, HOUR, DAY)
_TAKEOVER_TIMES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, MINUTE, 5 * MINUTE, 30 * MINUTE)
_DWELL_DAYS = (1, 3, 7, 14, 30, 60, 90, 180, 365, 730, 1825)
_DWELL_TIMES = (MINUTE, 5 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, *(days * DAY for days in _DWELL_DAYS))
_BATCH_SIZES = (0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000)
_DELIVERY_TIMES = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, DAY)
_REQUEST_TIMES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60)

_OF_A_PARTITION = "a partition has a series while this worker owns it"
_IF_A_GOAL = "only campaigns that have a goal have series"

# --- the worker: what it does ---

TOUCHPOINTS = Metric(
    name="etapa_touchpoints_total",
    kind="counter",
    labels=("outcome",),
    help="Touchpoints read, by the outcome; `forgotten`: their customer was forgotten, and they changed nothing; `forwarded`: their customer"
    " lives in another partition",
)
STAGE_CHANGES = Metric(
    name="etapa_stage_changes_total",
    kind="counter",
    labels=("from", "to", "cause"),
    help="Stage changes; `from` is empty when the customer is new",
    absent_at_first="most pairs of stages never occur; each has a series after its first change",
)
CUSTOMERS = Metric(
    name="etapa_customers", kind="gauge", labels=("stage",), help="Customers in each stage, over the partitions of this worker"
)
STAGE_DWELL = Metric(
    name="etapa_stage_dwell_seconds",
    kind="histogram",
    labels=("stage",),
    unit="seconds",
    bounds=_DWELL_TIMES,
    help="Time spent in a stage, when it is left",
)
CAMPAIGN_TRIGGERS = Metric(
    name="etapa_campaign_triggers_total",
    kind="counter",
    labels=("campaign", "outcome"),
    help="Stage changes offered to a campaign that responds to them, and held triggers checked again, by the outcome",
)
CAMPAIGN_OUTCOMES = Metric(
    name="etapa_campaign_outcomes_total",
    kind="counter",
    labels=("campaign", "group", "outcome"),
    help="Goals of campaigns that were met or missed, by the group: sent, or holdout",
    absent_at_first=_IF_A_GOAL,
)
CAMPAIGN_CUSTOMERS = Metric(
    name="etapa_campaign_customers",
    kind="gauge",
    labels=("campaign", "group"),
    help="Customers for whom a campaign with a goal ever triggered, by the group they were drawn into, over the partitions of this worker",
    absent_at_first=_IF_A_GOAL,
)
CAMPAIGN_HOLDOUT = Metric(
    name="etapa_campaign_holdout_ratio",
    kind="gauge",
    across="most",
    labels=("campaign",),
    help="The share of a campaign's customers that the journey wants in the holdout group",
    absent_at_first=_IF_A_GOAL,
)
TYPE_MISMATCHES = Metric(
    name="etapa_type_mismatches_total",
    kind="counter",
    labels=("rule", "condition"),
    help="Values of a type that a condition of the journey cannot use, such as text where it compares numbers",
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
END_TO_END = Metric(
    name="etapa_end_to_end_seconds",
    kind="histogram",
    unit="seconds",
    bounds=_LATENCIES,
    help="From a touchpoint's record timestamp to its commit",
)
BATCH_SECONDS = Metric(
    name="etapa_batch_seconds",
    kind="histogram",
    labels=("step",),
    unit="seconds",
    bounds=_STEP_TIMES,
    help="How long each step of a batch took",
)
BATCH_TOUCHPOINTS = Metric(
    name="etapa_batch_touchpoints",
    kind="histogram",
    bounds=_BATCH_SIZES,
    help="Touchpoints in a batch; batches that only ran timers have none",
)
LAG = Metric(
    name="etapa_lag_touchpoints",
    kind="gauge",
    across="most",
    labels=("partition",),
    help="Touchpoints not committed yet, looked up every five seconds, even while Redis does not answer",
    absent_at_first=_OF_A_PARTITION,
)
CUSTOMERS_MOVED = Metric(
    name="etapa_customers_moved_total",
    kind="counter",
    labels=("direction",),
    help="Customers who left partitions of this worker for others, or arrived in them",
)
LINKS = Metric(
    name="etapa_links_total",
    kind="counter",
    labels=("outcome",),
    help="Links between ids, by what became of them, counted where that was decided; `repeated`: they said nothing new; `forgotten`: one of the"
    " two customers was forgotten, and nothing changed; all others but `joined` were refused",
)
LINKED_PEOPLE = Metric(
    name="etapa_linked_people",
    kind="gauge",
    labels=("partition",),
    help="People of a partition who have several ids",
    absent_at_first=_OF_A_PARTITION,
)
ADDRESSES = Metric(
    name="etapa_forwarding_addresses",
    kind="gauge",
    labels=("partition",),
    help="Ids in a partition that only lead to where their person lives, or to the id that is kept, or that a link has named and nobody has used",
    absent_at_first=_OF_A_PARTITION,
)
PARTITION_LEAVING = Metric(
    name="etapa_partition_leaving",
    kind="gauge",
    across="most",
    labels=("partition",),
    help="1 while customers have to leave the partition for another one, 0 when all have left or `etapa repartition --stop` was asked",
    absent_at_first="only partitions from which customers have to move have series",
)
HELD_UP_SINCE = Metric(
    name="etapa_partition_held_up_since_seconds",
    kind="gauge",
    across="most",
    labels=("partition",),
    unit="seconds",
    help="Unix time since when a touchpoint waits for its customer, who is on the way to this partition; 0 when none waits",
    absent_at_first="only partitions to which customers move have series",
)
WITHHELD_SINCE = Metric(
    name="etapa_transfers_withheld_since_seconds",
    kind="gauge",
    across="most",
    labels=("partition",),
    unit="seconds",
    help="Unix time since when an open transaction of another worker hides what comes after it in this partition of `transfers`; 0 when none does",
    absent_at_first="only partitions in which that happened have series",
)
FORGET_REQUESTS = Metric(name="etapa_forget_requests_total", kind="counter", help="Customers who were forgotten on request")
DENIED = Metric(
    name="etapa_forgotten_customers",
    kind="gauge",
    labels=("partition",),
    help="Forgotten customers on the deny list of a partition",
    absent_at_first=_OF_A_PARTITION,
)
TIMERS = Metric(name="etapa_timers_total", kind="counter", help="Timers that fired")
TIMER_FAILURES = Metric(name="etapa_timer_failures_total", kind="counter", help="Timers dropped because judging them failed")
TIMER_DELAY = Metric(
    name="etapa_timer_delay_seconds",
    kind="histogram",
    unit="seconds",
    bounds=_TIMER_DELAYS,
    help="Stream time between the end of a timer's grace and the moment it fired",
)
VIEW_DELAY = Metric(
    name="etapa_view_delay_seconds",
    kind="histogram",
    unit="seconds",
    bounds=_LATENCIES,
    help="From the commit of a batch until Redis shows it",
)
STREAM_TIME = Metric(
    name="etapa_stream_time_seconds",
    kind="gauge",
    across="most",
    labels=("partition",),
    unit="Unix time in seconds",
    help="Time of the partition's latest touchpoint, as Unix time",
    absent_at_first=_OF_A_PARTITION,
)

# --- the worker: whether it is well ---

TAKEOVERS = Metric(name="etapa_takeovers_total", kind="counter", labels=("reason",), help="Takeovers of a partition that have begun")
TAKEOVER_SECONDS = Metric(
    name="etapa_takeover_seconds",
    kind="histogram",
    unit="seconds",
    bounds=_TAKEOVER_TIMES,
    help="How long it took until a partition was ready",
)
FENCED = Metric(
    name="etapa_fenced_total", kind="counter", help="Times that another worker took a partition over without the group announcing it"
)
PARTITION_READY = Metric(
    name="etapa_partition_ready",
    kind="gauge",
    across="most",
    labels=("partition",),
    help="1 when the partition is processed, 0 while it is taken over",
    absent_at_first=_OF_A_PARTITION,
)
GONE = Metric(name="etapa_touchpoints_gone_total", kind="counter", help="Touchpoints that retention removed before they were read")
OFFSET_DISAGREEMENTS = Metric(
    name="etapa_group_offset_disagreements_total",
    kind="counter",
    help="Takeovers at which the group's offset differed from the mark",
)
DAMAGE = Metric(
    name="etapa_damage_found_total",
    kind="counter",
    labels=("kind",),
    help="Signs of incomplete transactions found by takeovers",
)
REFUSED = Metric(name="etapa_refused_total", kind="counter", help="Times that a partition was refused until an operator steps in")
UNOWNED = Metric(
    name="etapa_group_partitions_unowned",
    kind="gauge",
    across="most",
    help="Partitions that the consumer group has given to no worker, in the whole group",
)
CLOCK_AHEAD = Metric(
    name="etapa_clock_ahead_seconds",
    kind="gauge",
    across="furthest",
    unit="seconds",
    help="At least how far the clock here is ahead of the broker that differs most; negative if it is behind",
)
PARTITIONS = Metric(
    name="etapa_topic_partitions",
    kind="gauge",
    across="most",
    help="Partitions of the touchpoints topic, as the brokers last reported; 0 before that",
)
PARTITIONS_OWNED = Metric(name="etapa_partitions_owned", kind="gauge", help="Partitions that the group has given this worker")
PARTITIONS_REFUSED = Metric(
    name="etapa_partitions_refused",
    kind="gauge",
    help="Partitions that this worker does not process until an operator steps in; /readyz and the log say why",
)
JOURNEY_INFO = Metric(
    name="etapa_journey_info", kind="gauge", across="most", labels=("journey", "version"), help="The journey that is running; always 1"
)

# --- delivery ---

_BY_TARGET = ("campaign", "target")

DELIVERIES = Metric(name="etapa_deliveries_total", kind="counter", labels=_BY_TARGET, help="Campaign triggers delivered")
DELIVERY_RETRIES = Metric(
    name="etapa_delivery_retries_total", kind="counter", labels=_BY_TARGET, help="Requests that failed and are tried again"
)
DELIVERY_DEAD_LETTERS = Metric(
    name="etapa_delivery_dead_letters_total",
    kind="counter",
    labels=(*_BY_TARGET, "reason"),
    help="Campaign triggers that could not be delivered; `target` is empty when they had none",
)
DELIVERY_NOT_SENT = Metric(
    name="etapa_delivery_not_sent_total",
    kind="counter",
    labels=("campaign", "why"),
    help="Campaign triggers not delivered on purpose, by the reason",
    absent_at_first="campaigns that the delivery file does not name have a series after their first trigger",
)
DELIVERY_LATENCY = Metric(
    name="etapa_delivery_latency_seconds",
    kind="histogram",
    labels=("target",),
    unit="seconds",
    bounds=_DELIVERY_TIMES,
    help="From the publication of a trigger to its delivery",
)
DELIVERY_REQUEST = Metric(
    name="etapa_delivery_request_seconds",
    kind="histogram",
    labels=("target",),
    unit="seconds",
    bounds=_REQUEST_TIMES,
    help="How long requests took",
)
DELIVERY_BREAKER = Metric(
    name="etapa_delivery_breaker_state",
    kind="gauge",
    labels=("target",),
    help="State of a target's circuit breaker: 0 closed, 1 half open, 2 open",
)
DELIVERY_HELD = Metric(name="etapa_delivery_held", kind="gauge", labels=("target",), help="Triggers in memory on their way to a target")
DELIVERY_BEHIND = Metric(
    name="etapa_delivery_partitions_behind", kind="gauge", labels=("target",), help="Partitions in which a target lags"
)
DELIVERY_LAG = Metric(
    name="etapa_delivery_lag_triggers",
    kind="gauge",
    labels=("partition",),
    help="Offsets from the first unfinished one to the end",
    absent_at_first="a partition has a series while this process owns it",
)
DELIVERY_GONE = Metric(
    name="etapa_delivery_triggers_gone_total", kind="counter", help="Offsets that retention removed before they were delivered"
)

# --- any process ---

DEPENDENCY_UP = Metric(
    name="etapa_dependency_up",
    kind="gauge",
    across="least",
    labels=("dependency",),
    help="1 if the server (kafka, redis) worked when last checked, else 0; a worker needs both, delivery needs kafka",
)
DEPENDENCY_SINCE = Metric(
    name="etapa_dependency_since_timestamp_seconds",
    kind="gauge",
    across="most",
    labels=("dependency",),
    unit="Unix time in seconds",
    help="When etapa_dependency_up last changed, as Unix time",
)
DEPENDENCY_TROUBLE = Metric(
    name="etapa_dependency_trouble",
    kind="gauge",
    across="most",
    labels=("dependency", "cause"),
    help="1 for the reason why the server does not work, 0 for all others",
)
HTTP_REQUESTS = Metric(
    name="etapa_http_requests_total",
    kind="counter",
    labels=("route", "status"),
    help="HTTP requests, by the template of the path and the class of the status, such as 2xx",
    absent_at_first="each pair has a series after its first request",
)
HTTP_SECONDS = Metric(
    name="etapa_http_request_seconds",
    kind="histogram",
    labels=("route",),
    unit="seconds",
    bounds=_REQUEST_TIMES,
    help="How long HTTP requests took",
    absent_at_first="a path has a series after its first request",
)
BUILD_INFO = Metric(
    name="etapa_build_info",
    kind="gauge",
    across="most",
    labels=("version", "python", "compiled"),
    help="The Etapa that is running; always 1",
)

WORKERS_UP = Metric(name="etapa_supervised_workers_up", kind="gauge", help="Workers that run now, of those that `--workers` asks for")
WORKERS_WANTED = Metric(name="etapa_supervised_workers", kind="gauge", help="Workers that `--workers` asks for")
WORKER_RESTARTS = Metric(
    name="etapa_supervised_restarts_total", kind="counter", help="Times that a worker ended by itself and was started again"
)

WORKER = (
    TOUCHPOINTS,
    STAGE_CHANGES,
    CUSTOMERS,
    STAGE_DWELL,
    CAMPAIGN_TRIGGERS,
    CAMPAIGN_OUTCOMES,
    CAMPAIGN_CUSTOMERS,
    CAMPAIGN_HOLDOUT,
    TYPE_MISMATCHES,
    DEAD_LETTERS,
    SOURCE_RECORDS,
    SOURCE_SKIPPED,
    END_TO_END,
    BATCH_SECONDS,
    BATCH_TOUCHPOINTS,
    LAG,
    CUSTOMERS_MOVED,
    LINKS,
    LINKED_PEOPLE,
    ADDRESSES,
    PARTITION_LEAVING,
    HELD_UP_SINCE,
    WITHHELD_SINCE,
    FORGET_REQUESTS,
    DENIED,
    TIMERS,
    TIMER_FAILURES,
    TIMER_DELAY,
    VIEW_DELAY,
    STREAM_TIME,
    TAKEOVERS,
    TAKEOVER_SECONDS,
    FENCED,
    PARTITION_READY,
    GONE,
    OFFSET_DISAGREEMENTS,
    DAMAGE,
    REFUSED,
    UNOWNED,
    CLOCK_AHEAD,
    PARTITIONS,
    PARTITIONS_OWNED,
    PARTITIONS_REFUSED,
    JOURNEY_INFO,
)
"""Metrics of workers only."""

DELIVERY = (
    DELIVERIES,
    DELIVERY_RETRIES,
    DELIVERY_DEAD_LETTERS,
    DELIVERY_NOT_SENT,
    DELIVERY_LATENCY,
    DELIVERY_REQUEST,
    DELIVERY_BREAKER,
    DELIVERY_HELD,
    DELIVERY_BEHIND,
    DELIVERY_LAG,
    DELIVERY_GONE,
)
"""Metrics of `etapa deliver` only."""

COMMON = (DEPENDENCY_UP, DEPENDENCY_SINCE, DEPENDENCY_TROUBLE, HTTP_REQUESTS, HTTP_SECONDS, BUILD_INFO)
"""Metrics of both."""

SUPERVISOR = (WORKERS_UP, WORKERS_WANTED, WORKER_RESTARTS)
"""Additional metrics of `etapa run` with more than one worker (`--workers`)."""
