"""The contract of the `View` port. Each function is one rule; run all of `VIEW_CONTRACT` on every implementation."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from etapa.contracts.stored.forwarding import NO_STAGE, ForwardingAddress, encode_forwarding
from etapa.contracts.stored.reclassification import ReclassifyProgress
from etapa.stream.protocol.ports import VIEW_FORMAT, Scanned, View, ViewMark
from etapa.stream.protocol.records import Applied


class ViewWorld(Protocol):
    """An empty store, and what a test needs in addition to the port."""

    async def open(self, partition: int = 0) -> View:
        """The view of a partition as another process sees it. Closed by the world."""

    async def lose_mark(self, partition: int = 0) -> None:
        """Remove only the partition's mark."""

    async def flush(self) -> None:
        """Remove everything."""


def mark(state_offset: int, *, through: int = 7, stream_time: int | None = 1_795_000_000_123_456, complete: bool = True) -> ViewMark:
    """A mark for these tests."""
    return ViewMark(state_offset, through, stream_time, "group", 12, VIEW_FORMAT, complete, {1: b"", 20: b"\x00\xff\"'"})


def customer(customer_id: str, stage: str = "new", due: int | None = None) -> Applied:
    """A customer for these tests, whose state names its stage."""
    return Applied(customer_id, stage, due, f"{customer_id} in {stage}".encode())


async def shown(view: View, *customer_ids: str) -> list[bytes | None]:
    """The states of customers."""
    return list((await view.load(customer_ids, None, 10)).states)


async def counted(view: View) -> dict[str, int]:
    """Customers by stage, without empty stages."""
    return {stage: count for stage, count in (await view.counts()).items() if count}


async def an_empty_view_has_no_mark_and_no_customers(world: ViewWorld) -> None:
    view = await world.open()
    assert await view.mark() is None
    loaded = await view.load(["a", "b"], 10, 10)
    assert (loaded.mark, list(loaded.states), list(loaded.due), loaded.more_due) == (None, [None, None], [], False)
    assert await counted(view) == {}


async def a_load_of_nobody_gives_the_mark(world: ViewWorld) -> None:
    view = await world.open()
    await view.apply(None, mark(3), [])
    loaded = await view.load([], None, 10)
    assert (loaded.mark, list(loaded.states)) == (mark(3), [])


async def what_was_applied_is_shown_with_its_mark(world: ViewWorld) -> None:
    view = await world.open()
    assert await view.apply(None, mark(5), [customer("a", "new"), customer("b", "gone", 9)]) == "applied"
    loaded = await view.load(["b", "nobody", "a"], None, 10)
    assert list(loaded.states) == [b"b in gone", None, b"a in new"]
    assert loaded.mark == mark(5) == await view.mark()


async def a_mark_comes_back_as_it_was_given(world: ViewWorld) -> None:
    view = await world.open()
    first = mark(0, through=-1, stream_time=None, complete=False)
    await view.apply(None, first, [])
    assert await view.mark() == first
    second = mark(2**40, through=2**41, stream_time=-62_135_596_800_000_000)
    await view.apply(0, second, [])
    assert await view.mark() == second
    assert (await view.load([], None, 1)).mark == second


async def another_process_sees_the_same(world: ViewWorld) -> None:
    await (await world.open()).apply(None, mark(5), [customer("a")])
    other = await world.open()
    assert await other.mark() == mark(5)
    assert await shown(other, "a") == [b"a in new"]


async def applying_again_changes_nothing(world: ViewWorld) -> None:
    view = await world.open()
    await view.apply(None, mark(5), [customer("a", "new")])
    assert await view.apply(None, mark(5), [customer("a", "gone"), customer("b")]) == "already"
    assert await shown(view, "a", "b") == [b"a in new", None]
    assert await counted(view) == {"new": 1}


async def an_apply_that_does_not_follow_is_refused(world: ViewWorld) -> None:
    view = await world.open()
    assert await view.apply(4, mark(6), [customer("a")]) == "refused"
    assert await view.mark() is None
    await view.apply(None, mark(5), [customer("a")])
    for follows in (4, 6, None):
        assert await view.apply(follows, mark(8), [customer("a", "gone")]) == "refused"
    assert await shown(view, "a") == [b"a in new"]
    assert await view.mark() == mark(5)
    assert await view.apply(5, mark(8), [customer("a", "gone")]) == "applied"
    assert await shown(view, "a") == [b"a in gone"]


