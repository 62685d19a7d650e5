"""Which partitions a worker has, and what went wrong when it took them over."""

from etapa.metrics.catalogue.bounds import TAKEOVER_TIMES
from etapa.metrics.catalogue.metric import Metric

WHILE_OWNED = "a partition has a series while this worker owns it"
"""Why the series of a partition are not there from the start."""

PARTITIONS = Metric(
    name="etapa_topic_partitions",
    kind="gauge",
    across="most",
    help="Partitions of the touchpoints topic, as the brokers last reported; 0 before that",
)
PARTITIONS_OWNED = Metric(name="etapa_partitions_owned", kind="gauge", help="Partitions that the group has given this worker")
PARTITION_READY = Metric(
    name="etapa_partition_ready",
    kind="gauge",
    across="most",
    labels=("partition",),
    help="1 when the partition is processed, 0 while it is taken over",
    absent_at_first=WHILE_OWNED,
)
PARTITIONS_REFUSED = Metric(
    name="etapa_partitions_refused",
    kind="gauge",
    help="Partitions that this worker does not process until an operator steps in; /readyz and the log say why",
)
UNOWNED = Metric(
    name="etapa_group_partitions_unowned",
    kind="gauge",
    across="most",
    help="Partitions that the consumer group has given to no worker, in the whole group",
)
TAKEOVERS = Metric(name="etapa_takeovers_total", kind="counter", labels=("reason",), help="Takeovers of a partition that have begun")
TAKEOVER_SECONDS = Metric(
    name="etapa_takeover_seconds",
    kind="histogram",
    unit="seconds",
    bounds=TAKEOVER_TIMES,
    help="How long it took until a partition was ready",
)
FENCED = Metric(
    name="etapa_fenced_total", kind="counter", help="Times that another worker took a partition over without the group announcing it"
)
OFFSET_DISAGREEMENTS = Metric(
    name="etapa_group_offset_disagreements_total",
    kind="counter",
    help="Takeovers at which the group's offset differed from the mark",
)
GONE = Metric(name="etapa_touchpoints_gone_total", kind="counter", help="Touchpoints that retention removed before they were read")
DAMAGE = Metric(
    name="etapa_damage_found_total",
    kind="counter",
    labels=("kind",),
    help="Signs of incomplete transactions found by takeovers",
)
REFUSED = Metric(name="etapa_refused_total", kind="counter", help="Times that a partition was refused until an operator steps in")
