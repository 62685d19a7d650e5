"""What is announced, who has to leave, and which numbers of partitions a worker accepts."""

import asyncio
from collections import Counter

import msgspec
import pytest

from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.forwarding import ForwardingAddress, encode_forwarding, is_forwarding
from etapa.contracts.stored.mark import Mark, MovingMark
from etapa.contracts.stored.transfer import LayoutAnnounced, TopicLayout
from etapa.settings import Settings
from etapa.stream.protocol.belonging import AllRefused, LastMark, MayPass, PartitionRefused, changed, refuse_what_is_of_others
from etapa.stream.protocol.observer import MovesCounted
from etapa.stream.protocol.ports import Scanned, Topics
from etapa.stream.protocol.residence import Moves
from etapa.stream.protocol.tenures.leavers import MOST_BYTES, LeaverSearch
from etapa.stream.redis.client import connect
from etapa.stream.redis.view import RedisView
from etapa.stream.upkeep.repartition import CannotRepartition, MovesNow, PlaceNow, layout_for, place_now

UP, DOWN = TopicLayout(1, 12, 4), TopicLayout(2, 5, 12)
MARK = Mark(group="g", partitions=4, through=7, stream_time=None, journey="j", version=1)


def at(layout: TopicLayout | None, *ended: int) -> Mark:
    return msgspec.structs.replace(MARK, moving=MovingMark(0, layout=layout, ended=ended, to_leave=9, left=3, arrived=2))


def finished(layout: TopicLayout, partitions: int) -> MovesNow:
    everybody = range(max(layout.partitions, layout.before))
    return MovesNow(layout, None, 0, [place_now(number, at(layout, *everybody), layout) for number in range(partitions)])


def test_a_place_has_finished_when_it_says_so_and_is_done_when_it_has_heard_it_of_all() -> None:
    assert place_now(1, None, UP) == PlaceNow(1, None)
    assert place_now(1, at(None), UP) == PlaceNow(1, None)
    assert place_now(1, at(UP, 4, 5), UP) == PlaceNow(1, UP, 3, 9, 2)
    assert place_now(1, at(UP, 1), UP) == PlaceNow(1, UP, 3, 3, 2, has_finished=True)
    assert place_now(1, at(UP, *range(12)), UP) == PlaceNow(1, UP, 3, 3, 2, has_finished=True, knows_all=True)
    assert place_now(1, at(UP, *range(12)), DOWN) == PlaceNow(1, UP)


def test_a_place_of_neither_layout_has_only_itself_to_wait_for() -> None:
    layout = TopicLayout(3, 8, 5)
    assert place_now(9, at(layout, 9), layout).knows_all
    assert not place_now(7, at(layout, 7), layout).knows_all


def test_moves_are_finished_when_every_partition_of_the_layout_is() -> None:
    assert MovesNow(None, None, 0, [PlaceNow(0, None)]).finished
    assert finished(UP, 12).finished
    assert not finished(UP, 4).finished
    assert finished(DOWN, 12).finished


def test_layouts_follow_each_other_and_the_one_under_way_is_gone_on_with() -> None:
    assert layout_for(MovesNow(None, None, 0, []), 12, 4) == UP
    assert layout_for(finished(UP, 12), 5, 12) == DOWN
    assert layout_for(finished(UP, 4), 12, 4) == UP
    with pytest.raises(CannotRepartition, match="over 12 partitions already"):
        layout_for(finished(UP, 12), 12, 12)
    with pytest.raises(CannotRepartition, match="over 4 partitions already"):
        layout_for(MovesNow(None, None, 0, []), 4, 4)
    with pytest.raises(CannotRepartition, match="still moving from 4 to 12 partitions: let that finish first"):
        layout_for(finished(UP, 4), 5, 4)


@pytest.mark.parametrize("layout", [UP, DOWN, TopicLayout(1, 3, 2), TopicLayout(1, 6, 4), TopicLayout(1, 1, 5)])
def test_the_share_that_leaves_a_partition_is_what_ids_say(layout: TopicLayout) -> None:
    ids = [f"customer-{number}" for number in range(20_000)]
    at_home = Counter(partition_of(one, layout.before) for one in ids)
    leave = Counter(home for one in ids if (home := partition_of(one, layout.before)) != partition_of(one, layout.partitions))
    for partition in range(layout.before):
        assert layout.share_leaving(partition) == pytest.approx(leave[partition] / at_home[partition], abs=0.05)
    assert layout.share_leaving(layout.before) == 0


@pytest.mark.parametrize(
    ("partitions", "moving", "refusal"),
    [(4, None, None), (12, None, AllRefused), (3, None, AllRefused), (12, UP, None), (13, UP, AllRefused), (3, UP, MayPass)],
)
def test_another_number_of_partitions_is_accepted_only_as_announced(
    partitions: int, moving: TopicLayout | None, refusal: type[PartitionRefused] | None
) -> None:
    """Fewer than there were may be what a worker saw before it paused."""
    last = LastMark(9, MARK if moving is None else at(moving))
    if refusal is None:
        refuse_what_is_of_others(0, "g", Topics(partitions), None, last)
        return
    with pytest.raises(refusal, match="`etapa repartition` was not asked to move them"):
        refuse_what_is_of_others(0, "g", Topics(partitions), None, last)


