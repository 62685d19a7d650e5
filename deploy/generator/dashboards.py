"""The three dashboards: what customers do, whether workers keep up, what happens to campaign triggers."""

from deploy.generator.panels import INSTANCES, Dashboard, Panel, Query, largest, quantile, rate, total
from etapa.metrics import catalogue as m

_ONLY_WHEN_IT_HAPPENS = "Empty until it happens once."
_ONLY_UNDER_A_SUPERVISOR = "Empty where each worker is started by itself, without --workers."

JOURNEY = Dashboard(
    name="journey",
    title="Etapa: Journey",
    about="Where customers are, how they move, and how campaigns respond.",
    job="etapa",
    rows={
        "Customers": [
            Panel(
                title="Customers by stage",
                about="Now, over all partitions whose workers are scraped.",
                queries=[total(m.CUSTOMERS, "stage")],
                kind="bargauge",
            ),
            Panel(title="Customers by stage over time", about="The same over time.", queries=[total(m.CUSTOMERS, "stage")]),
        ],
        "Moves": [
            Panel(
                title="Stage changes a second",
                about="By where they lead and what caused them; from is empty for new customers.",
                queries=[rate(m.STAGE_CHANGES, "from", "to", "cause")],
                unit="ops",
                quiet=_ONLY_WHEN_IT_HAPPENS,
            ),
            Panel(
                title="Median stay in a stage",
                about="Of those who left it lately.",
                queries=[quantile(m.STAGE_DWELL, 0.5, "stage")],
                unit="s",
                quiet="No line for a stage that nobody left lately.",
            ),
        ],
        "Campaigns": [
            Panel(
                title="Campaign offers by outcome, a second",
                about="Published, held out, or why not.",
                queries=[rate(m.CAMPAIGN_TRIGGERS, "campaign", "outcome")],
                unit="ops",
                quiet="Empty where the journey has no campaigns.",
            ),
            Panel(
                title="Goals met and missed, a second",
                about="By campaign and group. etapa uplift says whether a campaign works.",
                queries=[rate(m.CAMPAIGN_OUTCOMES, "campaign", "group", "outcome")],
                unit="ops",
                quiet="Empty where no campaign has a goal.",
            ),
            Panel(
                title="Share of the holdout group",
                about="Of the customers for whom a campaign ever triggered, beside the intended share. The alert says whether it may be chance.",
                queries=[
                    Query(
                        f'sum by (campaign) ({m.CAMPAIGN_CUSTOMERS.name}{{{INSTANCES},group="holdout"}})'
                        f" / sum by (campaign) ({m.CAMPAIGN_CUSTOMERS.name}{{{INSTANCES}}})",
                        "{{campaign}}",
                    ),
                    Query(f"max by (campaign) ({m.CAMPAIGN_HOLDOUT.name}{{{INSTANCES}}})", "{{campaign}}, intended"),
                ],
                unit="percentunit",
                quiet="Empty where no campaign has a goal.",
            ),
            Panel(title="Timers that fired a second", about="Moves that time alone made.", queries=[rate(m.TIMERS)], unit="ops"),
            Panel(
                title="Forgotten customers",
                about="Those on the deny list, whose touchpoints change nothing, and how many are forgotten a second.",
                queries=[total(m.DENIED), rate(m.FORGET_REQUESTS)],
                quiet="Empty until somebody is forgotten.",
            ),
            Panel(
                title="Customers who move",
                about="Customers who leave partitions and arrive in others a second, and how many partitions some still have to leave.",
                queries=[rate(m.CUSTOMERS_MOVED, "direction"), total(m.PARTITION_LEAVING)],
                quiet="Nothing moves unless `etapa repartition` was asked for another number of partitions.",
            ),
        ],
    },
)

