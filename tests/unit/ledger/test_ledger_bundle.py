"""Bundles: the pages that are stored together, and their stored form."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etapa.contracts.rfc3339 import parse_time
from etapa.journey.ledger.bundle import Bundle, FlatBundle, bundle_of
from etapa.journey.ledger.periods import KeptPeriods
from etapa.journey.ledger.sums import FlatSums
from etapa.journey.ledger.tables import MOST_CELLS, MOST_NAMES, Figures, Key, Table, add_figures
from tests.support.counted_sums import sums_of

DAY = "2026-11-21"


def by_hours() -> Bundle:
    bundle = Bundle("stays", DAY)
    add(bundle, f"{DAY}T22", {("student", "a", "b", 7): [1], (None, "a", "b", 0): [2]})
    add(bundle, f"{DAY}T03", {(None, "b", "a", 7): [4]})
    return bundle


def test_hours_of_a_day_share_their_names() -> None:
    flat = by_hours().flat()
    assert flat == FlatBundle(
        in_parts=True, sums=FlatSums(["student", "a", "b"], [22, 0, 1, 2, 7, 1, 22, -1, 1, 2, 0, 2, 3, -1, 2, 1, 7, 4])
    )
    again = bundle_of("stays", DAY, flat)
    assert {period: page.cells() for period, page in again.pages().items()} == {
        period: page.cells() for period, page in by_hours().pages().items()
    }
    assert len(again) == 3


def test_a_day_is_folded_in_place() -> None:
    bundle = by_hours()
    add(bundle, f"{DAY}T04", {(None, "b", "a", 7): [5]})
    bundle.fold()
    assert {period: page.cells() for period, page in bundle.pages().items()} == {
        DAY: {("student", "a", "b", 7): [1], (None, "a", "b", 0): [2], (None, "b", "a", 7): [9]}
    }
    assert not bundle.flat().in_parts


@pytest.mark.parametrize(
    ("in_parts", "numbers", "words"),
    [
        (False, [0, 0], "2 numbers, which is not a multiple of 5"),
        (True, [0, 0, 0, 0, 0], "5 numbers, which is not a multiple of 6"),
        (False, [0, 0, 1, 0, 1], "1 names, but uses name number 1"),
        (False, [0, 0, -2, 0, 1], "1 names, but uses name number -2"),
        (True, [24, 0, 0, 0, 0, 1], "no hour 24"),
        (True, [-1, 0, 0, 0, 0, 1], "no hour -1"),
    ],
)
def test_lists_that_fit_no_table_are_refused(in_parts: bool, numbers: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        bundle_of("touchpoints", DAY, FlatBundle(in_parts, FlatSums(["a"], numbers)))


@pytest.mark.parametrize(
    ("period", "record", "moved"),
    [
        ("2026-11-21T10", "2026-11-21T10", None),
        ("2026-11-21T06", "2026-11-21T06", None),
        ("2026-11-21T05", "2026-11-21", "2026-11-21"),
        ("2026-11-20T23", "2026-11-20", "2026-11-20"),
        ("2026-11-07T00", "2026-11-07", "2026-11-07"),
        ("2026-11-06", "2026-11", "2026-11"),
        ("2026-10-31", "2026-10", "2026-10"),
        ("2024-09-01", "2024-09", "2024-09"),
        ("2024-08", "2024-08", None),
    ],
)
def test_the_last_hours_have_records_of_their_own(period: str, record: str, moved: str | None) -> None:
    kept = KeptPeriods(parse_time("2026-11-21T17:59:59Z"))
    assert (kept.record_of(period), kept.outgrown_record(period)) == (record, moved)
    assert kept.outgrown_record("2024-08-31") == "2024-08"
    assert kept.outgrown_record("2024-08-31T10") == "2024-08"
    assert kept.outgrown_record("2026-11-06T10") == "2026-11"
    assert kept.outgrown_record("2026-11-07T10") == "2026-11-07"
    assert [kept.is_in_parts(record) for record in ("2026-11-07", "2026-11-21T10")] == [True, False]
    assert [kept.is_in_parts(month) for month in ("2026-11", "2024-09", "2024-08")] == [True, True, False]


@pytest.mark.parametrize("number", [0, 31, -1])
def test_a_month_has_only_the_days_of_the_calendar(number: int) -> None:
    with pytest.raises(ValueError, match=f"no day {number} in 2026-11"):
        bundle_of("touchpoints", "2026-11", FlatBundle(True, FlatSums(["a"], [number, 0, 0, 0, 0, 1])))


def test_days_of_a_month_share_a_record_and_take_in_hours_of_theirs() -> None:
    month = Bundle("stays", "2026-11")
    month.take(by_hours(), in_parts=True)
    add(month, "2026-11-30", {(None, "b", "a", 7): [5]})
    again = bundle_of("stays", "2026-11", month.flat())
    assert {period: page.cells() for period, page in again.pages().items()} == {
        "2026-11-21": {("student", "a", "b", 7): [1], (None, "a", "b", 0): [2], (None, "b", "a", 7): [4]},
        "2026-11-30": {(None, "b", "a", 7): [5]},
    }
    again.fold()
    assert not again.flat().in_parts
    assert again.pages()["2026-11"].cells()[None, "b", "a", 7] == [9]


@pytest.mark.parametrize("is_read_again", [False, True])
def test_a_whole_period_keeps_no_names_that_it_counts_as_other(is_read_again: bool) -> None:
    month = Bundle("touchpoints", "2026-11")
    for day in range(1, 6):
        add(month, f"2026-11-{day:02}", {(None, "a", f"type {day} {number}", "web"): [1] for number in range(MOST_NAMES)})
    assert len(month.flat().sums.names) == 5 * MOST_NAMES + 2
    if is_read_again:
        month = stored(month)
    month.fold()
    cells, names = month.pages()["2026-11"].cells(), month.flat().sums.names
    assert cells[None, "a", "other", "web"] == [4 * MOST_NAMES]
    assert sorted(names) == sorted({name for key in cells for name in key if isinstance(name, str)})
    assert len(names) == MOST_NAMES + 3


def test_a_name_that_is_stored_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="a name twice"):
        bundle_of("touchpoints", DAY, FlatBundle(False, FlatSums(["a", "a"], [-1, 0, 1, -1, 1])))


def test_a_page_that_was_read_counts_on_where_it_was() -> None:
    again = bundle_of("stays", DAY, by_hours().flat())
    add(again, f"{DAY}T22", {(None, "a", "b", 0): [3], (None, "a", "c", 0): [1]})
    assert again.pages()[f"{DAY}T22"].cells() == {("student", "a", "b", 7): [1], (None, "a", "b", 0): [5], (None, "a", "c", 0): [1]}
    assert len(again) == 4


def test_a_record_that_has_its_month_as_a_whole_counts_days_in_it() -> None:
    month = Bundle("stays", "2026-11")
    add(month, "2026-11", {(None, "b", "a", 7): [5]})
    month = stored(month)
    month.take(by_hours(), in_parts=True)
    assert {period: page.cells() for period, page in stored(month).pages().items()} == {
        "2026-11": {(None, "b", "a", 7): [9], ("student", "a", "b", 7): [1], (None, "a", "b", 0): [2]}
    }


def test_rows_whose_keys_are_large_or_of_many_names_are_told_apart() -> None:
    cells: dict[Key, Figures] = {(None, "a", f"name {number}", 0): [number] for number in range(180)}
    # In one number, this would be the key of another row.
    cells.update({(None, "a", f"name {number}", 65_536): [1_000 + number] for number in range(180)})
    day = Bundle("stays", DAY)
    add(day, f"{DAY}T07", cells)
    month = Bundle("stays", "2026-11")
    month.take(stored(day), in_parts=True)
    assert month.pages()[DAY].cells() == cells
    day = stored(day)
    day.fold()
    assert day.pages()[DAY].cells() == cells


def test_rows_of_many_names_are_told_apart() -> None:
    cells: dict[Key, Figures] = {(None, "a", f"name {number}", 0): [number] for number in range(180)}
    month = Bundle("stays", "2026-11")
    for day in ("2026-11-01", "2026-11-02"):
        bundle = Bundle("stays", day)
        add(bundle, day, cells)
        month.take(stored(bundle), in_parts=False)
    assert month.pages()["2026-11"].cells() == {key: [2 * figure] for key, [figure] in cells.items()}


def test_records_that_are_put_together_stay_within_bounds() -> None:
    month, most = Bundle("stays", "2026-11"), MOST_CELLS // 2 + 10
    for day in (1, 2):
        bundle = Bundle("stays", f"2026-11-{day:02}")
        add(bundle, bundle.period, {(None, "a", "b", day * MOST_CELLS + number): [1] for number in range(most)})
        month.take(stored(bundle), in_parts=False)
    cells = month.pages()["2026-11"].cells()
    assert sum(figures[0] for figures in cells.values()) == 2 * most
    assert cells[None, "a", "b", MOST_CELLS] == [1]
    assert ("other", "other", "other", 2 * MOST_CELLS + most - 1) in cells


names = st.sampled_from([None, "a", "b", "c"])
keys = st.one_of(
    st.tuples(
        st.just("stays"),
        st.tuples(names, names, names, st.integers(0, 3) | st.sampled_from([65_535, 65_536, 2**70, -1])),
        st.tuples(st.integers(1, 9)),
    ),
    st.tuples(st.just("moves"), st.tuples(names, names, names, names, names), st.tuples(*[st.integers(-9, 10**20)] * 3)),
)
counted = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 23), keys), max_size=30)


@given(counted, counted, st.booleans(), st.booleans())
def test_records_are_put_together_as_they_are_stored_just_as_page_by_page(
    added: list[tuple[int, int, tuple[Table, Key, tuple[int, ...]]]],
    before: list[tuple[int, int, tuple[Table, Key, tuple[int, ...]]]],
    whole_days: bool,
    in_parts: bool,
) -> None:
    for table in ("stays", "moves"):
        expected: dict[str, dict[Key, Figures]] = {}
        month = Bundle(table, "2026-11")
        for day, _, (each, key, figures) in before:
            if each == table:
                add(month, f"2026-11-{day:02}" if in_parts else "2026-11", {key: list(figures)})
                _count(expected, f"2026-11-{day:02}" if in_parts else "2026-11", key, figures)
        month = stored(month)
        for day in range(1, 4):
            period = f"2026-11-{day:02}"
            bundle = Bundle(table, period)
            for there, hour, (each, key, figures) in added:
                if each == table and there == day:
                    add(bundle, f"{period}T{hour:02}", {key: list(figures)})
                    _count(expected, period if in_parts else "2026-11", key, figures)
            bundle = stored(bundle)
            if whole_days:
                bundle.fold()
            month.take(bundle, in_parts=in_parts)
        assert {period: page.cells() for period, page in stored(month).pages().items() if len(page)} == expected
        assert {period: page.cells() for period, page in month.pages().items() if len(page)} == expected


def add(bundle: Bundle, period: str, cells: Mapping[Key, Sequence[int]]) -> None:
    bundle.add(period, sums_of(bundle.table, cells))


def stored(bundle: Bundle) -> Bundle:
    """As it is read again."""
    return bundle_of(bundle.table, bundle.period, bundle.flat())


def _count(expected: dict[str, dict[Key, Figures]], period: str, key: Key, figures: Sequence[int]) -> None:
    add_figures(expected.setdefault(period, {}).setdefault(key, [0] * len(figures)), list(figures))
