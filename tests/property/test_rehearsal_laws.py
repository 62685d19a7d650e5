"""Laws of rehearsing a journey."""

import io
import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from etapa.contracts.rfc3339 import format_time
from etapa.journey.engine.program import compile_journey
from etapa.journey.language.duration import DAY, HOUR
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.model import ExpectedChange, GivenTouchpoint, Scenario
from etapa.rehearsal.alignment import side_by_side
from etapa.rehearsal.scenarios import START, rehearse, touchpoints_of
from etapa.simulate import simulate

BOUNDED = settings(max_examples=200, deadline=None)
FILE = Path(__file__).parents[2] / "service" / "etapa" / "journeys" / "retail.yaml"
JOURNEY = journey_or_raise(FILE.read_text("utf-8"), FILE.name)
PROGRAM = compile_journey(JOURNEY)

times = st.integers(0, 400 * 24).map(lambda hours: hours * HOUR) | st.integers(0, 40).map(lambda weeks: weeks * 7 * DAY)
kinds = ["purchase", "product_view", "complaint", "delivery", "loyalty_signup", "referral", "search", "review", "add_to_cart"]
touchpoints = st.builds(
    GivenTouchpoint,
    times,
    st.sampled_from(kinds),
    channel=st.none() | st.sampled_from(["web", "store"]),
    properties=st.none() | st.fixed_dictionaries({"rating": st.integers(1, 5)}),
    id=st.none() | st.sampled_from(["a", "touchpoint-1"]),
)
scenarios = st.builds(
    Scenario, st.just("a test"), st.lists(touchpoints, min_size=1, max_size=8).map(tuple), st.just(()), until=st.none() | times
)
changes = st.lists(st.builds(ExpectedChange, st.integers(0, 3), st.sampled_from("abc")), max_size=8)


@BOUNDED
@given(scenarios)
def test_a_test_sees_the_changes_that_simulate_prints(scenario: Scenario) -> None:
    lines = [
        {
            "id": touchpoint.id,
            "customer_id": touchpoint.customer_id,
            "type": touchpoint.type,
            "occurred_at": format_time(touchpoint.at),
            "channel": touchpoint.channel,
            "properties": touchpoint.properties,
        }
        for touchpoint in touchpoints_of(scenario)
    ]
    file = io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    until = None if scenario.until is None else START + scenario.until
    simulated = [
        (change.at - START, change.source, change.to, change.rule, change.cause) for change in simulate(PROGRAM, JOURNEY, file, until)
    ]
    outcome = rehearse(PROGRAM, scenario)
    assert [(move.at, move.source, move.to, move.rule, move.cause) for move in outcome.run.moves] == simulated
    assert rehearse(PROGRAM, Scenario("", scenario.given, tuple(move.as_expected() for move in outcome.run.moves), scenario.until)).passed


@BOUNDED
@given(changes, changes)
def test_side_by_side_leaves_nothing_out_and_keeps_both_orders(expected: list[ExpectedChange], actual: list[ExpectedChange]) -> None:
    rows = side_by_side(expected, actual, actual)
    assert [row.expected for row in rows if row.expected is not None] == expected
    assert [row.actual for row in rows if row.actual is not None] == actual
    assert all(row.differs == (row.expected != row.actual) for row in rows)
    assert any(row.differs for row in rows) == (expected != actual)