WORKER = Dashboard(
    name="worker",
    title="Etapa: Worker",
    about="Whether workers keep up, what they wait for, and what went wrong.",
    job="etapa",
    rows={
        "Is it well?": [
            Panel(
                title="Servers",
                about="1: it works, for every process.",
                queries=[Query(f'min by (dependency) ({m.DEPENDENCY_UP.name}{{job=~"$job",instance=~"$instance"}})', "{{dependency}}")],
                kind="stat",
                width=6,
            ),
            Panel(
                title="Why not",
                about="1 for the cause, if a server does not work.",
                queries=[largest(m.DEPENDENCY_TROUBLE, "dependency", "cause")],
                width=6,
            ),
            Panel(
                title="Partitions",
                about="Of the topic; owned by the workers that are scraped, ready, refused; without a worker in the whole group.",
                queries=[
                    largest(m.PARTITIONS),
                    total(m.PARTITIONS_OWNED),
                    total(m.PARTITION_READY),
                    total(m.PARTITIONS_REFUSED),
                    largest(m.UNOWNED),
                ],
                kind="stat",
                width=12,
            ),
        ],
        "Does it keep up?": [
            Panel(title="Touchpoints that wait", about="Not committed yet, by partition.", queries=[total(m.LAG, "partition")]),
            Panel(
                title="Touchpoints that wait for their customer",
                about="For how long, where the customer is on the way from another partition.",
                queries=[
                    Query(
                        f'max by (partition) (time() - ({m.HELD_UP_SINCE.name}{{job=~"$job",instance=~"$instance"}} > 0))',
                        "{{partition}}",
                    )
                ],
                unit="s",
                quiet="Customers move only after `etapa repartition`, and most arrive before their touchpoints.",
            ),
            Panel(
                title="Transfers behind an open transaction",
                about="For how long a worker's open transaction hides what others sent to the partition.",
                queries=[
                    Query(
                        f'max by (partition) (time() - ({m.WITHHELD_SINCE.name}{{job=~"$job",instance=~"$instance"}} > 0))',
                        "{{partition}}",
                    )
                ],
                unit="s",
                quiet="A transaction takes less than five seconds, unless its worker was killed.",
            ),
            Panel(title="Touchpoints a second", about="By outcome.", queries=[rate(m.TOUCHPOINTS, "outcome")], unit="ops"),
            Panel(
                title="From a touchpoint's record to its commit",
                about="Median and 99th percentile.",
                queries=[quantile(m.END_TO_END, 0.5), quantile(m.END_TO_END, 0.99)],
                unit="s",
            ),
            Panel(
                title="From commit until Redis shows it",
                about="Median and 99th percentile.",
                queries=[quantile(m.VIEW_DELAY, 0.5), quantile(m.VIEW_DELAY, 0.99)],
                unit="s",
            ),
        ],
        "Where does the time go?": [
            Panel(
                title="Seconds a second in each step",
                about="1 is one partition that does nothing else.",
                queries=[
                    Query(
                        f'sum by (step) (rate({m.BATCH_SECONDS.name}_sum{{job=~"$job",instance=~"$instance"}}[$__rate_interval]))',
                        "{{step}}",
                    )
                ],
            ),
            Panel(title="Touchpoints in a batch", about="The median.", queries=[quantile(m.BATCH_TOUCHPOINTS, 0.5)]),
            Panel(
                title="Delay of timers",
                about="In stream time, past the grace.",
                queries=[quantile(m.TIMER_DELAY, 0.5), quantile(m.TIMER_DELAY, 0.99)],
                unit="s",
                quiet="No line while no timer fires.",
            ),
            Panel(
                title="Clock ahead of a broker's",
                about="The largest difference; negative: behind.",
                queries=[largest(m.CLOCK_AHEAD, "instance")],
                unit="s",
            ),
        ],
        "What went wrong?": [
            Panel(title="Dead letters a second", about="By reason.", queries=[rate(m.DEAD_LETTERS, "reason")], unit="ops"),
            Panel(
                title="Values of a wrong type a second",
                about="By rule and condition that could not use them.",
                queries=[rate(m.TYPE_MISMATCHES, "rule", "condition")],
                unit="ops",
            ),
            Panel(
                title="Links a second",
                about="By what became of them.",
                queries=[rate(m.LINKS, "outcome")],
                unit="ops",
                quiet="Nothing where no ids are linked.",
            ),
            Panel(
                title="Linked people and forwarding addresses",
                about="People with several ids, and ids that only lead somewhere.",
                queries=[total(m.LINKED_PEOPLE), total(m.ADDRESSES)],
                quiet="None where no ids are linked and nobody moved.",
            ),
            Panel(
                title="Records through a source, a second",
                about="Their outcomes, and the rules by which records, or elements of them, were skipped.",
                queries=[rate(m.SOURCE_RECORDS, "outcome"), rate(m.SOURCE_SKIPPED, "rule")],
                unit="ops",
                quiet="Nothing where the topic holds touchpoints as they are.",
            ),
            Panel(
                title="Takeovers a second",
                about="By reason; assigned: the group moved the partition.",
                queries=[rate(m.TAKEOVERS, "reason")],
                unit="ops",
            ),
            Panel(
                title="Lost, refused, fenced, disagreeing, failed, damaged",
                about="Counters that should stand still.",
                queries=[
                    rate(m.GONE),
                    rate(m.REFUSED),
                    rate(m.FENCED),
                    rate(m.OFFSET_DISAGREEMENTS),
                    rate(m.TIMER_FAILURES),
                    rate(m.DAMAGE, "kind"),
                ],
                unit="ops",
            ),
            Panel(
                title="How long takeovers took",
                about="99th percentile.",
                queries=[quantile(m.TAKEOVER_SECONDS, 0.99)],
                unit="s",
                quiet="No line while none happens.",
            ),
        ],
        "HTTP": [
            Panel(
                title="Requests a second",
                about="By path and how they were answered.",
                queries=[rate(m.HTTP_REQUESTS, "route", "status")],
                unit="ops",
            ),
            Panel(title="How long they take", about="99th percentile.", queries=[quantile(m.HTTP_SECONDS, 0.99, "route")], unit="s"),
        ],
        "Process": [
            Panel(
                title="Workers on one machine",
                about="Under etapa run --workers: how many run, and how many were asked for.",
                queries=[total(m.WORKERS_UP), total(m.WORKERS_WANTED)],
                quiet=_ONLY_UNDER_A_SUPERVISOR,
            ),
            Panel(
                title="Workers that were started again",
                about="In the last 15 minutes, because they had ended by themselves. An alert tells of more than two.",
                queries=[
                    Query(
                        f"sum by (instance) (increase({m.WORKER_RESTARTS.name}{{{INSTANCES}}}[15m]))",
                        "{{instance}}",
                    )
                ],
                quiet=_ONLY_UNDER_A_SUPERVISOR,
            ),
            Panel(
                title="Memory",
                about="Resident, by process.",
                queries=[Query('process_resident_memory_bytes{job=~"$job",instance=~"$instance"}', "{{instance}}")],
                unit="bytes",
            ),
            Panel(
                title="CPU",
                about="1 is one core.",
                queries=[Query('rate(process_cpu_seconds_total{job=~"$job",instance=~"$instance"}[$__rate_interval])', "{{instance}}")],
            ),
            Panel(
                title="Open descriptors",
                about="Compared with the limit.",
                queries=[
                    Query(
                        'process_open_fds{job=~"$job",instance=~"$instance"} / process_max_fds{job=~"$job",instance=~"$instance"}',
                        "{{instance}}",
                    )
                ],
                unit="percentunit",
            ),
        ],
    },
)

