"""What is said about a campaign, from the sums of its two groups."""

import math

import pytest

from etapa.uplift.boundary import boundary
from etapa.uplift.difference import ALPHA, difference
from etapa.uplift.groups import GroupOutcomes, Sums
from etapa.uplift.sample_ratio import probability
from etapa.uplift.verdicts import CampaignFigures, CampaignUplift, uplift_report


def reported(sent: GroupOutcomes, control: GroupOutcomes, *, holdout: float = 0.5, has_value: bool = False) -> CampaignUplift:
    figures = CampaignFigures("hello", holdout, has_value, {"published": 3, "held": 1}, sent.number, control.number, sent, control)
    (campaign,) = uplift_report("shop", 1, [figures]).campaigns
    return campaign


def test_the_bound_grows_slower_than_the_sum_of_any_effect_and_faster_than_chance() -> None:
    numbers = [1.0, 10.0, 100.0, 1e4, 1e6, 1e9]
    bounds = [boundary(number, ALPHA) for number in numbers]
    assert bounds == sorted(bounds)
    assert [bound / number for bound, number in zip(bounds, numbers, strict=True)] == sorted(
        (bound / number for bound, number in zip(bounds, numbers, strict=True)), reverse=True
    )
    assert all(bound / math.sqrt(number) > 3 for bound, number in zip(bounds, numbers, strict=True)), "a fixed test would stop at 1.96"
    assert bounds[-1] / numbers[-1] < 0.001


def test_a_smaller_alpha_needs_more() -> None:
    assert boundary(1000, 0.01) > boundary(1000, 0.05)


def test_a_plain_difference_is_found_and_a_small_one_is_not() -> None:
    found = reported(GroupOutcomes(10_000, 3_000), GroupOutcomes(10_000, 2_000))
    assert found.verdict == "better"
    assert found.met is not None
    assert found.met.low < 0.1 < found.met.high
    assert found.met.more == 0
    harmed = reported(GroupOutcomes(10_000, 2_000), GroupOutcomes(10_000, 3_000))
    assert harmed.verdict == "worse"
    few = reported(GroupOutcomes(100, 22), GroupOutcomes(100, 20))
    assert few.verdict == "undecided"


def test_what_is_missing_until_a_decision_is_what_decides() -> None:
    sent, control = GroupOutcomes(2_000, 440), GroupOutcomes(2_000, 400)
    undecided = reported(sent, control).met
    assert undecided is not None
    assert undecided.more is not None
    factor = 1 + undecided.more / 4_000

    def grown(by: float) -> str:
        # Sums, so that nothing is rounded.
        one, other = (Sums(round(2_002 * by), met * by, met * by) for met in (441.0, 401.0))
        found = difference(one, other, 0.02)
        assert found is not None
        return found.verdict

    assert grown(1.02 * factor) == "better"
    assert grown(0.98 * factor) == "undecided"


def test_without_any_difference_no_decision_is_in_sight() -> None:
    found = reported(GroupOutcomes(1_000, 200), GroupOutcomes(1_000, 200)).met
    assert found is not None
    assert found.more is None


@pytest.mark.parametrize(("sent", "control"), [(GroupOutcomes(0, 0), GroupOutcomes(9, 3)), (GroupOutcomes(9, 3), GroupOutcomes(0, 0))])
def test_an_empty_group_is_compared_with_nothing(sent: GroupOutcomes, control: GroupOutcomes) -> None:
    found = reported(sent, control)
    assert (found.met, found.verdict) == (None, None)


def test_few_outcomes_decide_nothing_however_they_fall() -> None:
    for number in range(1, 8):
        found = reported(GroupOutcomes(number, number), GroupOutcomes(number, 0)).met
        assert found is not None
        assert (found.verdict, found.low >= -1, found.high <= 1) == ("undecided", True, True)


def test_values_are_compared_once_there_are_a_hundred_in_each_group() -> None:
    def of(number: int, mean: float) -> GroupOutcomes:
        return GroupOutcomes(number, number // 2, number * mean, number * (mean**2 + 4))

    assert reported(of(99, 30), of(99, 10), has_value=True).value is None
    found = reported(of(200, 30), of(200, 10), has_value=True)
    assert found.value is not None
    assert found.value.verdict == "better"
    assert found.value.low < 20 < found.value.high
    assert found.sent.value_each == 30
    assert reported(of(200, 30), of(200, 10)).value is None


def test_values_that_are_all_the_same_are_no_reason_for_a_verdict() -> None:
    same = GroupOutcomes(200, 0, 0.0, 0.0)
    assert reported(same, same, has_value=True).value is None


def test_groups_of_another_size_than_intended_sound_the_alarm_and_there_is_no_verdict() -> None:
    found = reported(GroupOutcomes(10_000, 3_000), GroupOutcomes(9_000, 1_800))
    assert found.sample_ratio.alarm
    assert found.met is not None
    assert (found.verdict, found.verdict_among_all) == (None, None)
    assert not reported(GroupOutcomes(10_000, 3_000), GroupOutcomes(10_100, 1_800)).sample_ratio.alarm


@pytest.mark.parametrize(
    ("share", "sent", "held_out", "wrong"), [(0.0, 9, 0, False), (0.0, 9, 1, True), (1.0, 0, 9, False), (1.0, 1, 9, True)]
)
def test_where_there_is_to_be_no_other_group_nobody_is_in_it(share: float, sent: int, held_out: int, wrong: bool) -> None:
    assert (probability(sent, held_out, share) == 0.0) is wrong


def test_of_many_campaigns_a_verdict_that_holds_among_all_needs_more() -> None:
    one = CampaignFigures("one", 0.5, False, {}, 4_000, 4_000, GroupOutcomes(4_000, 940), GroupOutcomes(4_000, 800))
    alone = uplift_report("shop", 1, [one]).campaigns[0]
    among = uplift_report("shop", 1, [one] * 100).campaigns[0]
    assert (alone.verdict, alone.verdict_among_all) == ("better", "better")
    assert (among.verdict, among.verdict_among_all) == ("better", "undecided")


def test_what_was_held_and_looked_at_again_is_offered_once() -> None:
    assert reported(GroupOutcomes(1, 1), GroupOutcomes(1, 0)).offered == 3
