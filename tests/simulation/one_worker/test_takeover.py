"""Taking a partition over: where it resumes, how far it brings the view, and what it refuses."""

import asyncio

import msgspec
import pytest

from etapa.contracts.stored.mark import MARK_KEY
from etapa.journey.localtime.zones import VERSION as ZONE_DATA
from etapa.stream.protocol import belonging
from etapa.stream.protocol.belonging import PartitionRefused
from etapa.stream.protocol.records import Applied, Outgoing
from tests.simulation.one_worker.alone import OPTIONS, Alone


def processed(*customers: str) -> Alone:
    """A partition on which one worker has processed a purchase of each customer, and left."""
    alone = Alone()
    for customer in customers or ("a", "b", "c"):
        alone.touch(customer)
    alone.run(alone.drain())
    return alone


def refusal(alone: Alone) -> str:
    """The error of a worker that starts now."""
    alone.worker()
    shown, committed = dict(alone.redis.customers), len(alone.broker.committed)
    with pytest.raises(PartitionRefused) as refused:
        alone.run(alone.drain())
    message = str(refused.value)
    assert alone.told.refusals == [message]
    assert not alone.task.ready
    assert (alone.redis.customers, len(alone.broker.committed)) == (shown, committed)
    return message


def test_a_partition_never_processed_begins_at_its_earliest_touchpoint() -> None:
    alone = Alone()
    alone.touch("gone")
    alone.touch("a")
    alone.broker.remove_before(1)
    alone.run(alone.drain())
    assert alone.stages() == {"a": "active"}
    assert alone.told.gone == []


def test_a_partition_never_processed_may_begin_at_what_comes_next() -> None:
    alone = Alone(msgspec.structs.replace(OPTIONS, start="latest"))
    alone.touch("before")

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        await alone.until(lambda: alone.task.ready)
        alone.touch("after")
        await alone.until(lambda: "after" in alone.stages())
        alone.task.request_stop()
        await running

    alone.run(steps())
    assert alone.stages() == {"after": "active"}


def test_a_partition_begun_at_its_latest_misses_nothing_while_nobody_owns_it() -> None:
    alone = Alone(msgspec.structs.replace(OPTIONS, start="latest"))
    alone.touch("before")
    alone.run(alone.work_until(lambda: alone.redis.mark is not None))
    alone.touch("between")
    alone.worker()
    alone.run(alone.drain())
    assert alone.stages() == {"between": "active"}


def test_a_successor_goes_on_after_the_mark() -> None:
    alone = processed("a", "b")
    alone.touch("c")
    alone.worker()
    alone.run(alone.drain())
    assert [(change.customer_id, change.sequence) for change in alone.changes()] == [
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("b", 2),
        ("c", 1),
        ("c", 2),
    ]
    assert alone.told.finished[-1] == (0, {"active": 2})


def test_a_view_that_is_behind_is_brought_up_to_the_log() -> None:
    alone = processed("a")
    behind = alone.redis.mark, dict(alone.redis.customers)
    alone.touch("b")
    alone.worker()
    alone.run(alone.drain())
    alone.redis.mark, alone.redis.customers = behind
    alone.worker()
    alone.run(alone.work_until(lambda: alone.task.ready))
    assert alone.stages() == {"a": "active", "b": "active"}
    assert alone.told.finished[-1] == (1, {"active": 2})


@pytest.mark.parametrize("portion", [1, 2, 3, 1000])
def test_a_lost_view_is_rebuilt_in_chunks_of_any_size(portion: int) -> None:
    alone = processed("a", "b", "c", "d")
    before = dict(alone.redis.customers)
    alone.redis.flush()
    alone.portion = lambda available: min(available, portion)
    alone.worker()
    alone.run(alone.work_until(lambda: alone.task.ready))
    assert alone.redis.customers == before
    assert alone.redis.mark is not None
    assert alone.redis.mark.complete


def test_a_view_being_rebuilt_is_not_whole_until_the_end_and_the_next_owner_goes_on_with_it() -> None:
    alone = processed("a", "b", "c", "d")
    before = dict(alone.redis.customers)
    alone.redis.flush()
    alone.portion = lambda available: min(available, 1)
    task = alone.worker()

    async def half() -> None:
        running = asyncio.create_task(task.run())
        await alone.until(lambda: len(alone.redis.customers) == 2)
        assert alone.redis.mark is not None
        assert not alone.redis.mark.complete
        assert not task.ready
        task.request_stop()
        await running

    alone.run(half())
    assert len(alone.redis.customers) < 4
    alone.worker()
    alone.run(alone.work_until(lambda: alone.task.ready))
    assert alone.redis.customers == before
    assert alone.told.finished[-1][0] < 4


