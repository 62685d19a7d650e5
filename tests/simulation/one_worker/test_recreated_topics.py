"""Topics that are deleted and made again: what is known about the old one is never applied to the new one."""

import asyncio
from random import Random

import pytest

from etapa.contracts.stored.mark import REPLACEABLE_ROLES, TOPIC_ROLES, TopicRole
from etapa.stream.protocol.belonging import PartitionRefused
from etapa.stream.upkeep.acceptance import NothingProcessed, accept_in
from tests.simulation.machines.memory_log import MemoryBroker, MemoryLog
from tests.simulation.one_worker.alone import Alone
from tests.simulation.one_worker.test_takeover import processed, refusal


@pytest.mark.parametrize("role", TOPIC_ROLES)
def test_a_topic_that_was_recreated_is_refused_and_named(role: TopicRole) -> None:
    alone = processed("a", "b")
    kept, end = list(alone.broker._states), alone.broker.state_end
    alone.broker.recreate(role)
    # Even if a mark is found, as in a topic that was copied back.
    alone.broker._states, alone.broker.state_end = kept, end
    for customer in "cdefg":
        alone.touch(customer)
    message = refusal(alone)
    assert f"the topic {role} was deleted and recreated, or is another one (its id was {role} 1 and is {role} 2)" in message
    remedy = (
        f"`etapa topics accept {role}` lets it go on" if role in REPLACEABLE_ROLES else "start from the beginning, with new output topics"
    )
    assert remedy in message


@pytest.mark.parametrize("role", REPLACEABLE_ROLES)
def test_once_an_output_topic_is_accepted_work_goes_on_and_marks_say_so_from_then_on(role: TopicRole) -> None:
    alone = processed("a", "b")
    alone.broker.recreate(role)
    log = MemoryLog(alone.broker, alone.process, alone.portion)
    assert alone.run(accept_in(log, 0, "alone", role))
    assert not alone.run(accept_in(log, 0, "alone", role)), "accepted twice"
    accepted = alone.last_mark()
    assert accepted is not None
    assert accepted.last_change == (None if role == "stage-changes" else "b/2")
    alone.touch("c")
    alone.worker()
    alone.run(alone.drain())
    assert alone.stages() == {"a": "active", "b": "active", "c": "active"}
    assert [change.id for change in alone.changes()] == ["a/1", "a/2", "b/1", "b/2", "c/1", "c/2"]
    mark = alone.last_mark()
    assert mark is not None
    assert (mark.replaced, mark.topics[role], mark.last_change) == ((role,), f"{role} 2", "c/2")


def test_another_groups_partition_is_not_accepted() -> None:
    alone = processed("a")
    alone.broker.recreate("dead-letters")
    with pytest.raises(PartitionRefused, match="belongs to group 'alone', this worker is of group 'another'"):
        alone.run(accept_in(MemoryLog(alone.broker, alone.process, alone.portion), 0, "another", "dead-letters"))
    with pytest.raises(NothingProcessed):
        alone.run(accept_in(MemoryLog(MemoryBroker(), alone.process, alone.portion), 0, "alone", "dead-letters"))


def test_an_empty_topic_in_the_place_of_touchpoints_is_named_too() -> None:
    alone = processed("a")
    alone.broker.recreate("touchpoints")
    assert "the topic touchpoints was deleted and recreated" in refusal(alone)


@pytest.mark.parametrize("ids", [{}, {"dead-letters": "dead-letters 1"}])
def test_where_ids_are_not_told_nothing_is_refused(ids: dict[TopicRole, str]) -> None:
    alone = Alone()
    alone.broker.topic_ids = ids
    alone.touch("a")
    alone.run(alone.drain())
    alone.broker.topic_ids = {role: f"{role} 1" for role in TOPIC_ROLES}
    alone.touch("b")
    alone.worker()
    alone.run(alone.drain())
    assert alone.stages() == {"a": "active", "b": "active"}
    mark = alone.last_mark()
    assert mark is not None
    assert mark.topics == alone.broker.topic_ids


@pytest.mark.parametrize("seed", range(20))
def test_under_a_running_worker_nothing_of_the_new_topic_is_read_from_the_middle(seed: int) -> None:
    alone, random = Alone(), Random(seed)

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        for number in range(10):
            alone.touch(f"old-{number}")
            await asyncio.sleep(random.uniform(0, 0.05))
        alone.broker.recreate("touchpoints")
        for number in range(40):
            alone.touch(f"new-{number}")
        await asyncio.gather(running, return_exceptions=True)

    alone.run(steps())
    [message] = alone.told.refusals
    assert "the topic touchpoints was deleted and recreated" in message
    assert all(change.customer_id.startswith("old-") for change in alone.changes())


def test_a_topic_that_seems_to_be_another_one_for_a_moment_is_looked_at_again() -> None:
    alone = processed("a")
    # A broker that does not know yet what has been made since.
    alone.broker.topic_ids["touchpoints"] = "touchpoints 0"
    task = alone.worker()

    async def steps() -> None:
        running = asyncio.create_task(task.run())
        await alone.until(lambda: len(alone.told.takeovers) == 3)
        alone.broker.topic_ids["touchpoints"] = "touchpoints 1"
        await alone.until(lambda: task.ready)
        task.request_stop()
        await running

    alone.run(steps())
    assert alone.told.refusals == []


def test_partitions_that_are_added_under_a_running_worker_are_refused() -> None:
    alone = Alone()

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        alone.touch("a")
        await alone.until(alone.drained)
        alone.broker.partitions = 2
        await asyncio.gather(running, return_exceptions=True)

    alone.run(steps())
    [message] = alone.told.refusals
    assert "was written when there were 1 partitions, now touchpoints has 2" in message
