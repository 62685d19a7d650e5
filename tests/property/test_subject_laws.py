"""What validation passes over because two conditions are about nothing in common, against looking at every pair."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from etapa.journey.language import model
from etapa.journey.language.circles import circles
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.kinds.logic import condition_implies, never_true_together
from etapa.journey.language.kinds.subjects import filed_under, implied_by, may_clash, topics
from tests.reference.made_up import conditions, thorough


@thorough
@given(st.lists(conditions, min_size=2, max_size=8))
def test_a_condition_implies_none_that_it_does_not_find(some: list[model.Condition]) -> None:
    for stronger in some:
        for weaker in some:
            if condition_implies(stronger, weaker):
                assert not implied_by(stronger).isdisjoint(filed_under(weaker))


@thorough
@given(st.lists(conditions, min_size=2, max_size=8))
def test_conditions_without_a_common_topic_never_exclude_each_other(some: list[model.Condition]) -> None:
    possible = [each for each in some if never_true_together([each]) is None and not any(map(is_of_touchpoint, parts(each)))]
    for one in possible:
        for other in possible:
            if never_true_together([one, other]) is not None:
                assert may_clash(topics(one), topics(other))


def parts(condition: model.Condition) -> Sequence[model.Condition]:
    """The conditions that must all hold: two events at hand exclude each other if their types differ, and validation asks no such rules."""
    return condition.conditions if isinstance(condition, model.All) else [condition]


def is_of_touchpoint(condition: model.Condition) -> bool:
    return isinstance(condition, Event) or any(map(is_of_touchpoint, parts(condition) if isinstance(condition, model.All) else ()))


@thorough
@given(st.integers(1, 9), st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=40))
def test_circles_are_the_nodes_that_lead_to_each_other(count: int, edges: set[tuple[int, int]]) -> None:
    onwards: Mapping[int, Sequence[int]] = {one: [other for other in range(count) if other != one] for one in range(count)}
    reached = {one: reach(one, edges, count) for one in range(count)}
    expected = {frozenset(other for other in range(count) if other in reached[one] and one in reached[other]) for one in range(count)}
    found = list(circles(onwards, lambda one, other: (one, other) in edges))
    assert {frozenset(each) for each in found} == {each for each in expected if len(each) > 1}
    assert [min(each) for each in found] == sorted(min(each) for each in found)


def reach(start: int, edges: set[tuple[int, int]], count: int) -> set[int]:
    found = {start}
    for _ in range(count):
        found |= {other for one, other in edges if one in found and other < count and one != other}
    return found
