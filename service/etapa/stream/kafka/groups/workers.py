"""Counts the workers of a group, for commands that need some to be there."""

import asyncio
from typing import Any, Final

from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupIdNotFound,
    GroupLoadInProgressError,
    NoError,
    NotCoordinatorForGroupError,
    for_code,
)

from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors

_PASSES: Final = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)
"""New brokers make the topic in which they keep groups only when they are asked; and another broker may be taking a group over."""
_PAUSE: Final = 0.2


async def workers_of(cluster: Cluster) -> int:
    """How many workers are in the group. Raises `LogError`."""
    group, loop = cluster.settings.group, asyncio.get_running_loop()
    with log_errors(f"asking who is in group {group}"):
        deadline = loop.time() + cluster.session_seconds
        async with asyncio.timeout_at(deadline), cluster.admin() as admin:
            while True:
                try:
                    [answer] = await admin.describe_consumer_groups([group])
                    return members_in(answer)
                except _PASSES:
                    if loop.time() + 2 * _PAUSE > deadline:
                        raise
                await asyncio.sleep(_PAUSE)


def members_in(answer: Any) -> int:
    """How many members the group has. An answer may also be an error, which shows no members and is raised here."""
    [(code, _, _, _, _, members, *_)] = answer.groups
    error = for_code(code)
    if error not in (NoError, GroupIdNotFound):
        raise error
    return len(members)
