"""Tallies: whatever way something is counted, the keys and figures are those that were counted."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from etapa.journey.ledger.stays import bucket_of
from etapa.journey.ledger.tables import Figures, Key, Table
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
