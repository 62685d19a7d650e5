"""Topics that are deleted and made anew: what is known of the old one is never taken for something about the new one."""

import asyncio
from random import Random

import pytest

from etapa.contracts.mark import TOPIC_ROLES, TopicRole
from tests.simulation.alone import Alone
from tests.simulation.test_takeover import processed, refusal


@pytest.mark.parametrize("role", TOPIC_ROLES)
def test_a_topic_that_was_made_anew_is_refused_and_named(role: TopicRole) -> None:
    alone = processed("a", "b")
    kept, end = list(alone.broker._states), alone.broker.state_end
    alone.broker.make_anew(role)
    # Even where a mark is found, as in one that was copied back.
    alone.broker._states, alone.broker.state_end = kept, end
    for customer in "cdefg":
        alone.touch(customer)
    message = refusal(alone)
    assert f"the topic {role} was deleted and made anew, or is another one (its id was {role} 1 and is {role} 2)" in message
    assert "start from the beginning, with new output topics, another ETAPA_GROUP" in message


def test_an_empty_topic_in_the_place_of_touchpoints_is_named_too() -> None:
    alone = processed("a")
    alone.broker.make_anew("touchpoints")
    assert "the topic touchpoints was deleted and made anew" in refusal(alone)


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
        alone.broker.make_anew("touchpoints")
        for number in range(40):
            alone.touch(f"new-{number}")
        await asyncio.gather(running, return_exceptions=True)

    alone.run(steps())
    [message] = alone.told.refusals
    assert "the topic touchpoints was deleted and made anew" in message
    assert all(change.customer_id.startswith("old-") for change in alone.changes())


def test_a_topic_that_seems_to_be_another_one_for_a_moment_is_looked_at_again() -> None:
    alone = processed("a")
    # A broker that has not heard yet of what was made since.
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
