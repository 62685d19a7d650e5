"""What commands that talk to servers say when one does not answer, and what they keep the client libraries from saying."""

import logging

from redis.exceptions import AuthenticationError, NoPermissionError, RedisClusterException
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from etapa.settings import Settings
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.readers import BeingRebuilt
from etapa.stream.redis.connections import is_not_the_one


def kafka_silent(settings: Settings) -> str:
    """Nobody answers at Kafka's address."""
    return (
        f"no Kafka answers at {settings.kafka_bootstrap_servers}; is it running? ETAPA_KAFKA_BOOTSTRAP_SERVERS"
        " (or --kafka-bootstrap-servers) says where it is"
    )


def redis_trouble(settings: Settings, error: ViewError) -> str:
    """Redis does not answer, or not with what was asked for."""
    cause = error.__cause__
    if isinstance(error, BeingRebuilt):
        return f"not known at the moment: {error}"
    if isinstance(cause, AuthenticationError | NoPermissionError):
        told = " ".join(str(cause).split()).rstrip(".")
        return f"Redis at {settings.redis_url} refused the login: {told}. User and password belong into ETAPA_REDIS_URL"
    if is_not_the_one(cause):
        return (
            f"Redis at {settings.redis_url} does not do what a primary does: {cause}. ETAPA_REDIS_URL (or --redis-url) must lead to the"
            " primary; while another server takes its place, try again in a moment"
        )
    if isinstance(cause, RedisConnectionError | RedisTimeoutError | RedisClusterException | OSError):
        return f"no Redis answers at {settings.redis_url}; is it running? ETAPA_REDIS_URL (or --redis-url) says where it is"
    return f"Redis at {settings.redis_url}: {error}"


def quiet_libraries(settings: Settings) -> None:
    """Client libraries log what the command is about to say in better words; with ETAPA_LOG_LEVEL=debug they may."""
    if settings.log_level == "debug":
        logging.basicConfig(level=logging.DEBUG)
    else:
        logging.getLogger().addHandler(logging.NullHandler())
