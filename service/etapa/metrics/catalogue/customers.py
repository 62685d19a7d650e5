"""What happens to customers: their stages, campaigns, ids and moves between partitions."""

from etapa.metrics.catalogue.bounds import DWELL_TIMES
from etapa.metrics.catalogue.metric import Metric
from etapa.metrics.catalogue.partitions import WHILE_OWNED

_IF_A_GOAL = "only campaigns that have a goal have series"

JOURNEY_INFO = Metric(
    name="etapa_journey_info", kind="gauge", across="most", labels=("journey", "version"), help="The journey that is running; always 1"
)
CUSTOMERS = Metric(
    name="etapa_customers", kind="gauge", labels=("stage",), help="Customers in each stage, over the partitions of this worker"
)
STAGE_CHANGES = Metric(
    name="etapa_stage_changes_total",
    kind="counter",
    labels=("from", "to", "cause"),
    help="Stage changes; `from` is empty when the customer is new",
    absent_at_first="most pairs of stages never occur; each has a series after its first change",
)
STAGE_DWELL = Metric(
    name="etapa_stage_dwell_seconds",
    kind="histogram",
    labels=("stage",),
    unit="seconds",
    bounds=DWELL_TIMES,
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
    absent_at_first=WHILE_OWNED,
)
ADDRESSES = Metric(
    name="etapa_forwarding_addresses",
    kind="gauge",
    labels=("partition",),
    help="Ids in a partition that only lead to where their person lives, or to the id that is kept, or that a link has named and nobody has used",
    absent_at_first=WHILE_OWNED,
)
CUSTOMERS_MOVED = Metric(
    name="etapa_customers_moved_total",
    kind="counter",
    labels=("direction",),
    help="Customers who left partitions of this worker for others, or arrived in them",
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
    absent_at_first=WHILE_OWNED,
)
