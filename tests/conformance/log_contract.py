"""The contract of the `Log` port. Each function is one rule; run all of `LOG_CONTRACT` on every implementation."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import pytest

from etapa.contracts.stored.mark import MARK_KEY, TOPIC_ROLES, Mark, TopicRole, encode_mark
from etapa.stream.protocol.ports import Fenced, Fetched, Log, LogError, RecentChanges, Transaction, TransactionHangs
from etapa.stream.protocol.records import Headers, Outgoing, Record, StateRecord

KINDS = ("stage_changes", "dead_letters")


class LogWorld(Protocol):
    """One partition of fresh topics, and what a test needs in addition to the port."""

    async def open(self) -> Log:
        """The log as another process sees it. Closed by the world."""

    async def produce(self, records: Sequence[tuple[bytes | None, bytes | None, Headers]]) -> list[int]:
        """Put touchpoints into the partition. Returns their offsets."""

    async def published(self, kind: str) -> list[Outgoing]:
        """What a `read_committed` consumer sees so far of `stage_changes` or `dead_letters`."""

    async def leave_hanging(self) -> None:
        """Write a transaction whose end is lost to the output topics."""

    async def abort_hanging(self) -> None:
        """Abort it, as an operator would."""

    async def recreate(self, role: TopicRole) -> None:
        """Delete a topic and make it again."""


def transaction(through: int, states: Sequence[tuple[bytes, bytes | None]] = (), changes: Sequence[Outgoing] = ()) -> Transaction:
    """A transaction for these tests; its mark names `through`."""
    mark = Mark(group="g", partitions=1, through=through, stream_time=None, journey="j", version=1)
    return Transaction(changes, (), (), [Outgoing(*one) for one in states], MARK_KEY, encode_mark(mark), through + 1)


def change(number: int) -> Outgoing:
    """A stage change for these tests."""
    return Outgoing(b"c%d" % number, b'{"n":%d}' % number, (("ce_id", b"c/%d" % number),))


async def fetch_all(log: Log, count: int) -> list[Record]:
    """Fetch until there are this many records."""
    records: list[Record] = []
    for _ in range(200):
        fetched = await log.fetch(1000, 1_000_000, 0.2)
        records += fetched.records
        if len(records) >= count:
            return records
    raise AssertionError(f"{len(records)} records came, {count} were produced")


async def fetch_until_caught_up(log: Log) -> Fetched:
    """Fetch until the log says that nothing more waits."""
    for _ in range(200):
        fetched = await log.fetch(1000, 1_000_000, 0.2)
        if fetched.caught_up:
            return fetched
    raise AssertionError("never caught up")


async def read_states(log: Log, start: int | None = None, end: int | None = None) -> list[StateRecord]:
    """Everything in `customer-state`, or a part of it, as a takeover reads it: a commit may be answered before it is readable, a fence may not."""
    await log.fence()
    first, last = await log.state_range()
    chunks = log.states(first if start is None else start, last if end is None else end)
    return [record async for chunk in chunks for record in chunk]


async def records_are_read_untouched_and_in_order(world: LogWorld) -> None:
    headers = (("a", b"1"), ("a", b"2"), ("b", b"\xff"))
    produced = [(b"k", b"v", headers), (None, b"no key", ()), (b"no value", None, ()), (b"\xff", b"", ())]
    offsets = await world.produce(produced)
    log = await world.open()
    await log.fence()
    log.seek(offsets[0])
    records = await fetch_all(log, 4)
    assert [(record.key, record.value, tuple(record.headers)) for record in records] == produced
    assert [record.offset for record in records] == offsets


async def reading_begins_where_it_was_told_to_and_can_go_back(world: LogWorld) -> None:
    offsets = await world.produce([(b"k", b"%d" % number, ()) for number in range(5)])
    log = await world.open()
    await log.fence()
    log.seek(offsets[3])
    assert [record.value for record in await fetch_all(log, 2)] == [b"3", b"4"]
    log.seek(offsets[1])
    assert [record.value for record in await fetch_all(log, 4)] == [b"1", b"2", b"3", b"4"]


async def a_fetch_gives_no_more_records_than_asked_for(world: LogWorld) -> None:
    offsets = await world.produce([(b"k", b"%d" % number, ()) for number in range(10)])
    log = await world.open()
    await log.fence()
    log.seek(offsets[0])
    sizes: list[int] = []
    while sum(sizes) < 10:
        sizes.append(len((await log.fetch(3, 1_000_000, 1.0)).records))
    assert max(sizes) <= 3


async def a_fetch_that_finds_nothing_says_so(world: LogWorld) -> None:
    offsets = await world.produce([(b"k", b"v", ())])
    log = await world.open()
    await log.fence()
    log.seek(offsets[0])
    await fetch_all(log, 1)
    fetched = await fetch_until_caught_up(log)
    assert not fetched.records
    assert fetched.end > offsets[0]
    more = await world.produce([(b"k", b"w", ())])
    assert [record.offset for record in await fetch_all(log, 1)] == more


async def an_offset_that_is_not_there_is_an_error_and_no_jump(world: LogWorld) -> None:
    offsets = await world.produce([(b"k", b"v", ())])
    log = await world.open()
    await log.fence()
    log.seek(offsets[0] + 1000)
    with pytest.raises(LogError):
        await fetch_all(log, 1)


async def the_range_of_touchpoints_covers_them(world: LogWorld) -> None:
    log = await world.open()
    await log.fence()
    first, end = await log.touchpoint_range()
    assert first == end
    offsets = await world.produce([(b"k", b"v", ())] * 3)
    first, end = await log.touchpoint_range()
    assert first <= offsets[0]
    assert end > offsets[-1]


async def a_commit_gives_the_offset_of_its_mark(world: LogWorld) -> None:
    log = await world.open()
    await log.fence()
    assert await read_states(log) == []
    offset = await log.commit(transaction(6, [(b"c1", b"one"), (b"c2", b"two"), (b"c3", None)]))
    states = await read_states(log)
    assert [(record.key, record.value) for record in states[:-1]] == [(b"c1", b"one"), (b"c2", b"two"), (b"c3", None)]
    assert (states[-1].offset, states[-1].key) == (offset, MARK_KEY)
    assert (await log.state_range())[1] > offset


async def states_are_read_within_bounds_over_offsets_that_hold_nothing(world: LogWorld) -> None:
    log = await world.open()
    await log.fence()
    marks = [await log.commit(transaction(number, [(b"c", b"%d" % number)])) for number in range(4)]
    states = await read_states(log, start=marks[0] + 1, end=marks[2] + 1)
    assert [record.value for record in states if record.key == b"c"] == [b"1", b"2"]
    assert states[-1].offset == marks[2]
    assert await read_states(log, start=marks[3] + 1) == []


async def a_batch_without_changes_commits_its_mark_alone(world: LogWorld) -> None:
    log = await world.open()
    await log.fence()
    offset = await log.commit(transaction(9))
    assert [record.offset for record in await read_states(log)] == [offset]


async def what_is_committed_is_published_in_order(world: LogWorld) -> None:
    log = await world.open()
    await log.fence()
    letter = Outgoing(None, b"\xff", (("etapa.reason", b"not_json"),))
    first = transaction(0, changes=[change(1), change(2)])
    await log.commit(Transaction(first.stage_changes, (), [letter], (), first.mark_key, first.mark_value, 1))
    await log.commit(transaction(1, changes=[change(3)]))
    assert _plain(await world.published("stage_changes")) == _plain([change(1), change(2), change(3)])
    assert _plain(await world.published("dead_letters")) == _plain([letter])


async def the_last_changes_are_those_that_were_committed_last(world: LogWorld) -> None:
    log = await world.open()
    await log.fence()
    assert await log.recent_changes() == RecentChanges([], all=True)
    for number in range(4):
        await log.commit(transaction(number, [(b"c", b"%d" % number)], [change(2 * number), change(2 * number + 1)]))
    await log.fence()
    found = await log.recent_changes()
    assert found.all
    recent = found.records
    assert [(one.key, one.value, tuple(one.headers)) for one in recent] == [
        (one.key, one.value, tuple(one.headers)) for one in map(change, range(8))
    ]
    assert [one.offset for one in recent] == sorted({one.offset for one in recent})
    # The states can still be read.
    assert [record.value for record in await read_states(log) if record.key == b"c"] == [b"0", b"1", b"2", b"3"]


async def the_group_offset_follows_the_commits(world: LogWorld) -> None:
    log = await world.open()
    await log.fence()
    assert await log.group_offset() is None
    await log.commit(transaction(41))
    # The commit is answered before the group's partition of the offsets topic has its marker.
    for _ in range(1000):
        if await log.group_offset() == 42:
            return
    assert await log.group_offset() == 42


async def a_successor_fences_its_predecessor(world: LogWorld) -> None:
    old, new = await world.open(), await world.open()
    await old.fence()
    await old.commit(transaction(0, [(b"c", b"old")], [change(1)]))
    await new.fence()
    with pytest.raises(Fenced):
        await old.commit(transaction(1, [(b"c", b"zombie")], [change(2)]))
    await new.commit(transaction(1, [(b"c", b"new")], [change(3)]))
    assert [record.value for record in await read_states(new) if record.key == b"c"] == [b"old", b"new"]
    assert _plain(await world.published("stage_changes")) == _plain([change(1), change(3)])


async def what_was_committed_is_there_once_a_successor_has_fenced(world: LogWorld) -> None:
    old, new = await world.open(), await world.open()
    await old.fence()
    marks = [await old.commit(transaction(number, [(b"c", b"%d" % number)])) for number in range(3)]
    await new.fence()
    assert (await read_states(new))[-1].offset == marks[-1]


async def a_fence_says_so_when_a_transaction_hangs(world: LogWorld) -> None:
    log = await world.open()
    await log.fence()
    marks = [await log.commit(transaction(0, [(b"c", b"before")], [change(1)]))]
    await world.leave_hanging()
    for _ in range(2):
        with pytest.raises(TransactionHangs):
            await log.fence()
    assert (await log.state_range())[1] > marks[0]
    await world.abort_hanging()
    assert [record.value for record in await read_states(log) if record.key == b"c"] == [b"before"]
    await log.commit(transaction(1, [(b"c", b"after")], [change(2)]))
    assert [record.value for record in await read_states(log) if record.key == b"c"] == [b"before", b"after"]
    assert _plain(await world.published("stage_changes")) == _plain([change(1), change(2)])


async def a_log_can_fence_again_and_go_on(world: LogWorld) -> None:
    log = await world.open()
    await log.fence()
    await log.commit(transaction(0))
    await log.fence()
    await log.commit(transaction(1))
    await log.close()
    await log.fence()
    offset = await log.commit(transaction(2))
    assert (await read_states(log))[-1].offset == offset


async def closing_is_safe_at_any_time(world: LogWorld) -> None:
    log = await world.open()
    await log.close()
    await log.fence()
    await log.close()
    await log.close()
    with pytest.raises(LogError):
        await log.commit(transaction(0))


async def the_topics_are_told(world: LogWorld) -> None:
    log = await world.open()
    topics = await log.topics()
    assert topics.partitions >= 1
    # Where customers never moved, there is no topic `transfers`.
    assert {*topics.ids, "transfers"} == set(TOPIC_ROLES)
    assert len(set(topics.ids.values())) == len(topics.ids)
    assert await (await world.open()).topics() == topics


async def a_topic_that_is_recreated_has_another_id_and_ends_the_reading(world: LogWorld) -> None:
    offsets = await world.produce([(b"k", b"%d" % number, ()) for number in range(3)])
    log = await world.open()
    await log.fence()
    before = await log.topics()
    log.seek(offsets[0])
    await fetch_all(log, 3)
    await world.recreate("touchpoints")
    await world.produce([(b"k", b"%d" % number, ()) for number in range(3)])
    with pytest.raises(LogError):
        await fetch_all(log, 1)
    after = await (await world.open()).topics()
    assert {role for role in before.ids if before.ids[role] != after.ids[role]} == {"touchpoints"}


def _plain(outgoing: Sequence[Outgoing]) -> list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]]:
    return [(one.key, one.value, list(one.headers)) for one in outgoing]


LOG_CONTRACT: tuple[Callable[[LogWorld], Awaitable[None]], ...] = (
    records_are_read_untouched_and_in_order,
    reading_begins_where_it_was_told_to_and_can_go_back,
    a_fetch_gives_no_more_records_than_asked_for,
    a_fetch_that_finds_nothing_says_so,
    an_offset_that_is_not_there_is_an_error_and_no_jump,
    the_range_of_touchpoints_covers_them,
    a_commit_gives_the_offset_of_its_mark,
    states_are_read_within_bounds_over_offsets_that_hold_nothing,
    a_batch_without_changes_commits_its_mark_alone,
    what_is_committed_is_published_in_order,
    the_last_changes_are_those_that_were_committed_last,
    the_group_offset_follows_the_commits,
    a_successor_fences_its_predecessor,
    what_was_committed_is_there_once_a_successor_has_fenced,
    a_fence_says_so_when_a_transaction_hangs,
    a_log_can_fence_again_and_go_on,
    closing_is_safe_at_any_time,
    the_topics_are_told,
    a_topic_that_is_recreated_has_another_id_and_ends_the_reading,
)
