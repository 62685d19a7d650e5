"""What happens to campaign triggers on their way to webhooks."""

from deploy.generator.panels import Dashboard, Panel, largest, quantile, rate, smallest, total
from etapa.metrics import catalogue as m

DELIVERY = Dashboard(
    name="delivery",
    title="Etapa: Delivery",
    about="What becomes of campaign triggers on their way to webhooks.",
    job="etapa-delivery",
    rows={
        "Does it keep up?": [
            Panel(title="Triggers that wait", about="By partition.", queries=[total(m.delivery.LAG, "partition")]),
            Panel(title="Delivered a second", about="By target.", queries=[rate(m.delivery.DELIVERIES, "target")], unit="ops"),
            Panel(
                title="From publication to delivery",
                about="Median and 99th percentile.",
                queries=[quantile(m.delivery.LATENCY, 0.5, "target"), quantile(m.delivery.LATENCY, 0.99, "target")],
                unit="s",
            ),
            Panel(
                title="How long requests take",
                about="99th percentile.",
                queries=[quantile(m.delivery.REQUEST, 0.99, "target")],
                unit="s",
            ),
        ],
        "Targets": [
            Panel(title="Circuit breakers", about="0 closed, 1 half open, 2 open.", queries=[largest(m.delivery.BREAKER, "target")]),
            Panel(title="Held in memory", about="On their way to a target.", queries=[total(m.delivery.HELD, "target")]),
            Panel(title="Partitions behind", about="In which a target lags.", queries=[total(m.delivery.BEHIND, "target")]),
            Panel(title="Retries a second", about="Requests that failed.", queries=[rate(m.delivery.RETRIES, "target")], unit="ops"),
        ],
        "What was not delivered": [
            Panel(
                title="Dead letters a second",
                about="By target and reason.",
                queries=[rate(m.delivery.DEAD_LETTERS, "target", "reason")],
                unit="ops",
            ),
            Panel(
                title="Not sent on purpose, a second",
                about="Skipped campaigns and held out customers.",
                queries=[rate(m.delivery.NOT_SENT, "campaign", "why")],
                unit="ops",
            ),
            Panel(
                title="Removed by retention, a second",
                about="Removed by retention before they were delivered.",
                queries=[rate(m.delivery.GONE)],
                unit="ops",
            ),
            Panel(
                title="Kafka",
                about="1: it works.",
                queries=[smallest(m.process.DEPENDENCY_UP, "dependency")],
                kind="stat",
            ),
        ],
    },
)
