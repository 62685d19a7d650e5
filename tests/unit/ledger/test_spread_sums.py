"""What was counted by the hour is added to the sums of each place, by the quick and by the plain kind alike."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etapa.journey.ledger.plain_sums import PlainSums
from etapa.journey.ledger.quick_kind import quick_sums
from etapa.journey.ledger.sums import TableSums
from etapa.journey.ledger.tables import Figures, Key

KINDS: list[type[Any]] = [PlainSums] if quick_sums is None else [PlainSums, quick_sums]
WHERE = {0: 1, 1: 0, 2: 1}
"""The second hour goes to the first place, the others to the second."""
PART = 5
"""What is at the first place is in parts, and added to this one."""

names = st.none() | st.sampled_from(["a", "b", "web", "", "ñandú"])
keys = st.tuples(names, names, names, st.integers(0, 3) | st.just(1_023))
numbers = st.integers(-300, 2**40)
counted = st.lists(st.tuples(keys, st.tuples(numbers, numbers), st.integers(0, 2)), max_size=40)
Counted = list[tuple[Key, tuple[int, int], int]]


def by_key(sums: Any, *, in_parts: bool) -> dict[Key, Figures]:
    """The sums by key, from their rows: four columns, of which the last holds numbers, and two figures."""
    named, row_numbers = sums.rows()
    width = in_parts + 6
    found: dict[Key, Figures] = {}
    for start in range(0, len(row_numbers), width):
        row = row_numbers[start : start + width]
        columns = [None if number < 0 else named[number] for number in row[in_parts : in_parts + 3]]
        found[*row[:in_parts], *columns, row[in_parts + 3]] = row[-2:]
    assert len(found) * width == len(row_numbers)
    return found


def add_by_hand(sums: dict[Key, Figures], key: Key, figures: tuple[int, int]) -> None:
    there = sums.setdefault(key, [0, 0])
    there[:] = [one + other for one, other in zip(there, figures, strict=True)]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=200)
@given(counted, counted)
def test_the_figures_of_each_part_are_added_at_its_place(kind: type[Any], before: Counted, lately: Counted) -> None:
    sums, apart, whole = kind(4, 2, 1, True), kind(4, 2, 1, True), kind(4, 2, 1, False)
    by_hand: tuple[dict[Key, Figures], dict[Key, Figures]] = ({}, {})
    apart.turn(PART)
    for key, figures, _ in before:
        apart.add(key, figures)
        whole.add(key, figures)
        add_by_hand(by_hand[0], (PART, *key), figures)
        add_by_hand(by_hand[1], key, figures)
    for key, figures, part in lately:
        sums.turn(part)
        sums.add(key, figures)
        place = WHERE[part]
        add_by_hand(by_hand[place], key if place else (PART, *key), figures)

    rows = sums.rows_by_place(WHERE, 2)
    assert rows[0] >= len({key for key, _, part in lately if WHERE[part] == 0})
    assert rows[1] >= len({(part, key) for key, _, part in lately if WHERE[part] == 1})
    expected = sums.rows()
    sums.spread(WHERE, [(apart, PART), (whole, None)])
    sums.spread(WHERE, [None, None])
    assert (by_key(apart, in_parts=True), by_key(whole, in_parts=False)) == by_hand
    assert sums.rows() == expected


def test_sums_that_are_too_large_for_the_quick_kind_are_spread_as_well() -> None:
    batch = TableSums("feeling", in_parts=True)
    for hour in (0, 1):
        batch.turn(hour)
        for _ in range(5):
            batch.add((None, "a"), (1, 2**61, -(2**61)))
    large, small = TableSums("feeling"), TableSums("feeling")
    large.add((None, "a"), (0, 2**70, 0))
    assert batch.spread({0: 0, 1: 0}, [(large, None)])
    assert large.cells() == {(None, "a"): [10, 10 * 2**61 + 2**70, -10 * 2**61]}
    # Sums of both kinds are put together otherwise.
    assert batch.spread({0: 0, 1: 0}, [(small, None)]) == (quick_sums is None)


def test_the_cells_of_sums_are_lists_of_their_own() -> None:
    sums = TableSums("feeling")
    sums.add((None, "a"), (1, 2, 4))
    before = sums.cells()
    sums.add((None, "a"), (1, 2, 4))
    assert (before, sums.cells()) == ({(None, "a"): [1, 2, 4]}, {(None, "a"): [2, 4, 8]})
