"""What customers do: where they are, how they move, and how campaigns respond."""

from deploy.generator.panels import INSTANCES, Dashboard, Panel, Query, quantile, rate, total
from etapa.metrics import catalogue as m

_ONLY_WHEN_IT_HAPPENS = "Empty until it happens once."

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
                queries=[total(m.customers.CUSTOMERS, "stage")],
                kind="bargauge",
            ),
            Panel(title="Customers by stage over time", about="The same over time.", queries=[total(m.customers.CUSTOMERS, "stage")]),
        ],
        "Moves": [
            Panel(
                title="Stage changes a second",
                about="By where they lead and what caused them; from is empty for new customers.",
                queries=[rate(m.customers.STAGE_CHANGES, "from", "to", "cause")],
                unit="ops",
                quiet=_ONLY_WHEN_IT_HAPPENS,
            ),
            Panel(
                title="Median stay in a stage",
                about="Of those who left it lately.",
                queries=[quantile(m.customers.STAGE_DWELL, 0.5, "stage")],
                unit="s",
                quiet="No line for a stage that nobody left lately.",
            ),
        ],
        "Campaigns": [
            Panel(
                title="Campaign offers by outcome, a second",
                about="Published, held out, or why not.",
                queries=[rate(m.customers.CAMPAIGN_TRIGGERS, "campaign", "outcome")],
                unit="ops",
                quiet="Empty where the journey has no campaigns.",
            ),
            Panel(
                title="Goals met and missed, a second",
                about="By campaign and group. etapa uplift says whether a campaign works.",
                queries=[rate(m.customers.CAMPAIGN_OUTCOMES, "campaign", "group", "outcome")],
                unit="ops",
                quiet="Empty where no campaign has a goal.",
            ),
            Panel(
                title="Share of the holdout group",
                about="Of the customers for whom a campaign ever triggered, beside the intended share. The alert says whether it may be chance.",
                queries=[
                    Query(
                        f'sum by (campaign) ({m.customers.CAMPAIGN_CUSTOMERS.name}{{{INSTANCES},group="holdout"}})'
                        f" / sum by (campaign) ({m.customers.CAMPAIGN_CUSTOMERS.name}{{{INSTANCES}}})",
                        "{{campaign}}",
                    ),
                    Query(f"max by (campaign) ({m.customers.CAMPAIGN_HOLDOUT.name}{{{INSTANCES}}})", "{{campaign}}, intended"),
                ],
                unit="percentunit",
                quiet="Empty where no campaign has a goal.",
            ),
            Panel(title="Timers that fired a second", about="Moves that time alone made.", queries=[rate(m.processing.TIMERS)], unit="ops"),
            Panel(
                title="Forgotten customers",
                about="Those on the deny list, whose touchpoints change nothing, and how many are forgotten a second.",
                queries=[total(m.customers.DENIED), rate(m.customers.FORGET_REQUESTS)],
                quiet="Empty until somebody is forgotten.",
            ),
            Panel(
                title="Customers who move",
                about="Customers who leave partitions and arrive in others a second, and how many partitions some still have to leave.",
                queries=[rate(m.customers.CUSTOMERS_MOVED, "direction"), total(m.customers.PARTITION_LEAVING)],
                quiet="Nothing moves unless `etapa repartition` was asked for another number of partitions.",
            ),
        ],
    },
)
