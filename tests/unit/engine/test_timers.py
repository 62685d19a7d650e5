"""When each customer is due: the order of timers as seen from outside."""

import pytest

from etapa.journey.engine.facts.instant import END_OF_TIME, NEVER
from etapa.journey.engine.timers import CustomerTimer, Timers
from tests.unit.engine.shops import us

Entries = list[tuple[int, str]]


@pytest.fixture
def timers() -> Timers:
    return Timers()


def added(timers: Timers, due: int, customer_id: str) -> CustomerTimer:
    timer = CustomerTimer(customer_id)
    timers.schedule(timer, due)
    return timer


def taken(timers: Timers, by: int) -> Entries:
    entries = []
    while (timer := timers.take_due(by)) is not None:
        entries.append((timer.due, timer.id))
    return entries


def test_where_there_is_no_timer_nothing_is_due(timers: Timers) -> None:
    assert timers.earliest == NEVER
    assert not timers.any_due(us("900d"))


def test_a_timer_is_due_at_its_time_and_not_before(timers: Timers) -> None:
    added(timers, us("3d"), "a")
    assert timers.earliest == us("3d")
    assert taken(timers, us("3d") - 1) == []
    assert timers.any_due(us("3d"))
    assert taken(timers, us("3d")) == [(us("3d"), "a")]
    assert not timers.any_due(us("900d"))
    assert timers.earliest == NEVER


def test_timers_of_one_moment_come_in_order_of_customers(timers: Timers) -> None:
    names = [f"c-{number * 7_919 % 1_000:03}" for number in range(1_000)]
    for name in names:
        added(timers, us("3d"), name)
    assert taken(timers, us("3d")) == [(us("3d"), name) for name in sorted(names)]


def test_timers_of_several_moments_come_in_order_of_times_and_then_of_customers(timers: Timers) -> None:
    entries = [(us("3d") + moment, f"c-{number}") for moment, many in enumerate([3, 1, 2, 1, 1, 4]) for number in range(many)]
    for due, customer_id in reversed(entries):
        added(timers, due, customer_id)
    assert taken(timers, us("4d")) == entries


def test_very_many_timers_of_one_hour_come_in_order_with_what_is_added_meanwhile(timers: Timers) -> None:
    entries = [(number * 7_919 % 20_011, f"c-{number}") for number in range(20_000)]
    for due, customer_id in entries:
        added(timers, due, customer_id)
    before = taken(timers, 9_999)
    late = [(3, "late"), (10_000, "a"), (10_000, "z")]
    for due, customer_id in late:
        added(timers, due, customer_id)
    assert before == sorted(entry for entry in entries if entry[0] <= 9_999)
    assert taken(timers, us("1h")) == sorted([*late, *(entry for entry in entries if entry[0] > 9_999)])


@pytest.mark.parametrize("away", ["1s", "10m", "1d", "90d"])
def test_a_timer_for_a_time_that_has_passed_comes_next(timers: Timers, away: str) -> None:
    for customer_id in ("b", "c"):
        added(timers, us("100d"), customer_id)
    assert timers.any_due(us("100d"))
    added(timers, us("100d") - us(away), "d")
    assert taken(timers, us("101d")) == [(us("100d") - us(away), "d"), (us("100d"), "b"), (us("100d"), "c")]


def test_a_timer_can_be_put_back_to_the_moment_that_is_being_worked_off(timers: Timers) -> None:
    a, _ = added(timers, 5, "a"), added(timers, 5, "c")
    assert timers.take_due(9) is a
    added(timers, 5, "d")
    added(timers, 5, "b")
    timers.schedule(a, 7)
    assert taken(timers, 9) == [(5, "b"), (5, "c"), (5, "d"), (7, "a")]


@pytest.mark.parametrize("by", ["1m", "3h", "3d", "90d"])
def test_a_timer_that_is_put_off_comes_at_its_later_time_alone(timers: Timers, by: str) -> None:
    timer = added(timers, us("10d"), "a")
    added(timers, us("10d"), "b")
    timers.schedule(timer, us("10d") + us(by))
    assert taken(timers, us("10d")) == [(us("10d"), "b")]
    assert taken(timers, us("300d")) == [(us("10d") + us(by), "a")]


@pytest.mark.parametrize("by", ["1m", "3h", "3d", "90d"])
def test_a_timer_that_is_brought_forward_comes_at_its_earlier_time_alone(timers: Timers, by: str) -> None:
    timer = added(timers, us("100d"), "a")
    timers.schedule(timer, us("100d") - us(by))
    assert taken(timers, us("300d")) == [(us("100d") - us(by), "a")]


def test_a_timer_that_is_put_off_and_brought_forward_in_a_span_being_worked_off_comes_once(timers: Timers) -> None:
    first, a = added(timers, 1, "first"), added(timers, 9, "a")
    assert timers.take_due(1) is first
    timers.schedule(a, 5)
    assert timers.take_due(5) is a
    timers.schedule(a, 12)
    assert taken(timers, 20) == [(12, "a")]


def test_a_timer_that_was_cancelled_or_is_never_due_is_passed_over(timers: Timers) -> None:
    cancelled, never = added(timers, 5, "a"), added(timers, 6, "b")
    cancelled.cancel()
    timers.schedule(never, END_OF_TIME + 1)
    added(timers, 5, "a")
    assert taken(timers, us("900d")) == [(5, "a")]
    assert timers.earliest == NEVER


def test_one_who_came_back_has_a_timer_beside_the_cancelled_one(timers: Timers) -> None:
    for number in range(9):
        added(timers, number, str(number))
    assert timers.any_due(9)
    added(timers, 4, "a").cancel()
    added(timers, 4, "a")
    assert taken(timers, 4)[-2:] == [(4, "4"), (4, "a")]


def test_times_before_1970_come_in_order(timers: Timers) -> None:
    times = [us("1d"), -us("1d"), 0, -us("40d"), -1, 1]
    for time in times:
        added(timers, time, "a")
    assert taken(timers, us("2d")) == [(time, "a") for time in sorted(times)]


def test_putting_timers_off_does_not_add_to_them_and_what_they_pass_over_can_be_cleared(timers: Timers) -> None:
    each = [added(timers, us("3d"), "a"), added(timers, us("90d"), "b")]
    for day in range(4, 40):
        timers.schedule(each[0], us(f"{day}d"))
    assert len(timers) == 2
    timers.schedule(each[1], us("30d"))
    assert len(timers) == 3
    timers.refile(each)
    assert len(timers) == 2
    assert taken(timers, us("90d")) == [(us("30d"), "b"), (us("39d"), "a")]


def test_which_timers_come_next_is_known_before_they_are_taken(timers: Timers) -> None:
    each = [CustomerTimer(f"c-{number:02}") for number in range(100)]
    for number, timer in enumerate(each):
        timers.schedule(timer, us("3d") + number * 7_919 % 100)
    assert timers.next_timers(8) == []  # nothing is in order yet
    assert timers.take_due(us("4d")) is each[0]
    expected = timers.next_timers(8)
    assert expected == [timers.take_due(us("4d")) for _ in range(8)]
    assert len(timers.next_timers(200)) == 91


def test_which_timers_come_next_is_also_known_of_those_that_are_set_in_the_past(timers: Timers) -> None:
    each = [CustomerTimer(name) for name in "abc"]
    timers.schedule(each[0], us("3d"))
    assert timers.take_due(us("3d")) is each[0]
    timers.schedule(each[1], us("2d"))
    timers.schedule(each[2], us("1d"))
    assert timers.next_timers(8) == [each[2], each[1]]
    assert timers.next_timers(1) == [each[2]]
