"""How a task leaves its partition, and what ends a tenure."""

import asyncio

import msgspec
import pytest

from etapa.stream.protocol.belonging import PartitionRefused
from etapa.stream.protocol.records import Applied, Outgoing
from tests.simulation.one_worker.alone import Alone
from tests.simulation.one_worker.working import options, while_working


def test_a_stop_finishes_the_batch_and_shows_it() -> None:
    alone = Alone()

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        await alone.until(lambda: alone.task.ready)
        alone.touch("a")
        await alone.until(lambda: alone.broker.hanging)
        alone.task.request_stop()
        await running

    alone.run(steps())
    assert alone.drained()
    assert not alone.task.ready
    assert alone.told.releases == 1
    assert alone.told.takeovers == ["assigned"]


def test_a_stop_does_not_wait_for_a_pause_between_takeovers_to_end() -> None:
    alone = Alone(options(first_backoff=60.0, longest_backoff=60.0))
    alone.network.weather = msgspec.structs.replace(alone.network.weather, lost=1.0)

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        await asyncio.sleep(10)
        before = alone.loop.time()
        alone.task.request_stop()
        await running
        assert alone.loop.time() - before < 1

    alone.run(steps())


def test_a_cancelled_task_ends_at_once_and_lets_go() -> None:
    alone = Alone()
    alone.touch("a")
    delays = alone.network.delays
    alone.network.delays = lambda process, call: (1000.0, 0.0) if call == "apply" else delays(process, call)  # type: ignore[method-assign]

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        await alone.until(lambda: alone.broker.committed)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert alone.loop.time() < 5

    alone.run(steps())
    assert alone.told.releases == 1


def test_a_partition_is_released_although_closing_its_log_takes_too_long() -> None:
    alone = Alone()
    delays = alone.network.delays
    alone.network.delays = lambda process, call: (1000.0, 0.0) if call == "close" else delays(process, call)  # type: ignore[method-assign]

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        await alone.until(lambda: alone.task.ready)
        alone.task.request_stop()
        await alone.until(lambda: not alone.task.ready)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert alone.loop.time() < 5

    alone.run(steps())
    assert alone.told.releases == 1


def test_pauses_between_takeovers_grow_until_something_works() -> None:
    alone = Alone(options(first_backoff=0.1, longest_backoff=8.0))
    alone.touch("a")

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        alone.redis.out_of_memory = True
        await asyncio.sleep(60)
        assert 8 < len(alone.told.takeovers) < 20
        assert set(alone.told.takeovers[1:]) == {"view_error"}
        alone.redis.out_of_memory = False
        await alone.until(alone.drained)
        alone.task.request_stop()
        await running

    alone.run(steps())
    assert alone.stages() == {"a": "active"}


def test_a_view_that_lost_its_last_writes_is_found_out_although_nothing_arrives() -> None:
    alone = Alone()

    async def steps() -> None:
        alone.touch("a")
        await alone.until(alone.drained)
        alone.redis.flush()
        await alone.until(lambda: alone.stages() == {"a": "active"})
        assert alone.loop.time() < 3

    while_working(alone, steps)
    assert alone.told.takeovers == ["assigned", "wrong_mark"]


def test_a_fenced_worker_tells_it_and_waits_before_it_takes_over_again() -> None:
    alone = Alone()

    async def steps() -> None:
        await alone.until(lambda: alone.task.ready)
        alone.broker.fence()
        alone.touch("a")
        before = alone.loop.time()
        await alone.until(lambda: alone.stages() == {"a": "active"})
        assert alone.loop.time() - before >= 1

    while_working(alone, steps)
    assert alone.told.takeovers == ["assigned", "fenced"]
    assert alone.told.fences == 1


@pytest.mark.parametrize(
    ("state", "words"), [(b"\x91\x63", "format 99"), (b"\x92\x01\xa1a", "not a customer state")], ids=["another format", "another layout"]
)
def test_what_another_version_has_stored_is_refused_before_anybody_is_judged(state: bytes, words: str) -> None:
    alone = Alone()
    alone.touch("a")
    alone.run(alone.drain())
    alone.rewrite_mark(Outgoing(b"a", state))
    # The view shows it all, so nothing has to be applied.
    assert alone.redis.mark is not None
    alone.redis.mark = msgspec.structs.replace(alone.redis.mark, state_offset=alone.broker.committed[-1].state_offset)
    alone.redis.customers["a"] = Applied("a", "new", None, state)
    commits = len(alone.broker.committed)
    alone.touch("somebody-new")
    alone.worker()
    with pytest.raises(
        PartitionRefused, match=rf"customer-state holds what this version cannot use: .*{words}.*Run that version, or start over"
    ):
        alone.run(alone.drain())
    assert len(alone.broker.committed) == commits


def test_a_state_in_the_view_that_cannot_be_read_is_refused_with_a_word_about_where() -> None:
    alone = Alone()
    alone.touch("a")
    alone.run(alone.drain())
    there = alone.redis.customers["a"]
    alone.redis.customers["a"] = Applied("a", there.stage, there.due, b"\x91\x63")
    alone.touch("a")
    alone.worker()
    with pytest.raises(PartitionRefused, match=r"Redis holds a customer that this version cannot read: .*format 99"):
        alone.run(alone.drain())
