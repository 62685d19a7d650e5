"""What waited for one of two ids, and is overdue because the other's clock was later: it is settled, and no rule is judged as of the past."""

import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.journey.engine.facts.changes import CampaignOutcome
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.journey.engine.judging.classify import reschedule
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.rehearsal.replay import Replay, Told, told_of
from tests.unit.engine.shops import did, us

JOURNEY = """
journey: shop
version: 1
identity: {stage: keep}
stages: [{id: calm}, {id: keen}]
rules:
  - {id: warms, from: calm, to: keen, when: WHEN}
  - {id: cools, from: keen, to: calm, when: {count: visit, gte: 1}}
campaigns:
  - {id: hello, on: {enter: keen}, goal: {event: reply, within: 1h}}
"""
SCORE = "{score: {visit: 3}, half_life: 1h, lte: 4}"
IN_THE_MORNING = '{clock: {hours: "00:00-12:00"}}'
VISITS = (did("visit", "1d", who="ada"), did("visit", "3d", who="anon"))
REPLY = did("reply", "3d30m", who="anon")
LINK = Touchpoint("l-1", "anon", "$link", us("4d"), properties={SAME_AS: "ada"})


def told_by(replay: Replay, *touchpoints: Touchpoint) -> list[Told]:
    told: list[Told] = []
    for touchpoint in touchpoints:
        for touched in replay.take(touchpoint):
            assert not isinstance(touched, Rejected)
            told += told_of(touched)
    return told


def replay_of(when: str) -> Replay:
    return Replay(compile_journey(journey_or_raise(JOURNEY.replace("WHEN", when), "shop.yaml")))


@pytest.mark.parametrize(
    ("when", "before", "clock"),
    [
        # It became true shortly before the clock, was passed over at the clock, and another goal is open, or none.
        (SCORE, VISITS, "3d"),
        (SCORE, (*VISITS, REPLY), "3d30m"),
        # It became true at the clock itself, and was passed over.
        (IN_THE_MORNING, VISITS, "3d"),
    ],
)
def test_a_goal_that_is_overdue_ends_at_its_own_time_and_moves_nobody(when: str, before: tuple[Touchpoint, ...], clock: str) -> None:
    told = told_by(replay_of(when), *before, LINK, did("search", "5d", who="ada"))
    changes = [each for each in told if isinstance(each, StageChange) and each.customer_id == "ada"]
    assert [(each.sequence, each.to, each.at, each.cause) for each in changes[1:4]] == [
        (2, "keen", us("1d"), "touchpoint"),
        (3, "calm", us(clock), "link"),
        (4, "keen", changes[3].at, changes[3].cause),
    ]
    assert changes[3].at > us(clock)
    ended = [each for each in told if isinstance(each, CampaignOutcome) and each.under is None]
    assert [(each.at, each.met) for each in ended if (each.customer_id, each.sequence) == ("ada", 2)] == [(us("25h"), False)]


def test_without_what_is_overdue_the_next_timer_is_later_than_the_clock() -> None:
    replay = replay_of(SCORE)
    told_by(replay, *VISITS, LINK)
    ada = replay.customers["ada"]
    assert (ada.clock, ada.due) == (us("3d"), us("25h"))
    ada.outreach = None
    reschedule(replay.program, ada)
    assert (ada.clock, ada.due) == (us("3d"), None)
