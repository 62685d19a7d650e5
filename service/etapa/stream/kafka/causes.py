"""Why Kafka cannot be used, in one of a few words that can label a metric."""

from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaTimeoutError,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
)

from etapa.hosting.dependencies import Cause, cause_in_system, chain_of

_LOGIN = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
_RIGHTS = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)


def cause_in_kafka(error: BaseException) -> Cause:
    """The word for an error that aiokafka raised, or for its cause."""
    chain = chain_of(error)
    if any(isinstance(one, _LOGIN) for one in chain):
        return "login"
    if any(isinstance(one, _RIGHTS) for one in chain):
        return "rights"
    system = cause_in_system(error)
    if system is not None:
        return system
    if any(isinstance(one, KafkaTimeoutError | RequestTimedOutError) for one in chain):
        return "timeout"
    return "unreachable" if any(isinstance(one, KafkaConnectionError) for one in chain) else "other"
