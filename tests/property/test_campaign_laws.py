"""What campaigns never do, however customers move, and who is in holdout groups."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etapa.journey.engine.facts.changes import Release, Trigger
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import in_order, triggers_of
from etapa.journey.engine.judging.classify import run_and_note, touch
from etapa.journey.engine.judging.control_groups import control_group_bound, control_group_number
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.model import Campaign, Journey, Stage, Transition
from etapa.journey.units import HOUR
from tests.reference.made_up import campaigns, journeys, thorough, touchpoints


@st.composite
def campaigning(draw: st.DrawFn) -> Journey:
    """Journeys that have campaigns."""
    journey: Journey = draw(journeys())
    if journey.campaigns:
        return journey
    stages = tuple(stage.id for stage in journey.stages)
    some: list[Campaign] = draw(st.lists(campaigns(stages), min_size=1, max_size=3, unique_by=lambda campaign: campaign.id))
    return replace(journey, campaigns=tuple(some))


def told_of(program: Program, stream: list[Touchpoint]) -> list[StageChange | Release]:
    customer: Customer | None = None
    told: list[StageChange | Release] = []
    for touchpoint in stream:
        touched = touch(program, customer, touchpoint)
        customer = touched.customer
        told += in_order(touched.changes, touched.released)
    assert customer is not None
    happened = run_and_note(program, customer, customer.clock + 60 * HOUR)
    return [*told, *in_order(happened.changes, happened.released)]


def changes_of(program: Program, stream: list[Touchpoint]) -> list[StageChange]:
    return [each for each in told_of(program, stream) if not isinstance(each, Release)]


def triggered(journey: Journey, stream: list[Touchpoint]) -> list[Trigger]:
    return triggers_of(told_of(compile_journey(journey), stream))


@thorough
@given(campaigning(), touchpoints())
def test_campaigns_move_nobody(journey: Journey, stream: list[Touchpoint]) -> None:
    def moves(one: Journey) -> list[tuple[object, ...]]:
        changes = changes_of(compile_journey(one), stream)
        return [(each.sequence, each.source, each.to, each.at, each.cause, each.rule, each.because, each.dwell) for each in changes]

    assert moves(journey) == moves(replace(journey, campaigns=(), caps=None, consent=None))


@thorough
@given(campaigning(), touchpoints())
def test_a_trigger_belongs_to_a_change_and_comes_at_most_once_for_each_campaign(journey: Journey, stream: list[Touchpoint]) -> None:
    changes = {change.sequence: change for change in changes_of(compile_journey(journey), stream)}
    triggers = triggers_of(changes.values())
    for trigger in triggers:
        change = changes[trigger.sequence]
        assert (trigger.customer_id, trigger.at, trigger.source, trigger.to) == (change.customer_id, change.at, change.source, change.to)
    assert len({(trigger.sequence, trigger.campaign) for trigger in triggers}) == len(triggers)


@thorough
@given(campaigning(), touchpoints())
def test_caps_cooldowns_and_once_are_never_broken(journey: Journey, stream: list[Touchpoint]) -> None:
    triggers = triggered(journey, stream)
    if journey.caps is not None:
        for last in triggers:
            window = [each for each in triggers if last.at - journey.caps.per < each.at <= last.at]
            assert len(window) <= journey.caps.maximum
    times: dict[str, list[int]] = defaultdict(list)
    for trigger in triggers:
        times[trigger.campaign].append(trigger.at)
    for campaign in journey.campaigns:
        if campaign.once:
            assert len(times[campaign.id]) <= 1
        if campaign.cooldown is not None:
            pairs = zip(times[campaign.id], times[campaign.id][1:], strict=False)
            assert all(later - earlier >= campaign.cooldown for earlier, later in pairs)


@thorough
@given(campaigning(), touchpoints())
def test_without_the_trait_there_is_no_consent(journey: Journey, stream: list[Touchpoint]) -> None:
    silent = [Touchpoint(each.id, each.customer_id, each.type, each.at, each.channel, each.properties) for each in stream]
    if journey.consent is not None:
        assert triggered(journey, silent) == []


@thorough
@given(campaigning(), touchpoints())
def test_who_is_in_a_control_group_changes_nothing_but_the_mark(journey: Journey, stream: list[Touchpoint]) -> None:
    everybody, nobody = (
        replace(journey, campaigns=tuple(replace(each, holdout=share) for each in journey.campaigns)) for share in (1.0, 0.0)
    )
    held_out, sent = triggered(everybody, stream), triggered(nobody, stream)
    assert all(trigger.holdout for trigger in held_out)
    assert not any(trigger.holdout for trigger in sent)
    assert [(each.campaign, each.sequence) for each in held_out] == [(each.campaign, each.sequence) for each in sent]


MANY = 100_000
KINDS_OF_IDS: dict[str, Callable[[int], str]] = {
    "counted": lambda number: f"c-{number}",
    "padded": lambda number: f"{number:012d}",
    "addresses": lambda number: f"someone.{number}@shop.example",
    "scattered": lambda number: f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}",
}
every_kind = pytest.mark.parametrize("kind", KINDS_OF_IDS)


def members(campaign: str, kind: str, share: float) -> set[int]:
    bound, name = control_group_bound(share), KINDS_OF_IDS[kind]
    return {number for number in range(MANY) if control_group_number(campaign, name(number)) < bound}


@every_kind
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_a_control_group_is_within_half_a_point_of_its_share(kind: str, share: float) -> None:
    assert abs(len(members("loyalty-welcome", kind, share)) / MANY - share) < 0.005


@every_kind
@pytest.mark.parametrize("others", ["win-back", "loyalty-welcome-2", "cross-sell-after-service"])
def test_control_groups_of_two_campaigns_are_independent(kind: str, others: str) -> None:
    one, other = members("loyalty-welcome", kind, 0.1), members(others, kind, 0.2)
    assert abs(len(one & other) / MANY - 0.1 * 0.2) < 0.005
    observed = [len(one & other), len(one - other), len(other - one), MANY - len(one | other)]
    shares = [len(one) / MANY, len(other) / MANY]
    expected = [
        MANY * shares[0] * shares[1],
        MANY * shares[0] * (1 - shares[1]),
        MANY * (1 - shares[0]) * shares[1],
        MANY * (1 - shares[0]) * (1 - shares[1]),
    ]
    chi_square = sum((found - due) ** 2 / due for found, due in zip(observed, expected, strict=True))
    assert chi_square < 10.83, "independent groups come so far apart once in a thousand"


def test_a_control_group_is_the_same_for_ever() -> None:
    assert control_group_number("loyalty-welcome", "c-42") == 0x894F0F0C90243262
    assert control_group_number("loyalty-welcome", "niño-42") == 0xBD938888E3DA184A


def test_a_larger_control_group_holds_the_smaller_one() -> None:
    smaller, larger = members("win-back", "counted", 0.1), members("win-back", "counted", 0.15)
    assert smaller < larger


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_engine_draws_by_that_number(share: float) -> None:
    entering = (Transition(None, ("one",)),)
    drawn = (Campaign("hello", entering, holdout=share), Campaign("bye", entering, holdout=1 - share))
    program = compile_journey(Journey("made-up", 1, "one", 0, 0, (Stage("one", None, {}),), (), campaigns=drawn))
    for number in range(200):
        touched = touch(program, None, Touchpoint("e", f"c-{number}", "visit", 0))
        held_out = {trigger.campaign: trigger.holdout for trigger in triggers_of(touched.changes)}
        assert held_out == {each.id: control_group_number(each.id, f"c-{number}") < control_group_bound(each.holdout) for each in drawn}
