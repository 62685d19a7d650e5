"""The one door to Kafka: all our clients are opened here, with their connection options and client id."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from etapa.journey.units import SECOND
from etapa.settings import Settings
from etapa.stream.kafka.batches.runs import read_in_runs
from etapa.stream.kafka.batches.unpacking import bound_unpacking
from etapa.stream.kafka.clients.access import Access
from etapa.stream.kafka.clients.consumer import SHORT_FETCH_MS, group_consumer, reading_consumer
from etapa.stream.kafka.clients.found_again import find_again
from etapa.stream.kafka.limits import TopicLimits


class Cluster:
    """The brokers that the settings name.

    The constructor reads certificates and keys, and raises `KafkaSettingsError` when they cannot be used; it sends nothing. Its
    clients raise aiokafka's errors, which `errors.log_errors` translates into ours.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.limits = TopicLimits(settings.max_unpacked_bytes)
        bound_unpacking(settings.max_unpacked_bytes)
        read_in_runs(settings.max_unpacked_bytes)
        self._access = Access(settings)

    @property
    def address(self) -> str:
        """The brokers' addresses from the settings."""
        return self.settings.kafka_bootstrap_servers

    @property
    def connection_options(self) -> Mapping[str, Any]:
        """The options of aiokafka's connections, including secrets, as the files hold them now."""
        options = dict(self._access.options)
        if "ssl_context" in options:
            options["ssl_context"] = self._access.tls
        if "sasl_plain_password" in options:
            options["sasl_plain_password"] = self._access.password
        return options

    @property
    def session_seconds(self) -> float:
        """How long a member of the group or one of our transactions may take; no request to a broker may take longer."""
        return self.settings.session_timeout / SECOND

    @asynccontextmanager
    async def admin(self, group: str | None = None) -> AsyncIterator[AIOKafkaAdminClient]:
        """A started admin client, closed on exit. Its client id names `group`, by default the workers'."""
        client = AIOKafkaAdminClient(**self._access.options, client_id=f"etapa-{group or self.settings.group}-admin")
        find_again(client._client, self._access)
        try:
            await client.start()
            yield client
        finally:
            await client.close()

    def group_consumer(self, group: str | None = None, most_records: int | None = None) -> AIOKafkaConsumer:
        """A member of a group (by default the workers'), to be subscribed and started by its owner.

        `most_records` limits the records that one fetch returns.
        """
        return group_consumer(self.settings, self._access, group, most_records)

    def reading_consumer(self, isolation: str = "read_committed", fetch_wait_ms: int = SHORT_FETCH_MS) -> AIOKafkaConsumer:
        """A consumer outside any group, to be started by its owner. By default it is for reading some partitions once.

        `fetch_wait_ms`: how long a broker holds back its answer while nothing is there.
        """
        return reading_consumer(self.settings, self._access, isolation, fetch_wait_ms)

    def producer(self, client_id: str, **options: Any) -> AIOKafkaProducer:
        """A producer with these aiokafka options beside our own, to be started by its owner."""
        producer = AIOKafkaProducer(**self._access.options, client_id=client_id, **options)
        find_again(producer.client, self._access)
        return producer
