"""Laws of rehearsing a journey."""

import io
import json
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import format_time
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.model import ExpectedChange, GivenTouchpoint, Journey, Scenario
from etapa.journey.units import DAY, HOUR
from etapa.rehearsal.alignment import side_by_side
from etapa.rehearsal.diff import Diff
from etapa.rehearsal.scenarios import START, rehearse, touchpoints_of
from etapa.rehearsal.summary import Summary, simulate
from tests.reference.made_up import EXAMPLES

BOUNDED = settings(max_examples=EXAMPLES, deadline=None)
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


histories = st.lists(st.tuples(st.sampled_from("abc"), touchpoints), max_size=25)
OTHER = journey_or_raise(
    FILE.read_text("utf-8").replace("within: 180d, gte: 3", "within: 180d, gte: 2").replace("in_stage: 7d", "in_stage: 5d"), FILE.name
)


def lines_of(history: list[tuple[str, GivenTouchpoint]]) -> bytes:
    return b"".join(
        json.dumps(
            {
                "id": each.id or f"made-up-{number}",
                "customer_id": customer,
                "type": each.type,
                "occurred_at": format_time(START + each.at),
                "properties": each.properties or {},
            }
        ).encode()
        + b"\n"
        for number, (customer, each) in enumerate(history)
    )


def diff(old: Journey, new: Journey, lines: bytes, until: int | None) -> Diff:
    found = Diff.between(old, new)
    found.read(io.BytesIO(lines), until, decoder=decoder_within(TouchpointLimits()))
    return found


@BOUNDED
@given(histories, st.none() | times)
def test_a_journey_never_differs_from_itself(history: list[tuple[str, GivenTouchpoint]], days: int | None) -> None:
    found = diff(JOURNEY, JOURNEY, lines_of(history), None if days is None else START + days)
    assert found.is_empty
    assert all(old == new for old, new in found.cells)


@BOUNDED
@given(histories, st.none() | times)
def test_a_diff_agrees_with_two_simulations(history: list[tuple[str, GivenTouchpoint]], days: int | None) -> None:
    lines, until = lines_of(history), None if days is None else START + days
    summaries = Summary(JOURNEY), Summary(OTHER)
    old, new = (
        Counter(
            (change.customer_id, change.at, change.source, change.to)
            for change in simulate(compile_journey(summary.journey), summary.journey, io.BytesIO(lines), until, summary=summary)
        )
        for summary in summaries
    )
    found = diff(JOURNEY, OTHER, lines, until)
    assert (found.old.only_here, found.new.only_here) == ((old - new).total(), (new - old).total())
    assert found.same_changes == (old & new).total()
    assert set(found.parted) == {change[0] for change in [*(old - new), *(new - old)]}
    assert found.customers == summaries[0].customers
    for stage in summaries[0].stages:
        assert sum(count for cell, count in found.cells.items() if cell[0] == stage) == summaries[0].stages[stage]
        assert sum(count for cell, count in found.cells.items() if cell[1] == stage) == summaries[1].stages[stage]


@BOUNDED
@given(histories, st.none() | times)
def test_a_diff_the_other_way_round_is_its_mirror(history: list[tuple[str, GivenTouchpoint]], days: int | None) -> None:
    lines, until = lines_of(history), None if days is None else START + days
    there, back = diff(JOURNEY, OTHER, lines, until), diff(OTHER, JOURNEY, lines, until)
    assert {(new, old): count for (old, new), count in there.cells.items()} == back.cells
    assert (there.old.only_here, there.new.only_here) == (back.new.only_here, back.old.only_here)
    # The order of the journeys decides which of two simultaneous changes is named first, but not when the journeys diverge.
    assert {who: parting.at for who, parting in there.parted.items()} == {who: parting.at for who, parting in back.parted.items()}
