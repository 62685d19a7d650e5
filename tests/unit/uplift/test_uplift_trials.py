"""How often verdicts on campaigns are right: many campaigns with a known effect, checked after every outcome.

A small version of `make uplift`, which tries ten thousand.
"""

from bench.uplift_trials import alarms, null_campaigns, planted_effects

SEED = 17


def test_campaigns_without_effect_are_hardly_ever_called_anything_however_often_one_looks() -> None:
    called = null_campaigns(SEED, campaigns=120, outcomes=2_500)
    assert called <= 0.05 * 120


def test_two_points_on_twenty_percent_are_found_within_one_and_a_half_times_a_fixed_test() -> None:
    assert planted_effects(SEED, campaigns=80, most=1.5) >= 0.72 * 80, "0.8, less what so few campaigns may be off"


def test_groups_that_are_one_point_off_are_called_within_a_hundred_thousand_offers_and_right_ones_are_not() -> None:
    assert alarms(SEED, campaigns=10, offers=100_000, holdout=0.10, drawn=0.11) == 10
    assert alarms(SEED, campaigns=40, offers=100_000, holdout=0.10, drawn=0.10) <= 2
