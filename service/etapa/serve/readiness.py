"""Whether a worker does its work: its partitions, Kafka and Redis, each checked when somebody asks."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from etapa.serve.ports import Check

CHECK_SECONDS = 3.0
"""How long a server may take to answer one check. All are made at the same time."""


class Redis(Protocol):
    """What is asked of Redis, as `stream.redis_view.ViewReader` does it. Raises whatever is wrong."""

    async def ping(self) -> None: ...

    async def eviction_policy_problem(self) -> str | None: ...


class WorkerReadiness:
    """Checks of one worker.

    `partitions` gives the assigned partitions and whether each is ready, or none before the worker has joined its group.
    `ask_kafka` asks the brokers something and raises when they do not answer.
    """

    def __init__(
        self, partitions: Callable[[], Mapping[int, bool] | None], ask_kafka: Callable[[], Awaitable[object]], redis: Redis
    ) -> None:
        self._partitions = partitions
        self._ask_kafka = ask_kafka
        self._redis = redis

    async def checks(self) -> Sequence[Check]:
        """All checks, made now."""
        kafka, redis, policy = await asyncio.gather(
            _answers("kafka", self._ask_kafka), _answers("redis", self._redis.ping), _without_problem(self._redis.eviction_policy_problem)
        )
        # Redis that does not answer is one problem, not two.
        servers = [kafka, redis, policy] if redis.ready else [kafka, redis]
        return [*servers, *self._partition_checks()]

    def _partition_checks(self) -> Sequence[Check]:
        partitions = self._partitions()
        if partitions is None:
            return [Check("group", ready=False, detail="the worker has not joined its consumer group yet")]
        return [
            Check(f"partition {number}", ready, "" if ready else "it is being taken over, or waits for Kafka or Redis")
            for number, ready in sorted(partitions.items())
        ]


async def _answers(name: str, ask: Callable[[], Awaitable[object]]) -> Check:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await ask()
    except TimeoutError:
        return Check(name, ready=False, detail=f"did not answer within {CHECK_SECONDS:g} seconds")
    except Exception as error:  # noqa: BLE001 (whatever a client library raises means that the server is not ready)
        return Check(name, ready=False, detail=_told(error))
    return Check(name, ready=True)


async def _without_problem(ask: Callable[[], Awaitable[str | None]]) -> Check:
    problem: str | None = None

    async def find_out() -> None:
        nonlocal problem
        problem = await ask()

    answered = await _answers("redis maxmemory-policy", find_out)
    return Check(answered.name, ready=False, detail=problem) if answered.ready and problem else answered


def _told(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
