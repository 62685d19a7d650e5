"""Touchpoints and offers that are noted and counted later: whatever is asked in between, the sums are those of the plain kind."""

import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etapa.journey.ledger.plain_sums import PlainSums
from etapa.journey.ledger.quick_kind import quick_sums
from etapa.journey.ledger.sums import TableSums
from etapa.journey.ledger.tables import Segment
from etapa.journey.ledger.tally import BatchTally
from etapa.journey.units import HOUR

quick_only = pytest.mark.skipif(quick_sums is None, reason="nothing is noted where it is not compiled")

WHERE = {0: 0, 1: 1, 2: 1, 5: 0}


def _two(keys: int, *, in_parts: bool = True) -> tuple[Any, Any]:
    assert quick_sums is not None
    return PlainSums(keys, 1, 0, in_parts), quick_sums(keys, 1, 0, in_parts)


def _filled(keys: int) -> tuple[Any, Any]:
    """Both kinds with as many rows as it takes for the quick one to note what comes."""
    both = _two(keys)
    for sums in both:
        for number in range(9):
            sums.add(("x", "y", "z", str(number))[-keys:], (1,))
    return both


def _added_to_others(sums: Any) -> Any:
    others = _two(4, in_parts=False)[not isinstance(sums, PlainSums)]
    others.add_all(sums, None)
    return others.rows()


def _spread_out(sums: Any) -> Any:
    apart = [_two(4, in_parts=False)[not isinstance(sums, PlainSums)] for _ in range(2)]
    sums.spread(WHERE, [(apart[0], None), (apart[1], None)])
    return [each.rows() for each in apart]


def _others_are_added(sums: Any) -> None:
    others = _two(4, in_parts=False)[not isinstance(sums, PlainSums)]
    others.add((None, "new", "visit", "only there"), (3,))
    sums.add_all(others, 5)


def _others_are_spread_into_it(sums: Any) -> None:
    others = _two(4)[not isinstance(sums, PlainSums)]
    others.add((None, "new", "visit", "only there, too"), (3,))
    others.spread({0: 0}, [(sums, 5)])


def _added_in_another_part(sums: Any) -> None:
    sums.turn(1)
    sums.add((None, "new", "visit", "added"), (2,))


def _packed(sums: Any) -> Any:
    return msgspec.msgpack.encode(list(sums.rows())) if isinstance(sums, PlainSums) else sums.packed()


def _packed_columns(sums: Any) -> Any:
    names, numbers = sums.rows() if isinstance(sums, PlainSums) else (None, None)
    if names is None or numbers is None:
        return sums.packed_columns()
    rows = sorted([*row[1:5], row[0], row[5]] for row in (numbers[start : start + 6] for start in range(0, len(numbers), 6)))
    columns = [list(column) for column in zip(*rows, strict=True)]
    return msgspec.msgpack.encode(
        [names, [[number - before for before, number in zip((0, *column), column, strict=False)] for column in columns[:5]] + [columns[5]]]
    )


ASKED: list[Callable[[Any], Any]] = [
    len,
    lambda sums: sums.has_any(),
    lambda sums: sums.rows(),
    lambda sums: sums.all_names(),
    lambda sums: [sums.names(column) for column in range(4)],
    lambda sums: sums.load(["new", "a loaded one"], [1, -1, 0, 1, -1, 4]),
    _added_in_another_part,
    _packed,
    _packed_columns,
    _added_to_others,
    _spread_out,
    _others_are_added,
    _others_are_spread_into_it,
]

touches = st.tuples(
    st.sampled_from([0, 1, 2]),
    st.builds(Segment, st.none() | st.sampled_from(["student"]), st.sampled_from(["new", "buyer"])),
    st.sampled_from(["visit", "buy"]) | st.text(max_size=2),
    st.none() | st.sampled_from(["web", "shop"]),
    st.sampled_from([1, 1, 1, 2, 700]),
)
steps = st.lists(st.lists(touches, max_size=8) | st.sampled_from(range(len(ASKED))), max_size=12)


