"""Runs a command's work on Kafka, and reports when Kafka fails."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.servers import kafka_trouble, quiet_libraries
from etapa.contracts.incoming.schemas import SchemasAway
from etapa.settings import Settings
from etapa.stream.kafka.clients.security import KafkaSettingsError
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.topics.creation import TopicsError, partition_count
from etapa.stream.protocol.ports import LogError

Result = TypeVar("Result")


def on_kafka(settings: Settings, work: Callable[[Cluster, int], Coroutine[Any, Any, Result]], topic: str | None = None) -> Result:
    """Call `work` with the cluster and the number of partitions (of `topic`, or of all a worker's topics). Ends the command when Kafka fails."""
    try:
        cluster = Cluster(settings)
    except KafkaSettingsError as error:
        raise WrongUse(str(error)) from None
    quiet_libraries(settings)

    async def with_partitions() -> Result:
        with log_errors("asking for the topics"):
            partitions = await partition_count(cluster, topic)
        return await work(cluster, partitions)

    try:
        return asyncio.run(with_partitions())
    except (TopicsError, SchemasAway) as error:
        raise CheckFailed(str(error)) from None
    except LogError as error:
        raise CheckFailed(kafka_trouble(cluster, error)) from None
