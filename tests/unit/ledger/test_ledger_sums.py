"""TableSums: the quick and the plain kind hold the same, and what is too large for the quick kind is not lost."""

from collections.abc import Sequence
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
keys = st.tuples(names, names, names, numbers)


def both_of(*columns: int) -> tuple[PlainSums, Any]:
    assert quick_sums is not None
    return PlainSums(*columns), quick_sums(*columns)


@quick_only
@MANY
@given(
    st.lists(st.tuples(keys, st.tuples(numbers, numbers)), max_size=60), st.lists(st.tuples(keys, st.tuples(numbers, numbers)), max_size=60)
)
def test_quick_sums_are_the_plain_ones(first: list[tuple[Key, tuple[int, int]]], second: list[tuple[Key, tuple[int, int]]]) -> None:
    (plain, quick), (more_plain, more_quick) = both_of(4, 2, 8), both_of(4, 2, 8)
    for number, (key, figures) in enumerate(first):
        for each in (plain, quick):
            if number % 2:
                each.add(copied(key), figures)
            else:
                each.count(*copied(key), *figures)
    for key, figures in second:
        more_plain.add(key, figures)
        more_quick.add(key, figures)
    in_parts = both_of(5, 2, 17)
    for part in (7, 3, 7):
        in_parts[0].add_all(plain, 0, part)
        in_parts[1].add_all(quick, 0, part)
    elsewhere, whole = both_of(5, 2, 17), both_of(4, 2, 8)
    for place, (own, other) in enumerate(((plain, more_plain), (quick, more_quick))):
        own.add_all(other, 0, None)
        elsewhere[place].add_all(in_parts[place], 1, 11)
        whole[place].add_all(in_parts[place], 1, None)
    for one, other in ((plain, quick), in_parts, elsewhere, whole):
        assert one.rows() == other.rows()
        assert len(one) == len(other)
        assert other.packed() == msgspec.msgpack.encode(list(one.rows()))
        again = other.empty()
        again.load(*other.rows())
        assert again.rows() == other.rows()


@quick_only
@given(st.lists(st.tuples(names, st.sampled_from(["new", "buyer"]), st.text(max_size=1), names), max_size=60))
def test_touchpoints_are_counted_alike(touched: list[tuple[str | None, str, str, str | None]]) -> None:
    plain, quick = both_of(4, 1, 0)
    for persona, stage, kind, channel in touched:
        for each in (plain, quick):
            each.touch(Segment(persona, stage), kind, channel)
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
    for sums in (TableSums("touchpoints"), PlainSums(4, 1, 0)):
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
    ("count", ("a", "b", "c", "d")),
    ("count", ("a", "b", b"c", "d", 1)),
    ("add_all", (None, 0, None)),
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
    quick = quick_sums(4, 1, 0)
    for other in (quick_sums(3, 1, 0), quick_sums(4, 2, 0), quick_sums(4, 1, 1), quick):
        with pytest.raises(TypeError):
            quick.add_all(other, 0, None)
    for columns in ((0, 1, 0), (9, 1, 0), (4, 0, 0), (4, 9, 0)):
        with pytest.raises(ValueError, match="one to eight columns"):
            quick_sums(*columns)


def copied(key: Key) -> Key:
    """The same with other objects for its names."""
    return tuple([part and "".join(list(part)) if isinstance(part, str) else part for part in key])