def test_a_tenure_ends_when_there_is_another_number_of_partitions_of_transfers() -> None:
    then, now = Topics(4), Topics(4, names={"transfers": "moves"}, transfers=12)
    assert changed(then, now) == "moves had 0 partitions, and has 12 now"
    assert changed(now, now) == ""


def test_the_mark_remembers_the_pace_and_counts_since_the_layout_was_adopted() -> None:
    moves = Moves(0, at(UP).moving)
    moves.per_second = 2.5
    batch = moves.in_batch([("new", ""), ("new", ""), ("", "loyal")], 5, [])
    assert (batch.forwarded, batch.counted) == (5, MovesCounted(2, 1, is_leaving=True))
    marked = moves.marked()
    assert (marked.per_second, marked.left, marked.arrived) == (2.5, 5, 3)
    moves.per_second = 0
    assert moves.in_batch([], 0, []).counted == MovesCounted(0, 0, is_leaving=False)
    moves.adopt(DOWN)
    assert (moves.marked().left, moves.marked().arrived) == (0, 0)


def test_about_how_many_have_to_leave_is_known_once_and_stays() -> None:
    moves = Moves(0, MovingMark(0, layout=UP, left=5))
    moves.there_are(300)
    assert moves.marked().to_leave == 5 + 200
    moves.there_are(40)
    assert moves.marked().to_leave == 205
    moves.adopt(DOWN)
    assert moves.marked().to_leave is None


def test_an_announcement_that_comes_again_does_not_bring_an_earlier_pace_back() -> None:
    moves = Moves(0, at(UP).moving)
    stop, go = LayoutAnnounced(UP, 0.0, 1), LayoutAnnounced(UP, 5.0, 2)
    paces = []
    for announced in (stop, go, stop, LayoutAnnounced(UP, 7.0), LayoutAnnounced(DOWN, 9.0, 3)):
        moves.keep_pace(announced)
        paces.append(moves.per_second)
    assert paces == [0, 5, 5, 5, 5]
    assert (moves.marked().per_second, moves.marked().revision) == (5, 2)
    moves.adopt(DOWN)
    assert (moves.marked().per_second, moves.marked().revision) == (None, 0)


def test_no_more_leave_at_once_than_in_a_second() -> None:
    everybody = {f"c{number}": b"\x93\x01" for number in range(30)}

    class Customers(RedisView):
        async def scan(self, cursor: int, count: int) -> Scanned:
            return Scanned(list(everybody.items()), None, len(everybody))

    async def left_by(search: LeaverSearch, now: float) -> int:
        return len((await search.next(now, lambda _, state: not is_forwarding(state))).customer_ids)

    async def scenario() -> None:
        settings = Settings()
        search = LeaverSearch(Customers(settings, connect(settings), 0), 500, 1000.0, announced=4.0)
        assert [await left_by(search, now) for now in (0.0, 0.5, 1.0, 3.0)] == [4, 0, 4, 4]
        search.keep_to(0.5)
        assert [await left_by(search, now) for now in (5.0, 6.0, 7.0)] == [1, 0, 1]
        search.keep_to(None)
        assert await left_by(search, 9.0) == 16

    asyncio.run(scenario())


def test_large_customers_leave_in_small_portions() -> None:
    large = [(f"c{number}", bytes([0x93, 1, *bytes(1_500_000)])) for number in range(4)]

    class Customers(RedisView):
        async def scan(self, cursor: int, count: int) -> Scanned:
            return Scanned([*large, ("d", bytes([0x93, 1, *bytes(2 * MOST_BYTES)]))], None, 5)

    async def scenario() -> None:
        settings = Settings()
        search = LeaverSearch(Customers(settings, connect(settings), 0), 500, 1000.0)
        portions = [await search.next(now, lambda _, state: not is_forwarding(state)) for now in (0.0, 1.0, 2.0)]
        assert [portion.customer_ids for portion in portions] == [["c0", "c1", "c2"], ["c3", "d"], []]
        assert portions[-1].all_seen

    asyncio.run(scenario())


def test_those_of_whom_only_an_address_is_left_do_not_leave_and_how_many_live_here_is_what_the_view_says() -> None:
    living = [(f"c{number}", b"\x93\x01") for number in range(5)]
    gone = [(f"g{number}", encode_forwarding(ForwardingAddress(2, 1))) for number in range(15)]

    class Customers(RedisView):
        async def scan(self, cursor: int, count: int) -> Scanned:
            return Scanned([*living, *gone, living[0]], 7, 100)

    async def scenario() -> None:
        settings = Settings()
        search = LeaverSearch(Customers(settings, connect(settings), 0), 500, 1000.0)
        assert len((await search.next(0.0, lambda _, state: not is_forwarding(state))).customer_ids) == 5
        assert search.customers == 100

    asyncio.run(scenario())


def test_nobody_leaves_at_a_pace_of_none_and_everybody_again_without_a_pace() -> None:
    settings = Settings()
    search = LeaverSearch(RedisView(settings, connect(settings), 0), 10, 100.0)
    assert search.idle_for(5.0) == 0
    search.keep_to(0)
    assert search.idle_for(5.0) > 1000
    search.keep_to(None)
    assert search.idle_for(5.0) == 0
