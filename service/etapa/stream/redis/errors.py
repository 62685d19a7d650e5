"""Translates redis-py's errors into those of the ports."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from redis.exceptions import RedisClusterException, RedisError

from etapa.stream.protocol.ports import ViewError


@contextlib.asynccontextmanager
async def view_errors(doing: str, seconds: float) -> AsyncIterator[None]:
    """Turn Redis's failures, and no answer within `seconds`, into `ViewError`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        message = f"{doing}: Redis did not answer within {seconds:g} s"
        raise ViewError(message) from error
    except (RedisError, RedisClusterException, OSError) as error:  # the Cluster exception is not a RedisError
        message = f"{doing}: {str(error) or type(error).__name__}"
        raise ViewError(message) from error
