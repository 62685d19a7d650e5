"""Finds out what keeps delivery out of its consumer group. Nothing else would report it: Faust waits for partitions silently."""

import logging

from aiokafka.errors import InconsistentGroupProtocolError

from etapa.deliver.faust_consumer import DeliveryConsumer
from etapa.deliver.metrics import DeliveryMetrics
from etapa.deliver.offsets.beginning import DeliveryRefused
from etapa.stream.kafka.causes import cause_in_kafka
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe
from etapa.stream.kafka.groups.broker_bounds import TimeoutRefused, about_timeout
from etapa.stream.kafka.groups.membership import about_another_rule

logger = logging.getLogger(__name__)


class GroupWatch:
    """Checked every second or so. `trouble` is what the last check found, in words; empty when all is well."""

    def __init__(self, cluster: Cluster, metrics: DeliveryMetrics) -> None:
        self._cluster = cluster
        self._metrics = metrics
        self.trouble = ""

    async def look(self, consumer: DeliveryConsumer) -> None:
        """Check that the group accepts us. Raises `DeliveryRefused` for problems that an operator must fix; others are logged."""
        settings = self._cluster.settings
        try:
            await consumer.check_group()
        except TimeoutRefused as error:
            raise DeliveryRefused(await about_timeout(self._cluster, error, settings.delivery_group)) from error
        except InconsistentGroupProtocolError as error:
            topic = settings.topic_campaign_triggers
            raise DeliveryRefused(await about_another_rule(self._cluster, settings.delivery_group, topic)) from error
        except KAFKA_FAILURES as error:
            trouble = describe(error)
            if trouble != self.trouble:
                logger.warning("the group %s does not let delivery join: %s", settings.delivery_group, trouble)
            self.trouble = trouble
            self._metrics.dependencies.told("kafka", cause_in_kafka(error))
        else:
            if consumer.is_assigned():
                self.trouble = ""