DELIVERY = Dashboard(
    name="delivery",
    title="Etapa: Delivery",
    about="What becomes of campaign triggers on their way to webhooks.",
    job="etapa-delivery",
    rows={
        "Does it keep up?": [
            Panel(title="Triggers that wait", about="By partition.", queries=[total(m.DELIVERY_LAG, "partition")]),
            Panel(title="Delivered a second", about="By target.", queries=[rate(m.DELIVERIES, "target")], unit="ops"),
            Panel(
                title="From publication to delivery",
                about="Median and 99th percentile.",
                queries=[quantile(m.DELIVERY_LATENCY, 0.5, "target"), quantile(m.DELIVERY_LATENCY, 0.99, "target")],
                unit="s",
            ),
            Panel(
                title="How long requests take",
                about="99th percentile.",
                queries=[quantile(m.DELIVERY_REQUEST, 0.99, "target")],
                unit="s",
            ),
        ],
        "Targets": [
            Panel(title="Circuit breakers", about="0 closed, 1 half open, 2 open.", queries=[largest(m.DELIVERY_BREAKER, "target")]),
            Panel(title="Held in memory", about="On their way to a target.", queries=[total(m.DELIVERY_HELD, "target")]),
            Panel(title="Partitions behind", about="In which a target lags.", queries=[total(m.DELIVERY_BEHIND, "target")]),
            Panel(title="Retries a second", about="Requests that failed.", queries=[rate(m.DELIVERY_RETRIES, "target")], unit="ops"),
        ],
        "What was not delivered": [
            Panel(
                title="Dead letters a second",
                about="By target and reason.",
                queries=[rate(m.DELIVERY_DEAD_LETTERS, "target", "reason")],
                unit="ops",
            ),
            Panel(
                title="Not sent on purpose, a second",
                about="Skipped campaigns and held out customers.",
                queries=[rate(m.DELIVERY_NOT_SENT, "campaign", "why")],
                unit="ops",
            ),
            Panel(
                title="Removed by retention, a second",
                about="Removed by retention before they were delivered.",
                queries=[rate(m.DELIVERY_GONE)],
                unit="ops",
            ),
            Panel(
                title="Kafka",
                about="1: it works.",
                queries=[Query(f'min by (dependency) ({m.DEPENDENCY_UP.name}{{job=~"$job",instance=~"$instance"}})', "{{dependency}}")],
                kind="stat",
            ),
        ],
    },
)

DASHBOARDS = (JOURNEY, WORKER, DELIVERY)
