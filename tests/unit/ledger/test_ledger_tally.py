"""Tallies: whatever way something is counted, the keys and figures are those that were counted."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etapa.journey.ledger.quick_kind import quick_sums
from etapa.journey.ledger.stays import bucket_of
from etapa.journey.ledger.sums import TableSums
from etapa.journey.ledger.tables import Counted, Figures, Key, Table, add_figures
from etapa.journey.ledger.tally import BatchTally
from etapa.journey.units import HOUR

names = st.sampled_from(["visit", "buy", "other", "new", "web", "a type that no journey names"])
touches = st.tuples(st.integers(-3, 3), st.sampled_from([None, "student", "family"]), st.sampled_from(["new", "buyer", "gone"]), names)


def counted_in(tally: BatchTally) -> Mapping[tuple[Table, int], Mapping[Key, Figures]]:
    found: dict[tuple[Table, int], dict[Key, Figures]] = {}
    for counted in tally.tables():
        for (hour, *key), figures in counted.cells().items():
            assert isinstance(hour, int)
            assert hour in tally.hours()
            found.setdefault((counted.table, hour * HOUR), {})[tuple(key)] = figures
    return found


@given(st.lists(st.tuples(touches, st.none() | names), max_size=40), st.booleans())
def test_touchpoints_are_counted_by_hour_segment_type_and_channel(
    stream: list[tuple[tuple[int, str | None, str, str], str | None]], used_before: bool
) -> None:
    tally = BatchTally()
    if used_before:
        tally.touched(HOUR, "student", "buyer", "buy", "phone")
        tally.moved(HOUR, None, None, "new", "touchpoint", None)
        tally.clear()
    expected: Counter[tuple[int, Key]] = Counter()
    for (hour, persona, stage, kind), channel in stream:
        # Copies, since equal names count as one, whatever objects they are.
        tally.touched(hour * HOUR + 5, persona, stage, "".join(list(kind)), channel and "".join(list(channel)))
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
        tally.touched(hour * HOUR, "student", "buyer", "buy", "web")
        tally.moved(hour * HOUR, None, "new", "buyer", "timer", 5, first=True)
        list(tally.tables())
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
            hour * HOUR, [("ways", (None, "new", "buyer"), (0, -1, 0, 1, 1, 3)), ("detours", (None, "new", "x", None), (1, 1, 0, -9))]
        )
    ways, detours = (None, "new", "buyer"), (None, "new", "x", None)
    assert counted_in(tally) == {
        ("ways", 0): {ways: [0, -2, 0, 2, 2, 6]},
        ("detours", 0): {detours: [2, 2, 0, -18]},
        ("ways", HOUR): {ways: [0, -1, 0, 1, 1, 3]},
        ("detours", HOUR): {detours: [1, 1, 0, -9]},
    }


meanings = st.lists(
    st.tuples(
        st.sampled_from(["ways", "ways", "ways", "detours"]), st.sampled_from([None, "student"]), st.integers(-2, 2) | st.just(2**61)
    ),
    max_size=3,
)


@given(st.lists(meanings, min_size=1, max_size=8), st.lists(st.tuples(st.integers(0, 400), st.integers(-2, 2), st.booleans()), max_size=40))
def test_what_moves_mean_for_the_ideal_way_counts_each_time(
    different: list[list[tuple[Table, str | None, int]]], told: list[tuple[int, int, bool]]
) -> None:
    """Whatever it is, whether it comes as the very same tuple as before, and also if another tuple comes to have its address."""

    def made(meaning: list[tuple[Table, str | None, int]]) -> tuple[Counted, ...]:
        return tuple(
            (table, (persona, f"stage {count}", "buyer"), (1, 0, count, 0, 0, 0))
            if table == "ways"
            else (table, (persona, "new", "buyer", None), (0, 0, 1, count))
            for table, persona, count in meaning
        )

    kept = [made(meaning) for meaning in different]
    tally, expected = BatchTally(), dict[tuple[Table, int], dict[Key, Figures]]()
    for number, hour, is_new in told:
        meaning = number % len(different)
        counts = made(different[meaning]) if is_new else kept[meaning]
        tally.moved(hour * HOUR, None, "new", "buyer", "timer", 5, counts=counts)
        move: Counted = ("moves", (None, "new", "buyer", "timer", None), (1, 5, 0))
        for table, key, figures in (move, ("stays", (None, "new", "buyer", 5), (1,)), *counts):
            add_figures(expected.setdefault((table, hour * HOUR), {}).setdefault(key, [0] * len(figures)), figures)
    assert counted_in(tally) == expected


def test_counts_that_come_again_are_those_of_the_same_tuple_in_the_same_hour() -> None:
    kept: list[tuple[Counted, ...]] = [(("ways", (None, "new", f"stage {number}"), (1, 0, 0, number, 0, 0)),) for number in range(20)]
    tally, expected = BatchTally(), dict[tuple[Table, int], dict[Key, Figures]]()
    for number in range(2_000):
        hour = number // 100 % 3 * HOUR
        # One that is new is freed at once, so that the next has its place.
        counts = kept[number * 7 % 20] if number % 3 else (("ways", (None, "new", f"stage {number % 31}"), (0, 0, 1, 0, number, 0)),)
        tally.moved(hour, None, None, "new", "touchpoint", None, counts=counts)
        for table, key, figures in counts:
            add_figures(expected.setdefault((table, hour), {}).setdefault(key, [0] * len(figures)), figures)
        del counts
    assert {place: cells for place, cells in counted_in(tally).items() if place[0] == "ways"} == expected


@pytest.mark.skipif(quick_sums is None, reason="there is no quick kind where it is not compiled")
def test_only_counts_of_one_table_are_added_together_with_a_move() -> None:
    moves, stays, ways = (TableSums(table, in_parts=True) for table in ("moves", "stays", "ways"))
    fits: Counted = ("ways", ("student", "new", "buyer"), (1, 0, 0, 1, 0, 0))
    another: Counted = ("detours", ("student", "new", "buyer", None), (1, 0, 0, 1))
    short: Counted = ("ways", ("student", "new", "buyer"), (1, 0))

    def added(counts: tuple[Counted, ...]) -> bool:
        return moves.moved(stays, "student", "new", "buyer", "timer", None, 5, 0, ways, counts)

    assert not any(added(refused) for refused in ((another,), (fits, another), (fits, fits, fits), (short,)))
    assert not ways.has_any()
    twice = (fits, fits)
    for part in (3, 4, 3):
        ways.turn(part)
        assert added(twice)
    assert ways.cells() == {(part, "student", "new", "buyer"): [count, 0, 0, count, 0, 0] for part, count in ((3, 4), (4, 2))}
