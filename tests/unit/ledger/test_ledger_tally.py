"""Tallies: whatever way something is counted, the keys and figures are those that were counted."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etapa.journey.ledger.counted import CountedSegments
from etapa.journey.ledger.page import NameTable, Page
from etapa.journey.ledger.stays import bucket_of
from etapa.journey.ledger.tables import FIGURES, Figures, Key, Table
from etapa.journey.ledger.tally import COUNTED_BY_CELL, BatchTally
from etapa.journey.units import HOUR

# The same names in another order, so that the same numbers mean something else.
JOURNEYS = (
    CountedSegments((None, "student", "family"), ("new", "buyer"), ("visit", "other", "buy")),
    CountedSegments((None, "family"), ("buyer", "new", "gone"), ("buy", "visit")),
)
names = st.sampled_from(["visit", "buy", "other", "new", "web", "a type that no journey names"])
touches = st.tuples(st.integers(-3, 3), st.sampled_from([None, "student", "family"]), st.sampled_from(["new", "buyer", "gone"]), names)


def touch(tally: BatchTally, counted: CountedSegments | None, at: int, key: tuple[str | None, str, str, str | None]) -> None:
    """Count by the journey's numbers if it has any for the segment."""
    persona, stage, kind, channel = key
    if counted is None or (persona, stage) not in counted.segments:
        tally.touched(at, persona, stage, kind, channel)
        return
    number = counted.types.index(kind) if kind in counted.types else -1
    tally.touched_in(at, counted, counted.segments.index((persona, stage)), number, kind, channel)


def counted_in(tally: BatchTally) -> Mapping[tuple[Table, int], Mapping[Key, Figures]]:
    pages: dict[tuple[Table, int], Page] = {}
    for hour in tally.hours():
        for table in COUNTED_BY_CELL:
            counted = hour.of(table)
            assert len(counted.figures) == len(counted.cells) * len(FIGURES[table])
            if counted.cells:
                pages.setdefault((table, hour.start), Page(table)).add_counted([counted])
    return {place: page.cells() for place, page in pages.items()}


@given(st.lists(st.tuples(touches, st.none() | names, st.sampled_from([None, *JOURNEYS])), max_size=40), st.booleans())
def test_touchpoints_are_counted_by_hour_segment_type_and_channel(
    stream: list[tuple[tuple[int, str | None, str, str], str | None, CountedSegments | None]], used_before: bool
) -> None:
    tally = BatchTally()
    if used_before:
        touch(tally, JOURNEYS[0], HOUR, ("student", "buyer", "buy", "phone"))
        tally.moved(HOUR, None, None, "new", "touchpoint", None)
        tally.clear()
    expected: Counter[tuple[int, Key]] = Counter()
    for (hour, persona, stage, kind), channel, counted in stream:
        touch(tally, counted, hour * HOUR + 5, (persona, stage, kind, channel))
        expected[hour * HOUR, (persona, stage, kind, channel)] += 1
    found = {(hour, key): figures for (table, hour), cells in counted_in(tally).items() for key, figures in cells.items()}
    assert found == {place: [count] for place, count in expected.items()}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from([None, "student"]),
            st.sampled_from(["timer", "touchpoint"]),
            st.sampled_from([None, "a rule", "another"]),
            st.none() | st.integers(0, 10**13),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_stays_are_counted_by_persona_and_move_whatever_caused_it(
    moves: list[tuple[int, str | None, str, str | None, int | None, bool]],
) -> None:
    tally = BatchTally()
    stays: Counter[tuple[int, Key]] = Counter()
    sums: dict[tuple[int, Key], Figures] = {}
    for hour, persona, cause, rule, stay, first in moves:
        source = None if stay is None else "new"
        tally.moved(hour * HOUR, persona, source, "buyer", cause, stay, rule, first=first)
        there = sums.setdefault((hour * HOUR, (persona, source, "buyer", cause, rule)), [0, 0, 0])
        for place, number in enumerate((1, stay or 0, int(first))):
            there[place] += number
        if stay is not None:
            stays[hour * HOUR, (persona, "new", "buyer", bucket_of(stay))] += 1
    found = counted_in(tally)
    assert {(hour, key): each for (table, hour), cells in found.items() if table == "moves" for key, each in cells.items()} == sums
    assert {(hour, key): each for (table, hour), cells in found.items() if table == "stays" for key, each in cells.items()} == {
        place: [count] for place, count in stays.items()
    }