async def the_first_apply_removes_what_was_left(world: ViewWorld) -> None:
    view = await world.open()
    await view.apply(None, mark(5), [customer("a", "new", 1), customer("b", "gone", 2)])
    await world.lose_mark()
    assert (await view.load(["a"], None, 10)).mark is None
    assert await view.apply(5, mark(6), []) == "refused"
    assert await view.apply(None, mark(3), [customer("c", "new", 4)]) == "applied"
    loaded = await view.load(["a", "b", "c"], 100, 10)
    assert list(loaded.states) == [None, None, b"c in new"]
    assert [due.customer_id for due in loaded.due] == ["c"]
    assert await counted(view) == {"new": 1}


async def a_flushed_view_follows_nothing(world: ViewWorld) -> None:
    view = await world.open()
    await view.apply(None, mark(5), [customer("a")])
    await world.flush()
    assert await view.mark() is None
    assert await view.apply(5, mark(6), [customer("a")]) == "refused"
    assert await view.apply(None, mark(6), [customer("a")]) == "applied"


async def counts_follow_customers_from_stage_to_stage(world: ViewWorld) -> None:
    view = await world.open()
    await view.apply(None, mark(1), [customer("a", "new"), customer("b", "new"), customer("c", "gone")])
    assert await counted(view) == {"new": 2, "gone": 1}
    await view.apply(1, mark(2), [customer("a", "gone"), customer("b", "new"), customer("d", "new")])
    assert await counted(view) == {"new": 2, "gone": 2}
    await view.apply(2, mark(3), [customer("b", "gone"), customer("d", "gone")])
    assert await counted(view) == {"gone": 4}


async def an_erased_customer_leaves_nothing(world: ViewWorld) -> None:
    view = await world.open()
    await view.apply(None, mark(1), [customer("a", "new", 5), customer("b", "new")])
    await view.apply(1, mark(2), [Applied("a", "", None, None), Applied("nobody", "", None, None)])
    loaded = await view.load(["a", "b"], 100, 10)
    assert list(loaded.states) == [None, b"b in new"]
    assert list(loaded.due) == []
    assert await counted(view) == {"new": 1}


async def due_timers_come_in_order_of_due_time_and_customer(world: ViewWorld) -> None:
    view = await world.open()
    await view.apply(
        None, mark(1), [customer("é", "new", 5), customer("b", "new", 5), customer("a", "new", 6), customer("z", "gone", 4), customer("n")]
    )
    due = (await view.load([], 6, 10)).due
    assert [(each.customer_id, each.due, each.state) for each in due] == [
        ("z", 4, b"z in gone"),
        ("b", 5, b"b in new"),
        ("é", 5, "é in new".encode()),
        ("a", 6, b"a in new"),
    ]


async def due_timers_come_without_states_where_these_are_not_asked_for(world: ViewWorld) -> None:
    view = await world.open()
    await view.apply(None, mark(1), [customer("a", "new", 5), customer("b", "new", 3), customer("c", "gone", 4)])
    loaded = await view.load(["a"], 9, 2, due_states=False)
    assert [(each.customer_id, each.due, each.state) for each in loaded.due] == [("b", 3, b""), ("c", 4, b"")]
    assert (list(loaded.states), loaded.mark, loaded.more_due) == ([b"a in new"], mark(1), True)


async def only_timers_due_by_then_are_given(world: ViewWorld) -> None:
    view = await world.open()
    at = 1_795_000_000_123_456
    await view.apply(None, mark(1), [customer("a", "new", at), customer("b", "new", at + 1), customer("c", "new", -at)])
    assert [each.customer_id for each in (await view.load([], at, 10)).due] == ["c", "a"]
    assert list((await view.load([], None, 10)).due) == []
    assert [each.due for each in (await view.load(["a"], at + 1, 10)).due] == [-at, at, at + 1]


async def due_timers_are_cut_at_the_limit_and_that_is_said(world: ViewWorld) -> None:
    view = await world.open()
    await view.apply(None, mark(1), [customer(f"c{number}", "new", 5) for number in range(4)])
    loaded = await view.load([], 9, 3)
    assert ([each.customer_id for each in loaded.due], loaded.more_due) == (["c0", "c1", "c2"], True)
    loaded = await view.load([], 9, 4)
    assert (len(loaded.due), loaded.more_due) == (4, False)


