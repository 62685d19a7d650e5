"""Messages of commands when a server fails, and keeping client libraries from logging the same."""

import asyncio
import logging

from etapa.hosting.log_setup import log_to_stderr
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.diagnosis import probe as kafka_probe
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.readers import NotKnownNow
from etapa.stream.redis import probe as redis_probe


def kafka_trouble(cluster: Cluster, error: BaseException) -> str:
    """Why the request to Kafka failed, checked now."""
    return kafka_probe.in_words(cluster.settings, asyncio.run(kafka_probe.trouble_behind(cluster, error)), str(error))


def redis_trouble(settings: Settings, error: ViewError) -> str:
    """Why the request to Redis failed, checked now."""
    if isinstance(error, NotKnownNow):
        return f"not known at the moment: {error}"
    return redis_probe.in_words(settings, asyncio.run(redis_probe.trouble_behind(settings, error)), str(error))


def quiet_libraries(settings: Settings) -> None:
    """Silence client libraries, which log what the command itself reports more clearly; ETAPA_LOG_LEVEL=debug lets them."""
    if settings.log_level == "debug":
        log_to_stderr(settings, "command")
    else:
        logging.getLogger().addHandler(logging.NullHandler())
