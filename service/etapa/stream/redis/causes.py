"""Why Redis cannot be used, in one of a few words that can label a metric."""

from redis.exceptions import AuthenticationError, NoPermissionError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from etapa.hosting.dependencies import Cause, cause_in_system, chain_of
from etapa.stream.redis.connections import is_not_the_one


def cause_in_redis(error: BaseException) -> Cause:
    """The word for an error that redis-py raised, or for its cause."""
    chain = chain_of(error)
    if any(isinstance(one, NoPermissionError) or "can't run this command" in str(one) for one in chain):
        return "rights"
    if any(isinstance(one, AuthenticationError) for one in chain):
        return "login"
    if any(is_not_the_one(one) for one in chain):
        return "not_primary"
    system = cause_in_system(error)
    if system is not None:
        return system
    if any(isinstance(one, RedisTimeoutError) for one in chain):
        return "timeout"
    return "unreachable" if any(isinstance(one, RedisConnectionError) for one in chain) else "other"