def test_no_paused_predecessor_can_follow_a_view_that_is_being_rebuilt() -> None:
    # Its batch follows the mark of the previous batch, so no part of the view may end at the offset of a mark.
    alone = Alone(msgspec.structs.replace(OPTIONS, max_records=1))
    for customer in "abcd":
        alone.touch(customer)
    alone.run(alone.drain())
    alone.redis.flush()
    alone.broker.compact(keep=1000)
    alone.portion = lambda available: min(available, 2)
    marks = {committed.state_offset for committed in alone.broker.committed}
    shown: list[tuple[int, bool]] = []

    def note() -> None:
        assert alone.redis.mark is not None
        shown.append((alone.redis.mark.state_offset, alone.redis.mark.complete))

    alone.redis.on_apply = note
    alone.worker()
    alone.run(alone.work_until(lambda: alone.task.ready))
    assert len(shown) > 2
    assert [offset in marks for offset, _ in shown] == [complete for _, complete in shown]


def test_what_lies_in_the_view_without_a_mark_is_never_used() -> None:
    alone = processed("a")
    state = alone.redis.customers["a"].state
    fresh = Alone()
    fresh.redis.customers = {"a": Applied("a", "loyal", 5, state), "b": Applied("b", "loyal", 5, state)}
    fresh.touch("a")
    fresh.run(fresh.drain())
    assert [(change.sequence, change.to) for change in fresh.changes()] == [(1, "new"), (2, "active")]
    assert fresh.stages() == {"a": "active"}


def test_touchpoints_that_retention_removed_are_told_and_the_rest_is_processed() -> None:
    alone = processed("a")
    for customer in ("lost", "lost too", "b"):
        alone.touch(customer)
    alone.broker.remove_before(3)
    alone.worker()
    alone.run(alone.drain())
    assert alone.told.gone == [2]
    assert alone.stages() == {"a": "active", "b": "active"}


def test_retention_that_overtakes_a_running_worker_is_told_too() -> None:
    alone = Alone(msgspec.structs.replace(OPTIONS, max_records=1))

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        alone.touch("a")
        await alone.until(alone.drained)
        alone.network.weather = msgspec.structs.replace(alone.network.weather, delay=5.0)
        for customer in ("lost", "lost too", "b"):
            alone.touch(customer)
        alone.broker.remove_before(3)
        await alone.until(lambda: "b" in alone.stages())
        alone.task.request_stop()
        await running

    alone.run(steps())
    assert alone.told.gone == [2]
    assert alone.told.takeovers == ["assigned", "log_error"]


def test_the_mark_wins_over_the_group_offset_and_that_is_told() -> None:
    alone = processed("a", "b", "c")
    alone.broker.group_offset = 1
    alone.touch("d")
    alone.worker()
    alone.run(alone.drain())
    assert alone.told.disagreements == [(1, 3)]
    assert len(alone.changes()) == 8


def test_output_of_another_group_is_refused() -> None:
    alone = processed()
    alone.rewrite_mark(group="other")
    assert "belongs to group 'other', this worker is of group 'alone'" in refusal(alone)


def test_a_view_of_another_group_is_refused() -> None:
    alone = processed()
    assert alone.redis.mark is not None
    alone.redis.mark = msgspec.structs.replace(alone.redis.mark, group="other")
    assert "the view in Redis belongs to group 'other'" in refusal(alone)


def test_another_partition_count_is_refused() -> None:
    alone = processed()
    alone.broker.partitions = 2
    assert "was written when there were 1 partitions, now touchpoints has 2" in refusal(alone)


def test_a_view_in_another_format_is_refused() -> None:
    alone = processed()
    assert alone.redis.mark is not None
    alone.redis.mark = msgspec.structs.replace(alone.redis.mark, format=99)
    assert "has format 99" in refusal(alone)


def test_touchpoints_that_end_before_the_mark_are_refused() -> None:
    alone = processed()
    alone.broker.touchpoints, alone.broker.end_offset = [], 0
    assert "processed up to offset 2, but the topic ends before offset 0" in refusal(alone)


def test_a_view_ahead_of_customer_state_is_refused() -> None:
    alone = processed()
    kept = alone.redis
    fresh = Alone()
    fresh.redis = kept
    fresh.touch("a")
    assert "but the topic holds no mark" in refusal(fresh)


def test_a_view_made_from_another_topic_is_refused() -> None:
    alone = processed()
    assert alone.redis.mark is not None
    alone.redis.mark = msgspec.structs.replace(alone.redis.mark, through=100)
    assert "was not made from this customer-state topic" in refusal(alone)


