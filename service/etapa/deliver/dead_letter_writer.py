"""Writing dead letters. A trigger is only through when its letter is in Kafka, so writing waits for Kafka however long that takes."""

import asyncio
import logging

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from etapa.contracts.undelivered import Undelivered, encode_undelivered
from etapa.deliver.delivery import Delivery
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import describe
from etapa.stream.kafka.producer import close_producer
from etapa.stream.kafka.topic_settings import LETTER_OVERHEAD

_PAUSE = 1.0
_MEBIBYTE = 1024 * 1024

logger = logging.getLogger(__name__)


class Letters:
    """The producer of dead letters, from start to stop."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._settings = cluster.settings
        self._producer: AIOKafkaProducer = None

    async def start(self) -> None:
        """Connect. Raises what aiokafka raises."""
        self._producer = self._cluster.producer(
            f"{self._settings.delivery_group}-letters",
            # Waits for all copies, and a try that is repeated makes no second letter.
            enable_idempotence=True,
            max_request_size=2 * _MEBIBYTE + LETTER_OVERHEAD,
        )
        await self._producer.start()

    async def write(self, delivery: Delivery, why: Undelivered) -> None:
        """Write the dead letter of a trigger. Returns when Kafka has it."""
        settings = self._settings
        key, value, headers = encode_undelivered(
            delivery.key, delivery.value, delivery.headers, why, settings.topic_campaign_triggers, delivery.partition, delivery.offset
        )
        while True:
            try:
                await self._producer.send_and_wait(
                    settings.topic_campaign_trigger_dead_letters, value, key, partition=delivery.partition, headers=list(headers)
                )
            except KafkaError as error:
                logger.warning("a dead letter could not be written and is tried again: %s", describe(error))
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def stop(self) -> None:
        """Close; what is not written by now is not through, and comes again."""
        if self._producer is not None:
            await close_producer(self._producer, "dead letters")
