"""Counting durations in the buckets of a histogram: in C, and as it is done where that is not compiled."""

import random
from array import array
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etapa.metrics.quick_counting import DurationCounter, count_durations
from etapa.metrics.tallies import durations_between

BOTH = pytest.mark.parametrize("count", [durations_between, count_durations], ids=["slowly", "as a worker does"])


@BOTH
def test_each_is_counted_in_the_first_bucket_that_holds_it(count: DurationCounter) -> None:
    rnd = random.Random(7)
    bounds = [0.5, 1.0, 2.5, 5.0]
    durations = array("q", [500_000, 1_000_000, 5_000_000, 0, -1, *(rnd.randrange(10_000_000) for _ in range(200))])
    counts = [1] * 5
    assert count(bounds, counts, durations) == sum(each / 1_000_000 for each in durations)
    assert counts == [1 + sum(bisect_left(bounds, each / 1_000_000) == place for each in durations) for place in range(5)]


@BOTH
def test_nothing_is_counted_of_nothing(count: DurationCounter) -> None:
    counts = [3, 4]
    assert (count([1.0], counts, array("q")), counts) == (0.0, [3, 4])


@given(
    st.lists(st.floats(allow_nan=False, width=32), unique=True, max_size=20).map(sorted),
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 10**8), max_size=20),
)
def test_both_ways_agree(bounds: list[float], durations: list[int]) -> None:
    quick, slow = ([0] * (len(bounds) + 1) for _ in range(2))
    told = array("q", durations)
    assert count_durations(bounds, quick, told) == durations_between(bounds, slow, told)
    assert quick == slow
