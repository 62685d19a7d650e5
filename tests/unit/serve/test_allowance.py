"""An allowance of so many requests a second, and no more, whenever they come."""

from hypothesis import given
from hypothesis import strategies as st

from etapa.serve.allowance import Allowance


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.integers(1, 50), st.lists(st.floats(0, 0.5), max_size=200))
def test_in_any_time_no_more_are_let_through_than_that_time_and_one_second_allow(rate: int, pauses: list[float]) -> None:
    time = Time()
    allowance = Allowance(rate, time)
    taken = 0
    for pause in pauses:
        time.now += pause
        taken += allowance.take() == 0
        assert taken <= rate * (time.now + 1) + 1e-6


@given(st.integers(1, 50))
def test_who_waits_as_long_as_told_is_let_through(rate: int) -> None:
    time = Time()
    allowance = Allowance(rate, time)
    for _ in range(rate):
        assert allowance.take() == 0
    wait = allowance.take()
    assert 0 < wait <= 1 / rate + 1e-9
    time.now += wait + 1e-9
    assert allowance.take() == 0
