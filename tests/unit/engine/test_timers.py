"""When each customer is due: the order of timers as seen from outside."""

import pytest

from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.timers import Timers
from tests.unit.engine.shops import us

Entries = list[tuple[int, str]]


@pytest.fixture
def timers() -> Timers:
    return Timers()


def taken(timers: Timers, by: int) -> Entries:
    entries = []
    while timers.any_due(by):
        entries.append(timers.take())
    return entries


def test_where_there_is_no_timer_nothing_is_due(timers: Timers) -> None:
    assert timers.earliest == NEVER
    assert not timers.any_due(us("900d"))


def test_a_timer_is_due_at_its_time_and_not_before(timers: Timers) -> None:
    timers.add(us("3d"), "a")
    assert timers.earliest == us("3d")
    assert taken(timers, us("3d") - 1) == []
    assert taken(timers, us("3d")) == [(us("3d"), "a")]
    assert not timers.any_due(us("900d"))
    assert timers.earliest == NEVER


def test_timers_of_one_moment_come_in_order_of_customers(timers: Timers) -> None:
    names = [f"c-{number * 7_919 % 1_000:03}" for number in range(1_000)]
    for name in names:
        timers.add(us("3d"), name)
    assert taken(timers, us("3d")) == [(us("3d"), name) for name in sorted(names)]


def test_very_many_timers_of_one_hour_come_in_order_with_what_is_added_meanwhile(timers: Timers) -> None:
    entries = [(number * 7_919 % 20_011, f"c-{number}") for number in range(20_000)]
    for due, customer_id in entries:
        timers.add(due, customer_id)
    before = taken(timers, 9_999)
    late = [(3, "late"), (10_000, "a"), (10_000, "z")]
    for due, customer_id in late:
        timers.add(due, customer_id)
    assert before == sorted(entry for entry in entries if entry[0] <= 9_999)
    assert taken(timers, us("1h")) == sorted([*late, *(entry for entry in entries if entry[0] > 9_999)])


@pytest.mark.parametrize("away", ["1s", "10m", "1d", "90d"])
def test_a_timer_for_a_time_that_has_passed_comes_next(timers: Timers, away: str) -> None:
    for customer_id in ("b", "c"):
        timers.add(us("100d"), customer_id)
    assert timers.any_due(us("100d"))
    timers.add(us("100d") - us(away), "d")
    assert taken(timers, us("101d")) == [(us("100d") - us(away), "d"), (us("100d"), "b"), (us("100d"), "c")]


def test_a_timer_can_be_put_back_to_the_moment_that_is_being_worked_off(timers: Timers) -> None:
    for customer_id in ("a", "c"):
        timers.add(5, customer_id)
    assert timers.any_due(9)
    assert timers.take() == (5, "a")
    timers.add(5, "b")
    timers.add(7, "a")
    assert taken(timers, 9) == [(5, "b"), (5, "c"), (7, "a")]


def test_times_before_1970_come_in_order(timers: Timers) -> None:
    times = [us("1d"), -us("1d"), 0, -us("40d"), -1, 1]
    for time in times:
        timers.add(time, "a")
    assert taken(timers, us("2d")) == [(time, "a") for time in sorted(times)]


def test_what_replaces_all_timers_may_be_earlier_than_what_was_worked_off(timers: Timers) -> None:
    for time in (us("3d"), us("4d"), us("30d")):
        timers.add(time, "a")
    assert taken(timers, us("3d")) == [(us("3d"), "a")]
    timers.replace([(us("4d"), "b"), (us("2d"), "c")])
    assert len(timers) == 2
    assert taken(timers, us("90d")) == [(us("2d"), "c"), (us("4d"), "b")]
