"""How many customers each group of a campaign has, beside the share that the journey wants in the holdout group."""

from collections import Counter
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from etapa.journey.language.model import Journey
from etapa.journey.ledger.tables import GROUPS, CampaignGroup
from etapa.metrics import catalogue


class CampaignGroups(Collector):
    """`etapa_campaign_customers`, over the partitions that this worker owns now, and `etapa_campaign_holdout_ratio`."""

    def __init__(self, journey: Journey, registry: CollectorRegistry) -> None:
        self._shares = {campaign.id: campaign.holdout for campaign in journey.campaigns if campaign.goal is not None}
        self._by_partition: dict[int, Mapping[CampaignGroup, int]] = {}
        registry.register(self)

    def replace(self, partition: int, customers: Mapping[CampaignGroup, int]) -> None:
        self._by_partition[partition] = dict(customers)

    def drop(self, partition: int) -> None:
        self._by_partition.pop(partition, None)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        for metric in (catalogue.customers.CAMPAIGN_CUSTOMERS, catalogue.customers.CAMPAIGN_HOLDOUT):
            yield GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)

    def collect(self) -> Iterable[Metric]:
        customers, shares = self.describe()
        totals: Counter[CampaignGroup] = Counter()
        for counts in self._by_partition.values():
            totals.update(counts)
        # Without the campaigns of earlier versions of the journey.
        for campaign, share in self._shares.items():
            for group in GROUPS:
                customers.add_metric([campaign, group], totals[campaign, group])
            shares.add_metric([campaign], share)
        yield customers
        yield shares
