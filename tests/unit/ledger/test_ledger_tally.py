"""Tallies: whatever way something is counted, the keys and figures are those that were counted."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from etapa.journey.ledger.counted import CountedSegments, Numbering
from etapa.journey.ledger.page import Page
from etapa.journey.ledger.stays import bucket_of
from etapa.journey.ledger.tables import FIGURES, Figures, Key, Table
from etapa.journey.ledger.tally import BatchTally
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
    for table, hour, keys, figures in tally.counts():
        assert len(figures) == len(keys) * len(FIGURES[table])
        pages.setdefault((table, hour), Page(table)).add_columns(keys, figures)
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
            st.integers(-1, 1),
        ),
        max_size=40,
    )
)
def test_stays_are_counted_by_persona_and_move_whatever_caused_it(
    moves: list[tuple[int, str | None, str, str | None, int | None, int]],
) -> None:
    tally = BatchTally()
    stays: Counter[tuple[int, Key]] = Counter()
    sums: dict[tuple[int, Key], Figures] = {}
    for hour, persona, cause, rule, stay, on_way in moves:
        source = None if stay is None else "new"
        tally.moved(hour * HOUR, persona, source, "buyer", cause, stay, rule, int(stay is None), on_way)
        there = sums.setdefault((hour * HOUR, (persona, source, "buyer", cause, rule)), [0, 0, 0, 0])
        for place, number in enumerate((1, stay or 0, int(stay is None), on_way)):
            there[place] += number
        if stay is not None:
            stays[hour * HOUR, (persona, "new", "buyer", bucket_of(stay))] += 1
    found = counted_in(tally)
    assert {(hour, key): each for (table, hour), cells in found.items() if table == "moves" for key, each in cells.items()} == sums
    assert {(hour, key): each for (table, hour), cells in found.items() if table == "stays" for key, each in cells.items()} == {
        place: [count] for place, count in stays.items()
    }


@given(st.lists(st.sampled_from([f"name {number}" for number in range(30)])), st.integers(2, 40), st.booleans())
def test_numbered_names_keep_their_numbers_until_there_are_none_left(stream: list[str], last: int, known_before: bool) -> None:
    numbering = Numbering(last)
    if known_before:
        numbering.number_of("name 29")
        numbering.clear()
        numbering.add(["known", "name 3"])
    first = len(numbering.names)
    expected: dict[str, int] = {}
    for name in stream:
        number = numbering.number_of(name)
        assert number == expected.setdefault(name, min(first + len(expected), last))
        assert number == last or numbering.names[number] == name
