"""Partition tasks side by side, one of them refused: the real supervision of a worker's partitions, on in-memory ports."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from etapa.stream.protocol.tenures.partition_tasks import PartitionTasks
from etapa.stream.protocol.tenures.task import AllRefused, PartitionTask
from tests.simulation.machines.memory_log import MemoryBroker, MemoryLog
from tests.simulation.machines.memory_view import MemoryRedis, MemoryView
from tests.simulation.one_worker.alone import OPTIONS, START, Alone, AloneClock
from tests.simulation.one_worker.test_takeover import left_hanging
from tests.simulation.worlds.scenario import PROGRAM

REFUSED, GOOD = 0, 1


def with_tasks(
    alone: Alone, partitions: Sequence[int], steps: Callable[[PartitionTasks], Awaitable[None]]
) -> tuple[MemoryBroker, MemoryRedis]:
    """Run the steps while a worker has these partitions. Returns what the good one wrote and shows."""
    broker, redis = MemoryBroker(number=GOOD), MemoryRedis()
    broker.append(b"g", b'{"id":"1","customer_id":"g","type":"purchase","occurred_at":"2026-01-01T00:00:00Z"}', (), START)

    def make(partition: int) -> tuple[PartitionTask, MemoryLog]:
        log = MemoryLog(alone.broker if partition == REFUSED else broker, alone.process, alone.portion)
        view = MemoryView(alone.redis if partition == REFUSED else redis, alone.process)
        return PartitionTask(partition, PROGRAM, log, view, AloneClock(alone), alone.told, OPTIONS), log

    async def all_steps() -> None:
        tasks = PartitionTasks(make)
        tasks.start(partitions)
        await steps(tasks)
        await tasks.close(3.0)

    alone.run(all_steps())
    return broker, redis


def test_the_others_go_on_when_a_partition_is_refused_and_so_does_it_once_somebody_has_stepped_in() -> None:
    alone = left_hanging(shown=False)

    async def steps(tasks: PartitionTasks) -> None:
        await alone.until(lambda: alone.told.refusals)
        assert tasks.readiness() == {REFUSED: False, GOOD: True}
        assert tasks.trouble(REFUSED).startswith("refused: ")
        assert "a transaction hangs" in tasks.trouble(REFUSED)
        assert not tasks.ended.done()
        alone.broker.abort_hanging()
        await alone.until(lambda: all(tasks.readiness().values()))

    _, redis = with_tasks(alone, [REFUSED, GOOD], steps)
    assert list(redis.customers) == ["g"]
    assert len(alone.told.refusals) == 1


def test_a_worker_that_has_nothing_but_what_was_refused_stays_and_goes_on_once_somebody_has_stepped_in() -> None:
    alone = left_hanging(shown=False)

    async def steps(tasks: PartitionTasks) -> None:
        await alone.until(lambda: alone.told.refusals)
        assert (tasks.refused(), tasks.ended.done()) == (1, False)
        alone.broker.abort_hanging()
        await alone.until(lambda: tasks.readiness()[REFUSED])
        assert tasks.refused() == 0

    with_tasks(alone, [REFUSED], steps)


def test_a_worker_ends_when_what_it_found_is_wrong_for_every_partition() -> None:
    alone = Alone()
    alone.touch("a")
    alone.worker()
    alone.run(alone.drain())
    # As after adding partitions: nothing in the new one can be wrong, yet customers would change partitions.
    alone.broker.partitions = 2

    async def steps(tasks: PartitionTasks) -> None:
        with pytest.raises(AllRefused, match="written when there were 1 partitions, now touchpoints has 2"):
            await asyncio.wait_for(tasks.ended, 60)

    with_tasks(alone, [REFUSED, GOOD], steps)


def test_being_stopped_does_not_wait_for_the_next_look_at_what_was_refused() -> None:
    alone = left_hanging(shown=False)

    async def steps(tasks: PartitionTasks) -> None:
        await alone.until(lambda: alone.told.refusals)
        before = asyncio.get_running_loop().time()
        await tasks.stop(3.0)
        assert asyncio.get_running_loop().time() - before < 1

    with_tasks(alone, [REFUSED, GOOD], steps)


def test_why_a_partition_is_taken_over_again_is_told_until_it_is_ready() -> None:
    alone = Alone()

    async def steps(tasks: PartitionTasks) -> None:
        assert tasks.trouble(REFUSED) == "being taken over"
        await alone.until(lambda: tasks.readiness()[REFUSED])
        alone.network.cut[alone.process.name, "view"] = "request"
        await alone.until(lambda: not tasks.readiness()[REFUSED])
        await alone.until(lambda: tasks.trouble(REFUSED) != "being taken over")
        assert tasks.trouble(REFUSED).startswith("being taken over again (view_error: ")
        alone.network.cut.clear()
        await alone.until(lambda: tasks.readiness()[REFUSED])

    alone.touch("a")
    with_tasks(alone, [REFUSED], steps)
