"""What commands that talk to servers say when one does not answer, and what they keep the client libraries from saying."""

import logging

from etapa.settings import Settings


def kafka_silent(settings: Settings) -> str:
    """Nobody answers at Kafka's address."""
    return (
        f"no Kafka answers at {settings.kafka_bootstrap_servers}; is it running? ETAPA_KAFKA_BOOTSTRAP_SERVERS"
        " (or --kafka-bootstrap-servers) says where it is"
    )


def redis_silent(settings: Settings, cause: str) -> str:
    """Nobody answers at Redis's address."""
    return f"no Redis answers at {settings.redis_url}: {cause}; is it running? ETAPA_REDIS_URL (or --redis-url) says where it is"


def quiet_libraries(settings: Settings) -> None:
    """Client libraries log what the command is about to say in better words; with ETAPA_LOG_LEVEL=debug they may."""
    if settings.log_level == "debug":
        logging.basicConfig(level=logging.DEBUG)
    else:
        logging.getLogger().addHandler(logging.NullHandler())
