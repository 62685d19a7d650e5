"""How long customers stayed: fixed buckets on a logarithmic scale."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from etapa.journey.ledger.stays import bucket_end, bucket_of, bucket_start, quantile

stays = st.integers(0, 2**62)


@given(stays)
def test_a_stay_lies_in_its_bucket_which_is_no_wider_than_a_sixteenth(stay: int) -> None:
    bucket = bucket_of(stay)
    assert bucket_start(bucket) <= stay < bucket_end(bucket)
    assert (bucket_end(bucket) - bucket_start(bucket)) * 16 <= max(16, bucket_start(bucket))


@given(st.integers(0, 900))
def test_buckets_follow_each_other_without_a_gap(bucket: int) -> None:
    assert bucket_of(bucket_start(bucket)) == bucket
    assert bucket_of(bucket_end(bucket) - 1) == bucket
    assert bucket_of(bucket_end(bucket)) == bucket + 1


def test_a_negative_stay_counts_as_none_at_all() -> None:
    assert bucket_of(-5) == 0


@given(st.lists(stays, min_size=1, max_size=50), st.sampled_from([0.5, 0.9]))
def test_a_quantile_is_within_a_thirty_second_of_the_true_one(values: list[int], share: float) -> None:
    place = max(1, -int(-share * len(values) // 1)) - 1
    true = sorted(values)[place]
    found = quantile(Counter(map(bucket_of, values)), share)
    assert found is not None
    assert abs(found - true) <= true / 32 + 1


def test_of_nothing_there_is_no_median() -> None:
    assert quantile({}, 0.5) is None