async def a_timer_moves_and_goes_with_its_customer(world: ViewWorld) -> None:
    view = await world.open()
    await view.apply(None, mark(1), [customer("a", "new", 5), customer("b", "new", 5)])
    await view.apply(1, mark(2), [customer("a", "new", 50), customer("b", "new", None)])
    assert list((await view.load([], 49, 10)).due) == []
    assert [each.customer_id for each in (await view.load([], 50, 10)).due] == ["a"]


async def what_is_said_to_be_shown_already_stays(world: ViewWorld) -> None:
    view = await world.open()
    await view.apply(None, mark(1), [customer("a", "new", 5), customer("b", "new", 6), customer("c", "new"), customer("d", "new", 7)])
    changed = [
        Applied("a", "new", 9, b"a later", moved=False),
        Applied("b", "gone", 6, b"b later", rescheduled=False),
        Applied("c", "new", None, b"c later", moved=False, rescheduled=False),
        Applied("d", "new", None, b"d later", moved=False),
    ]
    assert await view.apply(1, mark(2), changed) == "applied"
    assert await shown(view, "a", "b", "c", "d") == [b"a later", b"b later", b"c later", b"d later"]
    assert [(each.customer_id, each.due) for each in (await view.load([], 100, 10)).due] == [("b", 6), ("a", 9)]
    assert await counted(view) == {"new": 3, "gone": 1}
    await view.apply(2, mark(3), [customer("b", "new")])
    assert await counted(view) == {"new": 4}


async def partitions_do_not_mix(world: ViewWorld) -> None:
    first, second = await world.open(0), await world.open(1)
    await first.apply(None, mark(1), [customer("a", "new", 5)])
    assert await second.mark() is None
    assert await shown(second, "a") == [None]
    await second.apply(None, mark(9), [customer("a", "gone")])
    assert await shown(first, "a") == [b"a in new"]
    assert await counted(first) == {"new": 1}


async def ids_are_taken_as_they_are(world: ViewWorld) -> None:
    view = await world.open()
    ids = [" ", "{0}", "a:b", "*", "\x00", "\n", "🙂", "ñ" * 200, "-1", "nil"]
    await view.apply(None, mark(1), [customer(customer_id, "new", 5) for customer_id in ids])
    assert await shown(view, *ids) == [f"{customer_id} in new".encode() for customer_id in ids]
    assert sorted(each.customer_id for each in (await view.load([], 5, 100)).due) == sorted(ids)
    state = bytes(range(256))
    await view.apply(1, mark(2), [Applied("bytes", "new", None, state)])
    assert await shown(view, "bytes") == [state]


async def a_large_batch_is_one_step_too(world: ViewWorld) -> None:
    view = await world.open()
    many = [customer(f"c{number:05}", "new" if number % 3 else "gone", number) for number in range(20_000)]
    assert await view.apply(None, mark(1), many) == "applied"
    ids = [each.customer_id for each in many]
    loaded = await view.load(ids, 19_999, 20_000)
    assert list(loaded.states) == [each.state for each in many]
    assert [each.customer_id for each in loaded.due] == ids
    assert await counted(view) == {"new": 13_333, "gone": 6_667}


async def a_scan_comes_by_every_customer_and_ends(world: ViewWorld) -> None:
    view = await world.open()
    assert await view.scan(0, 10) == Scanned([], None, 0)
    many = {f"c{number:04}": customer(f"c{number:04}") for number in range(3_000)}
    await view.apply(None, mark(1), list(many.values()))
    seen: dict[str, bytes] = {}
    cursor: int | None = 0
    while cursor is not None:
        scanned = await view.scan(cursor, 500)
        assert scanned.customers == 3_000
        assert scanned.cursor != cursor
        seen |= dict(scanned.states)
        cursor = scanned.cursor
    assert seen == {customer_id: one.state for customer_id, one in many.items()}


async def a_scan_comes_by_addresses_which_are_no_customers(world: ViewWorld) -> None:
    view = await world.open()
    address = encode_forwarding(ForwardingAddress(2, 1))
    await view.apply(None, mark(1), [customer("a"), customer("b"), Applied("c", NO_STAGE, None, address)])
    scanned = await view.scan(0, 10)
    assert (scanned.customers, dict(scanned.states)["c"], len(dict(scanned.states))) == (2, address, 3)
    await view.apply(1, mark(2), [Applied("a", NO_STAGE, None, address)])
    assert (await view.scan(0, 10)).customers == 1


