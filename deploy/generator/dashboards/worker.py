"""Whether workers keep up, what they wait for, and what went wrong."""

from deploy.generator.panels import INSTANCES, Dashboard, Panel, Query, largest, longest_since, quantile, rate, smallest, total
from etapa.metrics import catalogue as m

_ONLY_UNDER_A_SUPERVISOR = "Empty where each worker is started by itself, without --workers."

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
                queries=[smallest(m.process.DEPENDENCY_UP, "dependency")],
                kind="stat",
                width=6,
            ),
            Panel(
                title="Why not",
                about="1 for the cause, if a server does not work.",
                queries=[largest(m.process.DEPENDENCY_TROUBLE, "dependency", "cause")],
                width=6,
            ),
            Panel(
                title="Partitions",
                about="Of the topic; owned by the workers that are scraped, ready, refused; without a worker in the whole group.",
                queries=[
                    largest(m.partitions.PARTITIONS),
                    total(m.partitions.PARTITIONS_OWNED),
                    total(m.partitions.PARTITION_READY),
                    total(m.partitions.PARTITIONS_REFUSED),
                    largest(m.partitions.UNOWNED),
                ],
                kind="stat",
                width=12,
            ),
        ],
        "Does it keep up?": [
            Panel(title="Touchpoints that wait", about="Not committed yet, by partition.", queries=[total(m.processing.LAG, "partition")]),
            Panel(
                title="Touchpoints that wait for their customer",
                about="For how long, where the customer is on the way from another partition.",
                queries=[longest_since(m.customers.HELD_UP_SINCE, "partition")],
                unit="s",
                quiet="Customers move only after `etapa repartition`, and most arrive before their touchpoints.",
            ),
            Panel(
                title="Transfers behind an open transaction",
                about="For how long a worker's open transaction hides what others sent to the partition.",
                queries=[longest_since(m.customers.WITHHELD_SINCE, "partition")],
                unit="s",
                quiet="A transaction takes less than five seconds, unless its worker was killed.",
            ),
            Panel(title="Touchpoints a second", about="By outcome.", queries=[rate(m.processing.TOUCHPOINTS, "outcome")], unit="ops"),
            Panel(
                title="From a touchpoint's record to its commit",
                about="Median and 99th percentile.",
                queries=[quantile(m.processing.END_TO_END, 0.5), quantile(m.processing.END_TO_END, 0.99)],
                unit="s",
            ),
            Panel(
                title="From commit until Redis shows it",
                about="Median and 99th percentile.",
                queries=[quantile(m.processing.VIEW_DELAY, 0.5), quantile(m.processing.VIEW_DELAY, 0.99)],
                unit="s",
            ),
        ],
        "Where does the time go?": [
            Panel(
                title="Seconds a second in each step",
                about="1 is one partition that does nothing else.",
                queries=[
                    Query(
                        f"sum by (step) (rate({m.processing.BATCH_SECONDS.name}_sum{{{INSTANCES}}}[$__rate_interval]))",
                        "{{step}}",
                    )
                ],
            ),
            Panel(title="Touchpoints in a batch", about="The median.", queries=[quantile(m.processing.BATCH_TOUCHPOINTS, 0.5)]),
            Panel(
                title="Delay of timers",
                about="In stream time, past the grace.",
                queries=[quantile(m.processing.TIMER_DELAY, 0.5), quantile(m.processing.TIMER_DELAY, 0.99)],
                unit="s",
                quiet="No line while no timer fires.",
            ),
            Panel(
                title="Clock ahead of a broker's",
                about="The largest difference; negative: behind.",
                queries=[largest(m.processing.CLOCK_AHEAD, "instance")],
                unit="s",
            ),
        ],
        "What went wrong?": [
            Panel(title="Dead letters a second", about="By reason.", queries=[rate(m.processing.DEAD_LETTERS, "reason")], unit="ops"),
            Panel(
                title="Values of a wrong type a second",
                about="By rule and condition that could not use them.",
                queries=[rate(m.processing.TYPE_MISMATCHES, "rule", "condition")],
                unit="ops",
            ),
            Panel(
                title="Links a second",
                about="By what became of them.",
                queries=[rate(m.customers.LINKS, "outcome")],
                unit="ops",
                quiet="Nothing where no ids are linked.",
            ),
            Panel(
                title="Linked people and forwarding addresses",
                about="People with several ids, and ids that only lead somewhere.",
                queries=[total(m.customers.LINKED_PEOPLE), total(m.customers.ADDRESSES)],
                quiet="None where no ids are linked and nobody moved.",
            ),
            Panel(
                title="Records through a source, a second",
                about="Their outcomes, and the rules by which records, or elements of them, were skipped.",
                queries=[rate(m.processing.SOURCE_RECORDS, "outcome"), rate(m.processing.SOURCE_SKIPPED, "rule")],
                unit="ops",
                quiet="Nothing where the topic holds touchpoints as they are.",
            ),
            Panel(
                title="Takeovers a second",
                about="By reason; assigned: the group moved the partition.",
                queries=[rate(m.partitions.TAKEOVERS, "reason")],
                unit="ops",
            ),
            Panel(
                title="Lost, refused, fenced, disagreeing, failed, damaged",
                about="Counters that should stand still.",
                queries=[
                    rate(m.partitions.GONE),
                    rate(m.partitions.REFUSED),
                    rate(m.partitions.FENCED),
                    rate(m.partitions.OFFSET_DISAGREEMENTS),
                    rate(m.processing.TIMER_FAILURES),
                    rate(m.partitions.DAMAGE, "kind"),
                ],
                unit="ops",
            ),
            Panel(
                title="How long takeovers took",
                about="99th percentile.",
                queries=[quantile(m.partitions.TAKEOVER_SECONDS, 0.99)],
                unit="s",
                quiet="No line while none happens.",
            ),
        ],
        "HTTP": [
            Panel(
                title="Requests a second",
                about="By path and how they were answered.",
                queries=[rate(m.process.HTTP_REQUESTS, "route", "status")],
                unit="ops",
            ),
            Panel(
                title="How long they take", about="99th percentile.", queries=[quantile(m.process.HTTP_SECONDS, 0.99, "route")], unit="s"
            ),
        ],
        "Process": [
            Panel(
                title="Workers on one machine",
                about="Under etapa run --workers: how many run, and how many were asked for.",
                queries=[total(m.supervisor.WORKERS_UP), total(m.supervisor.WORKERS_WANTED)],
                quiet=_ONLY_UNDER_A_SUPERVISOR,
            ),
            Panel(
                title="Workers that were started again",
                about="In the last 15 minutes, because they had ended by themselves. An alert tells of more than two.",
                queries=[
                    Query(
                        f"sum by (instance) (increase({m.supervisor.WORKER_RESTARTS.name}{{{INSTANCES}}}[15m]))",
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
