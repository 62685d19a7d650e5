from collections import Counter, defaultdict
from collections.abc import Iterator
from io import BytesIO
from itertools import islice, pairwise

import msgspec
import pytest
from click.testing import CliRunner

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.embedded import shoppers
from etapa.embedded.demo_plan import DemoOptions, plan_for
from etapa.embedded.shopper_kinds import PERSONAS
from etapa.embedded.shoppers import BROKEN, SentTouchpoint, ShoppingTrip, touchpoints
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.kinds.absence import Absent
from etapa.journey.language.kinds.count import Count
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.model import ANY_TYPE, All, AnyOf, Condition, Journey, Not
from etapa.journey.units import DAY
from etapa.rehearsal.summary import simulate
from etapa.settings import SHIPPED_JOURNEY

START = 1_700_000_000_000_000
GRACE = 10_000_000
A_YEAR = ShoppingTrip(seed=1, start=START, end=START + 3 * 365 * DAY, pace=365 * DAY // 10_000)


@pytest.fixture(scope="module")
def year() -> list[SentTouchpoint]:
    """Ten thousand records of about a year."""
    return list(islice(touchpoints(A_YEAR), 10_000))


def _read(sent: SentTouchpoint) -> Touchpoint | Rejected:
    return decode_touchpoint(sent.key, sent.value, TouchpointLimits(), A_YEAR.end)


def test_the_same_plan_gives_the_same_records() -> None:
    assert list(islice(touchpoints(A_YEAR), 2_000)) == list(islice(touchpoints(A_YEAR), 2_000))


def test_another_seed_gives_other_shoppers() -> None:
    one, other = (list(islice(touchpoints(A_YEAR._replace(seed=seed)), 100)) for seed in (1, 2))
    assert one != other


def test_records_come_in_the_order_of_their_arrival(year: list[SentTouchpoint]) -> None:
    assert all(earlier.arrives_at <= later.arrives_at for earlier, later in pairwise(year))


def test_nothing_arrives_before_it_happened_or_after_the_end(year: list[SentTouchpoint]) -> None:
    assert all(START <= sent.occurred_at <= sent.arrives_at < A_YEAR.end for sent in year)


@pytest.mark.parametrize("pace", [1, DAY, 400 * DAY])
def test_time_never_reaches_the_end_however_long_it_goes_on(pace: int) -> None:
    plan = A_YEAR._replace(pace=pace, customers=20)
    assert max(sent.arrives_at for sent in islice(touchpoints(plan), 20_000)) < plan.end


def test_what_is_not_broken_is_a_touchpoint_and_what_is_broken_is_not(year: list[SentTouchpoint]) -> None:
    for sent in year:
        assert isinstance(_read(sent), Rejected) is (sent.flaw in BROKEN)


def test_broken_records_are_few_and_of_all_kinds(year: list[SentTouchpoint]) -> None:
    broken = Counter(sent.flaw for sent in year if sent.flaw in BROKEN)
    assert set(broken) == set(BROKEN)
    assert 0.001 < broken.total() / len(year) < 0.01


def test_duplicates_are_few_and_say_exactly_what_was_said_before(year: list[SentTouchpoint]) -> None:
    said = defaultdict(list)
    for sent in year:
        if sent.flaw not in BROKEN:
            said[sent.touchpoint_id].append(sent)
    twice = [sents for sents in said.values() if len(sents) > 1]
    assert 0.005 < len(twice) / len(year) < 0.03
    assert all(first.value == second.value and second.flaw == "duplicate" for first, second in twice)


def test_some_are_late_within_the_grace_and_some_beyond(year: list[SentTouchpoint]) -> None:
    delays = [sent.arrives_at - sent.occurred_at for sent in year if sent.flaw == "late"]
    assert 0.02 < len(delays) / len(year) < 0.2
    assert any(0 < delay <= GRACE for delay in delays)
    assert any(delay > GRACE for delay in delays)


def test_some_touchpoints_of_a_customer_overtake_each_other(year: list[SentTouchpoint]) -> None:
    latest: dict[bytes, int] = {}
    overtaken = 0
    for sent in year:
        if sent.flaw in (None, "late"):
            overtaken += sent.occurred_at < latest.get(sent.key, 0)
            latest[sent.key] = max(sent.occurred_at, latest.get(sent.key, 0))
    assert overtaken > 10


def test_channels_are_online_and_offline(year: list[SentTouchpoint]) -> None:
    channels = Counter(touchpoint.channel for touchpoint in map(_read, year) if isinstance(touchpoint, Touchpoint))
    assert {"social", "search", "email", "web", "app", "sms", "whatsapp", "print", "store"} <= set(channels)


def test_every_shopper_has_a_persona_and_says_about_consent(year: list[SentTouchpoint]) -> None:
    traits: dict[str, dict[str, object]] = {}
    for touchpoint in map(_read, year):
        if isinstance(touchpoint, Touchpoint):
            traits.setdefault(touchpoint.customer_id, {}).update(touchpoint.traits)
    assert {of["persona"] for of in traits.values()} == {persona.__name__ for persona in PERSONAS}
    assert {of["marketing_consent"] for of in traits.values()} == {True, False}


def test_purchases_say_what_was_bought_for_how_much(year: list[SentTouchpoint]) -> None:
    purchases = [one for one in map(_read, year) if isinstance(one, Touchpoint) and one.type == "purchase"]
    assert len(purchases) > 100
    for purchase in purchases:
        assert purchase.properties["amount"] > 0
        assert purchase.properties["currency"] == "EUR"
        assert purchase.properties["product"]


def test_journeys_take_from_minutes_to_months(year: list[SentTouchpoint]) -> None:
    """From a customer's first touchpoint to the first purchase."""
    first: dict[str, int] = {}
    taken: dict[str, int] = {}
    for one in map(_read, year):
        if isinstance(one, Touchpoint):
            first.setdefault(one.customer_id, one.at)
            if one.type == "purchase":
                taken.setdefault(one.customer_id, one.at - first[one.customer_id])
    assert min(taken.values()) < DAY / 24
    assert max(taken.values()) > 20 * DAY


@pytest.mark.parametrize("customers", [1, 30, 500])
def test_there_are_as_many_shoppers_as_asked_for(customers: int) -> None:
    plan = A_YEAR._replace(customers=customers, newcomer_every=4.0, broken_share=0.0)
    assert len({sent.key for sent in islice(touchpoints(plan), 5_000)}) == customers


def test_time_in_the_shop_keeps_to_the_plan(year: list[SentTouchpoint]) -> None:
    """Three years, ever more slowly; at the first pace, ten thousand touchpoints would fill one of them: three quarters of a year."""
    assert abs(year[-1].arrives_at - START - 365 * DAY * 3 / 4) < 10 * DAY


def test_as_a_command_it_prints_json_lines_that_never_change() -> None:
    runs = [CliRunner().invoke(shoppers.main, ["--touchpoints", "300", "--customers", "25", "--days", "90"]) for _ in range(2)]
    assert runs[0].output == runs[1].output
    lines = [msgspec.json.decode(line) for line in runs[0].output.splitlines()]
    assert len(lines) == 300
    assert len({line["customer_id"] for line in lines}) == 25
    assert lines[0]["occurred_at"] == "2025-01-01T00:00:00Z"
    assert "2025-03" in lines[-1]["occurred_at"]


def test_as_a_command_it_refuses_a_start_that_is_no_time() -> None:
    run = CliRunner().invoke(shoppers.main, ["--touchpoints", "3", "--start", "yesterday"])
    assert run.exit_code == 2
    assert "'yesterday' is not a time" in run.output


def _lines(year: list[SentTouchpoint]) -> BytesIO:
    return BytesIO(b"".join(sent.value + b"\n" for sent in year if sent.value is not None and sent.flaw not in BROKEN))


@pytest.fixture(scope="module")
def journey() -> Journey:
    return journey_or_raise(SHIPPED_JOURNEY.read_text(encoding="utf-8"), str(SHIPPED_JOURNEY))


@pytest.fixture(scope="module")
def changes(year: list[SentTouchpoint], journey: Journey) -> list[StageChange]:
    """How they fare in the shipped journey, including the time that passes for those who stay away."""
    return list(simulate(compile_journey(journey), journey, _lines(year), until=year[-1].arrives_at))


def test_they_do_everything_that_the_shipped_journey_asks_about(year: list[SentTouchpoint], journey: Journey) -> None:
    asked = {kind for rule in journey.rules for kind in _types(rule.when)} - {ANY_TYPE}
    done = {touchpoint.type for touchpoint in map(_read, year) if isinstance(touchpoint, Touchpoint)}
    assert asked <= done


def _types(condition: Condition) -> Iterator[str]:
    match condition:
        case All(conditions) | AnyOf(conditions):
            for inner in conditions:
                yield from _types(inner)
        case Not(inner):
            yield from _types(inner)
        case Event(match) | Count(match=match) | Absent(match=match):
            yield from match.types


def test_they_reach_all_stages_and_many_of_them_stay(changes: list[StageChange], journey: Journey) -> None:
    stage_of = {change.customer_id: change.to for change in changes}
    stages = Counter(stage_of.values())
    assert set(stages) == {stage.id for stage in journey.stages}
    # Loyalty and advocacy are for some: neither a handful nor everybody.
    for stage in ("loyalty", "advocacy"):
        assert 0.03 < stages[stage] / stages.total() < 0.4


def test_every_rule_of_the_shipped_journey_moves_somebody(changes: list[StageChange], journey: Journey) -> None:
    assert {change.rule for change in changes} == {rule.id for rule in journey.rules} | {None}


def test_some_go_back_because_time_has_passed(changes: list[StageChange], journey: Journey) -> None:
    order = {stage.id: place for place, stage in enumerate(journey.stages)}
    back = [change for change in changes if change.cause == "timer" and change.source and order[change.to] < order[change.source]]
    assert {"drifts-away", "stays-away", "loses-interest", "abandons-the-cart"} <= {change.rule for change in back}
    assert len(back) > len(changes) / 100


def test_a_twenty_second_demo_at_its_modest_rate_shows_all_stages_and_ways_back(journey: Journey) -> None:
    shipped = journey_or_raise(SHIPPED_JOURNEY.read_text(encoding="utf-8"), str(SHIPPED_JOURNEY))
    plan = plan_for(DemoOptions(journey=shipped, journey_path=SHIPPED_JOURNEY, usual_port=6066, seconds=20), A_YEAR.end)
    sent = list(islice(touchpoints(plan), 4_000))
    changes = list(simulate(compile_journey(journey), journey, _lines(sent), until=sent[-1].arrives_at))
    assert {change.to for change in changes} == {stage.id for stage in journey.stages}
    assert {"drifts-away", "stays-away"} <= {change.rule for change in changes}
