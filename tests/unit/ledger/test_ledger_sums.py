"""TableSums: the quick and the plain kind hold the same, and what is too large for the quick kind is not lost."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etapa.journey.ledger.plain_sums import PlainSums
from etapa.journey.ledger.quick_kind import quick_sums
from etapa.journey.ledger.sums import FlatSums, TableSums
from etapa.journey.ledger.tables import Figures, Key, Segment, add_figures

LARGEST = 2**62
MANY = settings(max_examples=300)

quick_only = pytest.mark.skipif(quick_sums is None, reason="there is no quick kind where it is not compiled")
names = st.none() | st.sampled_from(["a", "b", "web", "", "ñandú", "客"]) | st.text(max_size=2)
numbers = st.integers(-40, 40) | st.sampled_from(
    [127, 128, 255, 256, 65_535, 65_536, -128, -129, -32_768, -32_769, 2**31, 2**32, -(2**31) - 1]
)
sizes = numbers | st.integers(-(2**61), 2**61) | st.integers(LARGEST - 2, LARGEST + 2) | st.integers(-(2**70), 2**70)
keys = st.tuples(names, names, names, st.integers(0, 40) | st.sampled_from([255, 256, 1_023, 65_535]))
parts = st.integers(0, 2)


def both_of(keys: int, figures: int, numbered: int, *, in_parts: bool = False) -> tuple[PlainSums, Any]:
    assert quick_sums is not None
    return PlainSums(keys, figures, numbered, in_parts), quick_sums(keys, figures, numbered, in_parts)


counted = st.lists(st.tuples(keys, st.tuples(numbers, numbers), parts), max_size=60)


@quick_only
@MANY
@given(counted, counted)
def test_quick_sums_are_the_plain_ones(
    first: list[tuple[Key, tuple[int, int], int]], second: list[tuple[Key, tuple[int, int], int]]
) -> None:
    (plain, quick), (more_plain, more_quick) = both_of(4, 2, 1), both_of(4, 2, 1)
    by_part = both_of(4, 2, 1, in_parts=True)
    for key, figures, part in first:
        for each in by_part:
            each.turn(part)
            each.add(copied(key), figures)
        for each in (plain, quick):
            each.add(copied(key), figures)
    for key, figures, _ in second:
        more_plain.add(key, figures)
        more_quick.add(key, figures)
    in_parts = both_of(4, 2, 1, in_parts=True)
    for part in (7, -3, 7):
        in_parts[0].add_all(plain, part)
        in_parts[1].add_all(quick, part)
    elsewhere, whole = both_of(4, 2, 1, in_parts=True), both_of(4, 2, 1)
    for place, (own, other) in enumerate(((plain, more_plain), (quick, more_quick))):
        own.add_all(other, None)
        elsewhere[place].add_all(in_parts[place], 11)
        whole[place].add_all(by_part[place], None)
    for one, other, has_parts in ((plain, quick, False), (*in_parts, True), (*elsewhere, True), (*whole, False), (*by_part, True)):
        assert one.rows() == other.rows()
        assert len(one) == len(other)
        assert one.all_names() == other.all_names()
        assert [one.names(column) for column in range(3)] == [other.names(column) for column in range(3)]
        assert other.packed() == msgspec.msgpack.encode(list(one.rows()))
        for again in (*both_of(4, 2, 1, in_parts=has_parts), other.empty()):
            again.load(*other.rows())
            assert again.rows() == other.rows()


@MANY
@given(counted, st.permutations(range(3)), st.booleans())
def test_each_part_is_added_at_its_place(first: list[tuple[Key, tuple[int, int], int]], order: list[int], one_is_large: bool) -> None:
    """To a whole, to a part of others, or to another part of the same."""
    batch, apart = TableSums("stays", in_parts=True), [TableSums("stays") for _ in range(3)]
    for key, figures, part in first:
        count = 2**70 if one_is_large and part == 1 else abs(figures[0])
        batch.turn(part)
        batch.add(key, (count,))
        apart[order[part]].add(key, (count,))
    where = dict(enumerate(order))
    rows = batch.rows_by_place(where, 3)
    assert all(len(each) <= at_most for each, at_most in zip(apart, rows, strict=True))
    assert sum(rows) <= len(first)
    whole, in_parts = TableSums("stays"), TableSums("stays", in_parts=True)
    places: list[tuple[TableSums, int | None]] = [(whole, None), (in_parts, 5), (in_parts, 4)]
    if not batch.spread(where, places):
        assert one_is_large or quick_sums is None
        assert len(whole) == len(in_parts) == 0
        assert {place: sums.cells() for place, sums in batch.by_place(where).items()} == {
            place: sums.cells() for place, sums in enumerate(apart) if len(sums)
        }
    else:
        assert whole.cells() == apart[0].cells()
        assert in_parts.cells() == {(part, *key): figures for at, part in ((1, 5), (2, 4)) for key, figures in apart[at].cells().items()}


@quick_only
@MANY
@given(counted, st.booleans())
def test_columns_are_packed_as_their_rows_in_order(first: list[tuple[Key, tuple[int, int], int]], are_in_parts: bool) -> None:
    _, quick = both_of(4, 2, 1, in_parts=are_in_parts)
    for key, figures, part in first:
        if are_in_parts:
            quick.turn(part)
        quick.add(key, figures)
    names, numbers = quick.rows()
    width = are_in_parts + 6
    rows = [numbers[start : start + width] for start in range(0, len(numbers), width)]
    if are_in_parts:
        rows = [[*row[1:5], row[0], *row[5:]] for row in rows]
    columns = [list(column) for column in zip(*sorted(rows), strict=True)]
    columns[: width - 2] = [[number - before for before, number in pairwise((0, *column))] for column in columns[: width - 2]]
    assert quick.packed_columns() == msgspec.msgpack.encode([names, columns])


@quick_only
@given(st.lists(st.tuples(names, st.sampled_from(["new", "buyer"]), st.text(max_size=1), names), max_size=60))
def test_touchpoints_are_counted_alike(touched: list[tuple[str | None, str, str, str | None]]) -> None:
    plain, quick = both_of(4, 1, 0)
    for persona, stage, kind, channel in touched:
        for each in (plain, quick):
            each.touch(Segment(persona, stage), kind, channel)
    assert plain.rows() == quick.rows()


@quick_only
@pytest.mark.parametrize("different", [9, 3_000, 20_000])
def test_what_was_counted_long_before_is_put_together_with_what_comes_again(different: int) -> None:
    plain, quick = both_of(4, 2, 1, in_parts=True)
    whole, quick_whole = both_of(4, 2, 1)
    for number in range(3 * different):
        key = (None, "a", ("b", "c")[number % 2], number % different // 3)
        for each in (plain, quick):
            each.turn(number % 3)
            each.add(key, (1, -number))
        if number == different:
            assert len(plain) == len(quick)
    assert quick.has_any()
    for sums, of in ((whole, plain), (quick_whole, quick)):
        sums.add_all(of, None)
    if different < 20_000:
        apart = quick.empty(), both_of(4, 2, 1)[1]
        quick.spread({0: 0, 1: 1, 2: 1}, [(apart[0], 5), (apart[1], None)])
        assert sum(apart[0].rows()[1][5::7]) + sum(apart[1].rows()[1][4::6]) == 3 * different
        assert len(apart[0]) + len(apart[1]) <= sum(quick.rows_by_place({0: 0, 1: 1, 2: 1}, 2))
    assert plain.rows() == quick.rows()
    assert whole.rows() == quick_whole.rows()


def test_a_sum_that_gets_too_large_between_others_stays_right() -> None:
    counted = TableSums("stays", in_parts=True)
    for _ in range(6):
        counted.add((None, "a", "b", 0), (2**61,))
        for number in range(1, 3_000):
            counted.add((None, "a", "b", number), (1,))
    assert counted.cells()[0, None, "a", "b", 0] == [6 * 2**61]


@quick_only
def test_a_name_at_the_address_of_a_former_one_is_not_taken_for_it() -> None:
    plain, quick = both_of(4, 1, 0)
    segment = Segment(None, "a")
    for number in range(2_000):
        for each in (plain, quick):
            # Freed at once, so that the next has its place.
            each.touch(segment, "".join(["type ", str(number % 30)]), None)
    assert plain.rows() == quick.rows()


@MANY
@given(st.lists(st.tuples(names, st.tuples(sizes, sizes, sizes), st.booleans()), max_size=12))
def test_however_large_figures_get_no_sum_is_wrong(counted: list[tuple[str | None, tuple[int, int, int], bool]]) -> None:
    one, other, expected = TableSums("feeling"), TableSums("feeling"), dict[Key, Figures]()
    for persona, figures, is_first in counted:
        (one if is_first else other).add((persona, "a"), figures)
        add_figures(expected.setdefault((persona, "a"), [0, 0, 0]), figures)
    before = dict(other.cells())
    one.add_all(other)
    assert one.cells() == expected
    assert other.cells() == before
    again = TableSums("feeling")
    again.load(one.flat())
    assert again.cells() == expected
    packed = one.packed()
    assert packed is None or FlatSums(*msgspec.msgpack.decode(packed)) == one.flat()


def test_a_sum_that_gets_too_large_bit_by_bit_stays_right() -> None:
    total = TableSums("feeling")
    for _ in range(9):
        total.add((None, "a"), (1, 2**60, -(2**60)))
    assert total.cells() == {(None, "a"): [9, 9 * 2**60, -9 * 2**60]}


def test_parts_that_are_too_large_only_together_are_put_together_right() -> None:
    hour, day, whole = TableSums("feeling"), TableSums("feeling", in_parts=True), TableSums("feeling")
    hour.add((None, "a"), (1, 2**61, -(2**61)))
    for part in range(5):
        day.add_all(hour, part)
    whole.add_all(day)
    assert whole.cells() == {(None, "a"): [5, 5 * 2**61, -5 * 2**61]}


@quick_only
def test_figures_that_cancel_out_stay_quick() -> None:
    total = TableSums("feeling")
    for number in range(40):
        total.add((None, "a"), (1, 2**60 * (-1) ** number, 0))
    assert total.packed() is not None
    assert total.cells() == {(None, "a"): [40, 0, 0]}


@pytest.mark.parametrize(
    ("flat", "words"),
    [
        (FlatSums(["a"], [0, 0]), "2 numbers, which is not a multiple of 5"),
        (FlatSums(["a"], [0, 0, 1, 0, 1]), "1 names, but uses name number 1"),
        (FlatSums(["a"], [0, 0, -2, 0, 1]), "1 names, but uses name number -2"),
    ],
)
def test_lists_that_fit_no_table_are_refused_by_both_kinds(flat: FlatSums, words: str) -> None:
    for sums in (TableSums("touchpoints"), PlainSums(4, 1, 0, False)):
        with pytest.raises(ValueError, match=words):
            sums.load(flat) if isinstance(sums, TableSums) else sums.load(*flat)


WRONG: Sequence[tuple[str, tuple[Any, ...]]] = [
    ("touch", ()),
    ("touch", (("a", "b"), "c", 1)),
    ("touch", (["a", "b"], "c", None)),
    ("touch", (("a", "b", "c"), "c", None)),
    ("add", (("a", "b", "c"), (1,))),
    ("add", (("a", "b", "c", "d"), [1])),
    ("add", (("a", "b", "c", 4), (1,))),
    ("add", (("a", "b", "c", "d"), ("1",))),
    ("add", (("a", "b", "c", "d"), (1.0,))),
    ("offered", ("a", "b", "c")),
    ("add_all", (None, None)),
    ("turn", (1,)),
    ("moved", (None, None, "a", "b", "c", None, 1, 1)),
    ("moved", (None, None, "a", "b", "c", None, 1, 1, None, "ways", ())),
    ("spread", ({}, [])),
    ("rows_by_place", ([], 1)),
    ("load", (["a"], (0,))),
    ("load", ([1], [0, 0, 0, 0, 1])),
    ("load", (["a"], [0, 0, 0, 0, 1.5])),
]


@quick_only
@pytest.mark.parametrize(("called", "arguments"), WRONG)
def test_what_is_no_key_or_figure_is_refused_and_changes_nothing(called: str, arguments: tuple[Any, ...]) -> None:
    _, quick = both_of(4, 1, 0)
    quick.touch(("a", "b"), "c", None)
    with pytest.raises(TypeError):
        getattr(quick, called)(*arguments)
    assert quick.rows() == (["a", "b", "c"], [0, 1, 2, -1, 1])


@quick_only
def test_sums_with_other_columns_are_refused() -> None:
    assert quick_sums is not None
    quick, batch = quick_sums(4, 1, 0, False), quick_sums(4, 1, 0, True)
    for other in (quick_sums(3, 1, 0, False), quick_sums(4, 2, 0, False), quick_sums(4, 1, 1, False), quick):
        with pytest.raises(TypeError):
            quick.add_all(other, None)
    for place in ((quick_sums(3, 1, 0, False), None), (batch, 1), (quick, 1), (quick_sums(4, 1, 0, True), None), [quick, None], (quick,)):
        with pytest.raises(TypeError):
            batch.spread({0: 0}, [place])
    for columns in ((0, 1, 0, False), (7, 1, 0, False), (4, 0, 0, False), (4, 9, 0, False), (4, 1, 2, False)):
        with pytest.raises(ValueError, match="one to six columns"):
            quick_sums(*columns)


@quick_only
def test_numbers_of_places_that_do_not_exist_are_refused() -> None:
    assert quick_sums is not None
    batch, whole = quick_sums(4, 1, 0, True), quick_sums(4, 1, 0, False)
    batch.touch(("a", "b"), "c", None)
    for number in (-1, 2):
        for called, told in ((batch.spread, [(whole, None)]), (batch.rows_by_place, 1)):
            with pytest.raises(ValueError, match="no such place"):
                called({0: number}, told)
    assert (len(whole), batch.rows_by_place({}, 1)) == (0, [0])


@quick_only
@MANY
@given(
    st.lists(
        st.tuples(st.tuples(names, names, names, names, names), st.none() | st.integers(-5, 2**40) | st.integers(0, 2**61), st.booleans()),
        max_size=60,
    )
)
def test_moves_and_stays_are_counted_alike(moves: list[tuple[Key, int | None, bool]]) -> None:
    (plain, quick), (plain_stays, quick_stays), (plain_ways, quick_ways) = both_of(5, 3, 0), both_of(4, 1, 1), both_of(3, 6, 0)
    for key, stay, first in moves:
        plain.moved(plain_stays, *key, stay, int(first), plain_ways, "ways", ())
        try:
            quick.moved(quick_stays, *copied(key), stay, int(first), quick_ways, "ways", ())
        except OverflowError:
            assert sum(abs(each or 0) + 1 for _, each, _ in moves) > LARGEST
            return
    assert plain.rows() == quick.rows()
    assert plain_stays.rows() == quick_stays.rows()


def test_what_does_not_fit_into_a_key_is_counted_all_the_same() -> None:
    stays = TableSums("stays", in_parts=True)
    stays.turn(3)
    stays.add((None, "a", "b", 65_535), (1,))
    stays.add((None, "a", "b", 65_536), (1,))
    stays.turn(2**40)
    stays.add((None, "a", "b", -1), (1,))
    expected = {(3, None, "a", "b", 65_535): [1], (3, None, "a", "b", 65_536): [1], (2**40, None, "a", "b", -1): [1]}
    assert stays.cells() == expected
    touched = TableSums("touchpoints", in_parts=True)
    touched.turn(-5)
    for number in range(65_540):
        touched.add((None, "a", f"type {number}", None), (1,))
    assert len(touched) == 65_540
    assert touched.cells()[-5, None, "a", "type 65539", None] == [1]


def copied(key: Key) -> Key:
    """The same with other objects for its names."""
    return tuple([part and "".join(list(part)) if isinstance(part, str) else part for part in key])