def test_what_is_counted_after_turning_back_to_an_hour_is_added_to_it() -> None:
    tally = BatchTally()
    for hour in (0, 1, 0, 0, 2, 1):
        touch(tally, JOURNEYS[0], hour * HOUR, ("student", "buyer", "buy", "web"))
        tally.moved(hour * HOUR, None, "new", "buyer", "timer", 5, first=True)
        list(tally.hours())
    for table, key, rest in (
        ("touchpoints", ("student", "buyer", "buy", "web"), []),
        ("moves", (None, "new", "buyer", "timer", None), [5, 1]),
        ("stays", (None, "new", "buyer", 5), []),
    ):
        found = [cells[key] for (each, _), cells in counted_in(tally).items() if each == table]
        assert found == [[count, *(count * number for number in rest)] for count in (3, 2, 1)]


def test_what_is_counted_of_the_ideal_way_adds_up_by_hour() -> None:
    tally = BatchTally()
    for hour in (0, 1, 0):
        tally.counted(
            hour * HOUR, [("ways", (None, "new", "buyer"), (0, -1, 0, 1, 1)), ("detours", (None, "new", "x", None), (1, 1, 0, -9))]
        )
    found = {hour.start: hour.others for hour in tally.hours()}
    assert found[0] == {"ways": {(None, "new", "buyer"): [0, -2, 0, 2, 2]}, "detours": {(None, "new", "x", None): [2, 2, 0, -18]}}
    assert found[HOUR] == {"ways": {(None, "new", "buyer"): [0, -1, 0, 1, 1]}, "detours": {(None, "new", "x", None): [1, 1, 0, -9]}}


def test_the_numbers_of_another_journey_mean_other_segments_and_types() -> None:
    tally, expected = BatchTally(), Counter[Key]()
    for counted in (*JOURNEYS, *JOURNEYS):
        for persona, stage in counted.segments:
            for touchpoint_type in ("visit", "buy", "other", "a fourth"):
                touch(tally, counted, 0, (persona, stage, touchpoint_type, "web"))
                expected[persona, stage, touchpoint_type, "web"] += 1
    assert counted_in(tally)["touchpoints", 0] == {key: [count] for key, count in expected.items()}


def test_names_beyond_those_that_get_a_number_are_counted_like_all_others() -> None:
    tally = BatchTally()
    keys = [("student", "buyer", f"type {number % 60}", f"channel {number % 40}") for number in range(120)] * 2
    for key in keys:
        touch(tally, JOURNEYS[0], 0, key)
    assert counted_in(tally)["touchpoints", 0] == {key: [count] for key, count in Counter(keys).items()}


def test_a_batch_counts_in_the_cells_of_the_one_before_and_leaves_its_counts_alone() -> None:
    key = ("student", "buyer", "buy", "web")
    first = BatchTally()
    touch(first, JOURNEYS[0], 0, key)
    touch(first, JOURNEYS[0], 1, key)
    second = first.successor()
    touch(second, JOURNEYS[0], 2, key)
    assert counted_in(first) == {("touchpoints", 0): {key: [2]}}
    assert counted_in(second) == {("touchpoints", 0): {key: [1]}}
    cells = [next(iter(tally.hours())).touchpoints.cells for tally in (first, second)]
    assert cells[0][0] is cells[1][0]
    with pytest.raises(AssertionError, match="next batch"):
        touch(first, JOURNEYS[0], 3, key)


@pytest.mark.parametrize(("number", "same"), [(4_000, True), (5_000, False)])
def test_cells_are_forgotten_once_there_are_very_many(number: int, same: bool) -> None:
    first = BatchTally()
    for each in range(number):
        first.touched(0, None, "new", f"type {each}", None)
    second = first.successor()
    second.touched(0, None, "new", "type 0", None)
    assert counted_in(second) == {("touchpoints", 0): {(None, "new", "type 0", None): [1]}}
    cells = [next(iter(tally.hours())).touchpoints.cells[0] for tally in (first, second)]
    assert (cells[0] is cells[1]) == same


@given(st.lists(st.lists(st.tuples(st.integers(0, 3), names, st.none() | names), max_size=12), max_size=4), st.booleans())
def test_a_page_gets_the_same_figures_by_cells_as_by_keys(batches: list[list[tuple[int, str, str | None]]], shares_names: bool) -> None:
    """Whether cells were entered before, in this page or another, and whether the page was read from its stored form."""
    shared = NameTable(["other", "web"]) if shares_names else None
    page, elsewhere, by_keys = Page("touchpoints", shared), Page("touchpoints", shared), Page("touchpoints")
    tally = BatchTally()
    for number, batch in enumerate(batches):
        for hour, touchpoint_type, channel in batch:
            tally.touched(hour * HOUR, None, "new", touchpoint_type, channel)
            by_keys.add({(None, "new", touchpoint_type, channel): [1]})
        parts = [hour.touchpoints for hour in tally.hours()]
        if number % 2:
            elsewhere.add_counted(parts)
        page.add_counted(parts)
        tally = tally.successor()
    assert page.cells() == by_keys.cells()
