"""What can go wrong in redis-py, told in the words of the ports."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Literal

from redis.exceptions import AuthenticationError, NoPermissionError, RedisClusterException, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from etapa.stream.protocol.ports import ViewError
from etapa.stream.redis.connections import is_not_the_one

Trouble = Literal["login", "not_primary", "no_answer", "other"]
"""`login`: user, password or rights. `not_primary`: the server does not do what a primary does. `no_answer`: nobody is there."""


@contextlib.asynccontextmanager
async def view_errors(doing: str, seconds: float) -> AsyncIterator[None]:
    """Turn Redis' failures, and an answer that does not come within `seconds`, into `ViewError`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        message = f"{doing}: Redis did not answer within {seconds:g} s"
        raise ViewError(message) from error
    except (RedisError, RedisClusterException, OSError) as error:  # that of a Cluster is no RedisError
        message = f"{doing}: {str(error) or type(error).__name__}"
        raise ViewError(message) from error


def trouble_of(error: ViewError) -> Trouble:
    """What kind of trouble is behind an error."""
    cause = error.__cause__
    if isinstance(cause, AuthenticationError | NoPermissionError):
        return "login"
    if is_not_the_one(cause):
        return "not_primary"
    if isinstance(cause, RedisConnectionError | RedisTimeoutError | RedisClusterException | OSError):
        return "no_answer"
    return "other"