def left_hanging(*, shown: bool) -> Alone:
    """A partition whose last transaction was committed but never became visible to readers: only Redis may show it."""
    alone = processed("a")
    before = alone.redis.mark, dict(alone.redis.customers)
    alone.broker.loses_markers = True
    alone.touch("b")
    alone.worker()
    alone.run(alone.work_until(lambda: "b" in alone.stages()))
    alone.broker.loses_markers = False
    if not shown:
        alone.redis.mark, alone.redis.customers = before
    return alone


@pytest.mark.parametrize("shown", [False, True])
def test_a_transaction_that_hangs_is_refused_before_anything_is_processed(shown: bool) -> None:
    alone = left_hanging(shown=shown)
    alone.touch("c")
    assert "a transaction hangs" in refusal(alone)
    assert alone.broker.hanging == 1


def test_a_transaction_that_hangs_for_a_moment_is_waited_for() -> None:
    alone = left_hanging(shown=False)
    task = alone.worker()

    async def steps() -> None:
        running = asyncio.create_task(task.run())
        await alone.until(lambda: len(alone.told.takeovers) == 4)
        alone.broker.abort_hanging()
        await alone.until(lambda: "b" in alone.stages())
        task.request_stop()
        await running

    alone.run(steps())
    assert alone.told.refusals == []


def test_what_hung_is_published_once_when_it_was_aborted() -> None:
    alone = left_hanging(shown=False)
    alone.broker.abort_hanging()
    alone.worker()
    alone.run(alone.drain())
    assert [change.id for change in alone.changes()] == ["a/1", "a/2", "b/1", "b/2"]


def test_what_hung_and_was_shown_is_published_once_when_it_was_aborted_and_the_view_was_removed() -> None:
    alone = left_hanging(shown=True)
    before = alone.stages()
    alone.broker.abort_hanging()
    assert "a transaction that Redis shows was aborted" in refusal(alone)
    alone.redis.flush()
    alone.worker()
    alone.run(alone.drain())
    assert [change.id for change in alone.changes()] == ["a/1", "a/2", "b/1", "b/2"]
    assert alone.stages() == before


def test_the_next_commit_of_the_same_owner_shows_what_hung() -> None:
    alone = processed("a")
    task = alone.worker()

    async def steps() -> None:
        running = asyncio.create_task(task.run())
        alone.broker.loses_markers = True
        alone.touch("b")
        await alone.until(lambda: "b" in alone.stages())
        alone.broker.loses_markers = False
        alone.touch("c")
        await alone.until(lambda: "c" in alone.stages())
        task.request_stop()
        await running

    alone.run(steps())
    assert [change.id for change in alone.changes()] == ["a/1", "a/2", "b/1", "b/2", "c/1", "c/2"]
    assert alone.broker.hanging == 0


def test_a_topic_that_seems_short_for_a_moment_is_looked_at_again() -> None:
    alone = processed()
    end, alone.broker.end_offset = alone.broker.end_offset, 0
    task = alone.worker()

    async def steps() -> None:
        running = asyncio.create_task(task.run())
        await alone.until(lambda: len(alone.told.takeovers) == 3)
        alone.broker.end_offset = end
        await alone.until(lambda: task.ready)
        task.request_stop()
        await running

    alone.run(steps())
    assert alone.told.refusals == []


def test_a_mark_of_a_later_version_is_refused() -> None:
    alone = processed()
    alone.rewrite_mark(format=7)
    assert "format 7" in refusal(alone)


def test_a_state_that_cannot_be_read_is_refused_and_not_shown() -> None:
    alone = processed("a")
    last = alone.broker.committed[-1].transaction
    epoch = alone.broker.fence()
    alone.broker.write(epoch, msgspec.structs.replace(last, stage_changes=(), states=[Outgoing(b"a", b"\x91\x63")]))
    alone.broker.end(epoch)
    assert "customer state has format 99" in refusal(alone)


def test_a_topic_that_others_write_to_is_refused() -> None:
    alone = Alone()
    alone.touch("a")
    alone.run(alone.drain())
    fresh = Alone()
    transaction = alone.broker.committed[0].transaction
    epoch = fresh.broker.fence()
    fresh.broker.write(epoch, msgspec.structs.replace(transaction, mark_key=b"no mark"))
    fresh.broker.end(epoch)
    assert MARK_KEY not in {record.key for record in fresh.broker.committed_states(0, 100)}
    assert "records but no mark" in refusal(fresh)


def test_a_worker_with_older_zone_data_refuses_what_was_processed_with_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = processed("a", "b")
    monkeypatch.setattr(belonging, "ZONE_DATA", "2020a")
    assert f"was processed with zone data {ZONE_DATA}, this worker has 2020a" in refusal(alone)
    monkeypatch.setattr(belonging, "ZONE_DATA", "2999z")
    alone.touch("c")
    alone.worker()
    alone.run(alone.drain())
    assert alone.stages()["c"] == "active"
