"""What commands that talk to servers say when one does not answer, and what they keep the client libraries from saying."""

import logging

from etapa.hosting.log_setup import log_to_stderr
from etapa.settings import Settings
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.readers import BeingRebuilt
from etapa.stream.redis.errors import trouble_of


def kafka_silent(settings: Settings) -> str:
    """Nobody answers at Kafka's address."""
    return (
        f"no Kafka answers at {settings.kafka_bootstrap_servers}; is it running? ETAPA_KAFKA_BOOTSTRAP_SERVERS"
        " (or --kafka-bootstrap-servers) says where it is"
    )


def redis_trouble(settings: Settings, error: ViewError) -> str:
    """Redis does not answer, or not with what was asked for."""
    if isinstance(error, BeingRebuilt):
        return f"not known at the moment: {error}"
    trouble, cause = trouble_of(error), error.__cause__
    if trouble == "login":
        told = " ".join(str(cause).split()).rstrip(".")
        return f"Redis at {settings.redis_url} refused the login: {told}. ETAPA_REDIS_URL holds the user and the password"
    if trouble == "not_primary":
        return (
            f"Redis at {settings.redis_url} does not do what a primary does: {cause}. ETAPA_REDIS_URL (or --redis-url) must lead to the"
            " primary; while another server takes its place, try again in a moment"
        )
    if trouble == "no_answer":
        return f"no Redis answers at {settings.redis_url}; is it running? ETAPA_REDIS_URL (or --redis-url) says where it is"
    return f"Redis at {settings.redis_url}: {error}"


def quiet_libraries(settings: Settings) -> None:
    """Client libraries log what the command is about to say in better words; with ETAPA_LOG_LEVEL=debug they may."""
    if settings.log_level == "debug":
        log_to_stderr(settings, "command")
    else:
        logging.getLogger().addHandler(logging.NullHandler())
