"""What an observer is told about the changes of a batch, and how long customers had stayed."""

from array import array
from collections import Counter

import pytest

from etapa.journey.engine.facts.change_counts import counts_of
from etapa.journey.engine.facts.durations import Durations
from etapa.journey.engine.facts.instant import BEGINNING_OF_TIME, END_OF_TIME
from tests.support.stage_changes import stage_change


@pytest.mark.parametrize("many", [0, 1, 63, 64, 65, 128, 1000])
def test_durations_stay_in_order_however_many_there_are(many: int) -> None:
    durations = Durations()
    for duration in range(many):
        durations.add(duration)
        assert len(durations) == duration + 1
    assert durations.packed() == array("q", range(many))
    assert len(durations) == many


def test_durations_can_be_read_and_added_in_turn() -> None:
    durations = Durations()
    longest = END_OF_TIME - BEGINNING_OF_TIME
    told = [0, longest, -longest] * 50
    for count, duration in enumerate(told, 1):
        durations.add(duration)
        assert list(durations.packed()) == told[:count]


def test_changes_that_are_alike_are_counted_together_and_stays_by_the_stage_left() -> None:
    changes = [
        stage_change(None, "new"),
        *(stage_change("new", "buyer", dwell=number) for number in range(100)),
        stage_change("buyer", "lost", dwell=7),
        stage_change("new", "lost", dwell=100),
        stage_change("new", "buyer", dwell=101),
        stage_change("lost", "new", dwell=None),
    ]
    counts = counts_of(changes)
    cause = changes[0].cause
    assert counts.total == 105
    assert counts.moves == {
        (None, "new", cause): 1,
        ("new", "buyer", cause): 101,
        ("buyer", "lost", cause): 1,
        ("new", "lost", cause): 1,
        ("lost", "new", cause): 1,
    }
    assert counts.dwells == {"new": array("q", range(102)), "buyer": array("q", [7])}


@pytest.mark.parametrize("rules", [[0], [4, 0, 2], [0, 1, 2, 3, 4, 5, 6, 7]])
def test_changes_are_counted_as_the_moves_that_they_are_whatever_the_number_of_their_rule(rules: list[int]) -> None:
    moves = [
        ("new", "buyer", "timer"),
        ("new", "buyer", "touchpoint"),
        ("buyer", "new", "timer"),
        (None, "new", "timer"),
        ("new", "lost", "timer"),
    ]
    made = [(moves[number * 7 % len(moves)], rules[number % len(rules)]) for number in range(40)]
    counts = counts_of([stage_change(source, to, cause=cause, rule_number=rule) for (source, to, cause), rule in made])
    assert counts.moves == Counter(move for move, _ in made)
