"""Why a server is unusable, in few words."""

import socket
import ssl

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, SaslAuthenticationFailed, TopicAuthorizationFailedError
from redis.exceptions import AuthenticationError, NoPermissionError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from etapa.hosting.dependencies import Cause
from etapa.stream.kafka.causes import cause_in_kafka
from etapa.stream.kafka.errors import describe
from etapa.stream.protocol.ports import ViewError
from etapa.stream.redis.causes import cause_in_redis


def because(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (KafkaConnectionError("Unable to bootstrap"), "unreachable"),
        (because(KafkaConnectionError("Unable to bootstrap"), SaslAuthenticationFailed("no")), "login"),
        (because(KafkaConnectionError("Unable to bootstrap"), ssl.SSLCertVerificationError("unknown authority")), "tls"),
        (because(KafkaConnectionError("Unable to bootstrap"), socket.gaierror(-2, "unknown")), "name_unknown"),
        (because(KafkaConnectionError("Unable to bootstrap"), ConnectionRefusedError()), "unreachable"),
        (TopicAuthorizationFailedError("touchpoints"), "rights"),
        (KafkaTimeoutError(), "timeout"),
        (TimeoutError(), "timeout"),
        (AssertionError(), "other"),
    ],
)
def test_kafka(error: Exception, cause: Cause) -> None:
    assert cause_in_kafka(error) == cause


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (RedisConnectionError("refused"), "unreachable"),
        (AuthenticationError("WRONGPASS"), "login"),
        (NoPermissionError("PING"), "rights"),
        (ReadOnlyError("READONLY You can't write against a read only replica."), "not_primary"),
        (because(RedisConnectionError("handshake"), ssl.SSLError("unknown authority")), "tls"),
        (TimeoutError(), "timeout"),
        (ResponseError("odd"), "other"),
    ],
)
def test_redis(error: Exception, cause: Cause) -> None:
    assert cause_in_redis(because(ViewError("looking"), error)) == cause


def test_an_error_that_names_no_reason_is_told_with_what_led_to_it() -> None:
    error = because(KafkaConnectionError("Unable to bootstrap"), ConnectionRefusedError(111, "Connection refused"))
    assert describe(error) == "KafkaConnectionError: Unable to bootstrap (ConnectionRefusedError: [Errno 111] Connection refused)"
