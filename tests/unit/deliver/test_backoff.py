from hypothesis import given
from hypothesis import strategies as st

from etapa.deliver.attempts.backoff import Retry, bound_of, next_attempt
from etapa.journey.units import HOUR, SECOND

POLICY = Retry(attempts=8, first=SECOND, longest=60 * SECOND, within=HOUR, longest_pause=600 * SECOND)
CHANCE = st.floats(0, 1, exclude_max=True)


def test_bounds_double_up_to_the_longest() -> None:
    assert [bound_of(POLICY, attempts) // SECOND for attempts in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert bound_of(POLICY, 10_000) == 60 * SECOND


@given(attempts=st.integers(1, 7), now=st.integers(0, HOUR // 2), chance=CHANCE)
def test_a_wait_is_anything_from_nothing_to_its_bound(attempts: int, now: int, chance: float) -> None:
    at = next_attempt(POLICY, attempts, 0, now, None, chance)
    assert at is not None
    assert now <= at <= now + bound_of(POLICY, attempts)


def test_jitter_is_full() -> None:
    assert next_attempt(POLICY, 3, 0, 0, None, 0.0) == 0
    assert next_attempt(POLICY, 3, 0, 0, None, 0.5) == 2 * SECOND
    assert next_attempt(POLICY, 3, 0, 0, None, 1 - 2**-53) == 4 * SECOND


@given(asked=st.integers(0, 10 * HOUR), chance=CHANCE)
def test_a_target_that_asks_for_time_gets_it_within_bounds(asked: int, chance: float) -> None:
    at = next_attempt(POLICY, 1, 0, 0, asked, chance)
    assert at is not None
    assert at >= min(asked, POLICY.longest_pause)
    assert at <= max(min(asked, POLICY.longest_pause), bound_of(POLICY, 1))


def test_all_is_spent_after_so_many_attempts() -> None:
    assert next_attempt(POLICY, 7, 0, 0, None, 0.0) == 0
    assert next_attempt(POLICY, 8, 0, 0, None, 0.0) is None


def test_all_is_spent_when_the_next_attempt_would_be_too_late() -> None:
    assert next_attempt(POLICY, 1, 0, HOUR, None, 0.0) == HOUR
    assert next_attempt(POLICY, 1, 0, HOUR, 1, 0.0) is None
    assert next_attempt(POLICY, 1, 0, HOUR - SECOND, 600 * SECOND, 0.0) is None
