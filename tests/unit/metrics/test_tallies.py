"""Counting values in the buckets of a histogram."""

import random
from bisect import bisect_left

from etapa.metrics.tallies import count_between


def test_each_value_is_counted_in_the_first_bucket_that_holds_it() -> None:
    rnd = random.Random(7)
    bounds = [0.5, 1.0, 2.5, 5.0, float("inf")]
    values = [*bounds, 0.0, -1.0, *[rnd.uniform(0, 10) for _ in range(200)]]
    counts = [0] * len(bounds)
    assert count_between(bounds, counts, values[5:]) == sum(values[5:])
    count_between(bounds, counts, values[:5])
    assert counts == [sum(bisect_left(bounds, value) == place for value in values) for place in range(len(bounds))]


def test_a_value_beyond_the_last_bound_is_counted_at_the_end() -> None:
    counts = [0, 0]
    count_between([1.0], counts, [0.5, 2.0])
    assert counts == [1, 1]