async def progress_is_noted_and_is_no_part_of_the_view(world: ViewWorld) -> None:
    view = await world.open()
    assert await view.reclassification() == (None, None)
    await view.apply(None, mark(1), [customer("a")])
    first = ReclassifyProgress(request="2-1", customers=9, looked_at=3, carried_over=2, moved=1, failed=0, done=False)
    await view.note(first)
    assert await (await world.open()).reclassification() == (None, first)
    last = msgspec.structs.replace(first, looked_at=9, done=True)
    await view.note(last)
    # A rebuilt view keeps it.
    await world.lose_mark()
    await view.apply(None, mark(2), [customer("a")])
    assert await view.reclassification() == (None, last)


async def pages_of_the_ledger_come_and_go_with_the_mark(world: ViewWorld) -> None:
    view = await world.open()
    assert await view.ledger() == (None, {})
    first: dict[bytes, bytes | None] = {b"moves 2026-11-21T10": b"\x00\xff1", b"stays 2026-11-21T10": b""}
    await view.apply(None, mark(1), [customer("a")], first)
    assert await view.ledger() == (mark(1), first)
    assert await view.apply(None, mark(5), [], {b"moves 2026-11-21T10": b"2"}) == "refused"
    assert await view.apply(1, mark(2), [], {b"moves 2026-11-21T10": b"2", b"stays 2026-11-21T10": None, b"never there": None}) == "applied"
    assert await (await world.open()).ledger() == (mark(2), {b"moves 2026-11-21T10": b"2"})
    assert await (await world.open(1)).ledger() == (None, {})
    many: dict[bytes, bytes | None] = {b"moves %d" % number: b"%d" % number for number in range(3_000)}
    await view.apply(2, mark(3), [], many)
    assert await view.ledger() == (mark(3), {b"moves 2026-11-21T10": b"2", **many})
    await world.lose_mark()
    await view.apply(None, mark(4), [])
    assert await view.ledger() == (mark(4), {})


async def people_with_several_ids_are_apart_from_the_ledger_and_come_and_go_with_the_mark(world: ViewWorld) -> None:
    view = await world.open()
    assert await view.linked(["ada"]) == (None, [None])
    entries: dict[bytes, bytes | None] = {b"linked ada": b"\x00\xff1", "linked zoë 2".encode(): b"2", b"moves 2026-11-21T10": b"3"}
    await view.apply(None, mark(1), [customer("a")], entries)
    assert await view.linked(["ada", "bob", "zoë 2"]) == (mark(1), [b"\x00\xff1", None, b"2"])
    many_ids = [f"nobody-{number}" for number in range(12_000)]
    assert await view.linked([*many_ids, "ada"]) == (mark(1), [None] * 12_000 + [b"\x00\xff1"])
    assert await view.ledger() == (mark(1), {b"moves 2026-11-21T10": b"3"})
    assert await (await world.open(1)).linked(["ada"]) == (None, [None])
    await view.apply(1, mark(2), [], {b"linked ada": None, b"linked never there": None})
    assert await view.linked(["ada"]) == (mark(2), [None])
    await world.lose_mark()
    await view.apply(None, mark(3), [])
    assert await view.linked(["zoë 2"]) == (mark(3), [None])


VIEW_CONTRACT: tuple[Callable[[ViewWorld], Awaitable[None]], ...] = (
    an_empty_view_has_no_mark_and_no_customers,
    a_load_of_nobody_gives_the_mark,
    what_was_applied_is_shown_with_its_mark,
    a_mark_comes_back_as_it_was_given,
    another_process_sees_the_same,
    applying_again_changes_nothing,
    an_apply_that_does_not_follow_is_refused,
    the_first_apply_removes_what_was_left,
    a_flushed_view_follows_nothing,
    counts_follow_customers_from_stage_to_stage,
    an_erased_customer_leaves_nothing,
    due_timers_come_in_order_of_due_time_and_customer,
    due_timers_come_without_states_where_these_are_not_asked_for,
    only_timers_due_by_then_are_given,
    due_timers_are_cut_at_the_limit_and_that_is_said,
    a_timer_moves_and_goes_with_its_customer,
    what_is_said_to_be_shown_already_stays,
    partitions_do_not_mix,
    ids_are_taken_as_they_are,
    a_large_batch_is_one_step_too,
    a_scan_comes_by_every_customer_and_ends,
    a_scan_comes_by_addresses_which_are_no_customers,
    progress_is_noted_and_is_no_part_of_the_view,
    pages_of_the_ledger_come_and_go_with_the_mark,
    people_with_several_ids_are_apart_from_the_ledger_and_come_and_go_with_the_mark,
)