@quick_only
@settings(max_examples=200)
@given(steps)
def test_whatever_is_asked_while_touchpoints_are_noted_is_answered_alike(
    taken: list[list[tuple[int, Segment, str, str | None, int]] | int],
) -> None:
    plain, quick = _filled(4)
    for step in taken:
        if isinstance(step, int):
            assert ASKED[step](plain) == ASKED[step](quick)
        else:
            for part, segment, kind, channel, times in step:
                for sums in (plain, quick):
                    sums.turn(part)
                    for _ in range(times):
                        sums.touch(segment, kind, channel)
    assert plain.rows() == quick.rows()


@quick_only
@given(
    st.lists(st.tuples(st.integers(0, 2), st.none() | st.text(max_size=1), st.sampled_from(["a", "b"]), st.integers(1, 600)), max_size=12)
)
def test_offers_are_counted_alike(offers: list[tuple[int, str | None, str, int]]) -> None:
    plain, quick = _filled(3)
    for part, persona, outcome, times in offers:
        for sums in (plain, quick):
            sums.turn(part)
            for _ in range(times):
                sums.offered(persona, "welcome", outcome)
    assert plain.rows() == quick.rows()


@quick_only
def test_rows_of_each_place_include_what_is_noted() -> None:
    plain, quick = _filled(4)
    for sums in (plain, quick):
        sums.turn(2)
        sums.touch(Segment(None, "new"), "visit", None)
    assert plain.rows_by_place(WHERE, 2) == quick.rows_by_place(WHERE, 2) == [9, 1]


def test_more_names_than_fit_are_counted_all_the_same() -> None:
    tally = BatchTally()
    for number in range(66_000):
        tally.touched(HOUR, None, "new", f"type {number}", None)
        tally.offered(HOUR, None, f"campaign {number}", "sent")
    cells = {counted.table: counted.cells() for counted in tally.tables()}
    assert {table: (len(found), sum(count for (count,) in found.values())) for table, found in cells.items()} == {
        "touchpoints": (66_000, 66_000),
        "campaigns": (66_000, 66_000),
    }
    assert list(cells["touchpoints"])[-1] == (1, None, "new", "type 65999", None)


def test_a_count_that_gets_too_large_while_noting_stays_right() -> None:
    touched, offered = TableSums("touchpoints"), TableSums("campaigns")
    for number in range(9):
        touched.add((None, "a", "b", str(number)), (1,))
        offered.add((None, "a", str(number)), (1,))
    touched.add((None, "a", "b", "3"), (2**62 - 1_501,))
    offered.add((None, "a", "3"), (2**62 - 1_501,))
    touch = touched.touch
    for _ in range(2_000):
        try:
            touch(Segment(None, "a"), "b", "3")
        except OverflowError:
            touched.add((None, "a", "b", "3"), (1,))
            touch = touched.touch
        offered.offered(None, "a", "3")
    assert touched.cells()[None, "a", "b", "3"] == offered.cells()[None, "a", "3"] == [2**62 + 500]
    assert (touched.packed(), offered.packed()) == (None, None)


@quick_only
@pytest.mark.parametrize("times", [1, 1_023, 1_024, 5_000])
def test_names_are_let_go_with_the_sums(times: int) -> None:
    segment, kind, channel = Segment("a persona of its own", "a stage of its own"), "a type of its own", "a channel of its own"
    before = [sys.getrefcount(each) for each in (segment, kind, channel, *segment)]
    for are_read in (False, True):
        _, quick = _filled(4)
        for _ in range(times):
            quick.touch(segment, kind, channel)
        if are_read:
            assert quick.rows()[1][-1] == times
        del quick
    assert [sys.getrefcount(each) for each in (segment, kind, channel, *segment)] == before


@quick_only
def test_a_segment_of_something_else_than_names_is_refused_at_the_latest_when_it_is_counted() -> None:
    plain, quick = _filled(4)
    quick.touch(("a", 1), "b", None)
    with pytest.raises(TypeError, match="neither text nor none"):
        quick.rows()
    assert quick.rows()[1] == plain.rows()[1]
