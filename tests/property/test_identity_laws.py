"""Two ids of one person: whatever the order in which links arrive, the result is as if there had always been one id."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.identity.links import IdLink, Joining, Links
from etapa.journey.identity.under import under
from etapa.journey.language.model import LINK, Identity, Journey, UnitedStage
from etapa.journey.units import HOUR
from etapa.rehearsal.replay import Replay, Told, told_of
from etapa.rehearsal.summary import Summary
from tests.reference.made_up import journeys, thorough, touchpoints

IDS = ("ada", "anon", "bert", "carla")
LATER = 200 * HOUR

links = st.builds(IdLink, st.integers(0, 4), st.sampled_from(IDS), st.sampled_from(IDS)).filter(lambda each: each.moved != each.kept)


def taken(found: Sequence[IdLink]) -> Links:
    known = Links()
    for link in found:
        judged = known.judge(link)
        if isinstance(judged, Joining):
            assert judged.are_two == (known.kept_for(link.moved) != known.kept_for(link.kept))
            assert judged.gone in {known.kept_for(link.moved), known.kept_for(link.kept)}
            assert not judged.are_two or {judged.gone, judged.kept} == {known.kept_for(link.moved), known.kept_for(link.kept)}
            known.take(judged)
    return known


@thorough
@given(st.lists(links, max_size=5), st.integers(0, 2**32))
def test_the_order_in_which_links_arrive_makes_no_difference(found: list[IdLink], seed: int) -> None:
    expected = {each: taken(sorted(found)).kept_for(each) for each in IDS}
    orders = list(permutations(found)) if len(found) < 5 else [random.Random(seed + turn).sample(found, len(found)) for turn in range(30)]
    for order in orders:
        known = taken([*order, *order])
        assert {each: known.kept_for(each) for each in IDS} == expected


def link_of(link: IdLink, number: int) -> Touchpoint:
    return Touchpoint(f"l-{number}", link.moved, LINK, link.at, properties={SAME_AS: link.kept})


@st.composite
def streams(draw: st.DrawFn, most: int = 14) -> list[Touchpoint]:
    """Touchpoints of several ids with links between them, in order of arrival."""
    stream = draw(touchpoints(IDS, most))
    for number, link in enumerate(draw(st.lists(links, min_size=1, max_size=4))):
        stream.insert(draw(st.integers(0, len(stream))), link_of(link, number))
    return stream


def united(journey: Journey, stream: Sequence[Touchpoint]) -> Replay:
    replay = Replay(compile_journey(replace(journey, identity=Identity())))
    for touchpoint in stream:
        for touched in replay.take(touchpoint):
            assert not isinstance(touched, Rejected) or touched.reason in ("link_cycle", "evaluation_failed"), touched
    return replay


def as_one(stream: Sequence[Touchpoint], replay: Replay) -> Replay:
    """The same touchpoints with the ids replaced."""
    plain = Replay(replay.program)
    for touchpoint in stream:
        if touchpoint.type != LINK:
            list(plain.take(under(touchpoint, replay.kept_for(touchpoint.customer_id))))
    return plain


def bytes_of(customers: dict[str, Customer]) -> dict[str, bytes]:
    """States without what was published under either id, which of course differs: how many changes, and which stages they entered."""
    for customer in customers.values():
        customer.sequence, customer.visited = 1, 0
    return {customer_id: encode_state(customer) for customer_id, customer in customers.items()}


@thorough
@given(journeys(), streams(), st.booleans())
def test_a_replay_leads_to_the_state_that_one_id_would_have(journey: Journey, stream: list[Touchpoint], runs_on: bool) -> None:
    journey = replace(journey, campaigns=(), caps=None)
    replay = united(journey, stream)
    plain = as_one(stream, replay)
    if runs_on:
        for each in (replay, plain):
            list(each.fire_until(LATER, lambda _: None))
    assert bytes_of(replay.customers) == bytes_of(plain.customers)


@thorough
@given(journeys(), streams())
def test_what_campaigns_did_makes_no_difference_to_the_stage(journey: Journey, stream: list[Touchpoint]) -> None:
    # In order of time, because the end of a goal's time moves the clock, by which late touchpoints are judged.
    stream.sort(key=lambda each: each.at)
    replay = united(journey, stream)
    plain = as_one(stream, replay)
    for customers in (replay.customers, plain.customers):
        for customer in customers.values():
            customer.outreach = customer.due = None
    assert bytes_of(replay.customers) == bytes_of(plain.customers)


@thorough
@given(journeys(), streams(), st.sampled_from(["replay", "furthest", "keep"]))
def test_what_is_published_under_an_id_is_one_story(journey: Journey, stream: list[Touchpoint], stage: UnitedStage) -> None:
    """Numbers without a gap, each change from where the last one led, and customers counted once, in the stages in which they are."""
    journey = replace(journey, identity=Identity(stage))
    replay, summary = Replay(compile_journey(journey)), Summary(journey)
    told: list[Told] = []
    for touchpoint in stream:
        for touched in replay.take(touchpoint):
            if not isinstance(touched, Rejected):
                told += told_of(touched)
    told += replay.fire_until(LATER, lambda _: None)
    last: dict[str, StageChange] = {}
    for each in told:
        summary.told(each)
        if isinstance(each, StageChange):
            before = last.get(each.customer_id)
            assert each.sequence == (1 if before is None else before.sequence + 1)
            assert (each.source, before is None or before.at <= each.at) == (None if before is None else before.to, True)
            assert (each.cause == "link") is any(
                clause.condition.startswith("same_as(") for clause in each.because
            ) or each.rule is not None
            last[each.customer_id] = each
    for customer_id, customer in replay.customers.items():
        assert (customer.id, customer.stage, customer.sequence) == (customer_id, last[customer_id].to, last[customer_id].sequence)
        assert decode_state(encode_state(customer), customer_id) == customer
    assert summary.stages == {each.id: sum(customer.stage == each.id for customer in replay.customers.values()) for each in journey.stages}
