"""Local time and dates: the engine against the slow evaluator, around clock changes, skipped dates, and 29 February."""

from datetime import datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import run_until, touch
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language import model
from etapa.journey.language.kinds.aggregate import Aggregate
from etapa.journey.language.kinds.clock import Hours, LocalClock, Times
from etapa.journey.language.kinds.count import Count
from etapa.journey.language.kinds.date import Date, Offset, Period
from etapa.journey.language.kinds.days import Days
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.kinds.in_stage import InStage
from etapa.journey.language.matching.windows import UNITS
from etapa.journey.units import DAY, HOUR, MINUTE
from tests.reference.evaluator import Shopper
from tests.reference.made_up import EXAMPLES

# Clock changes, summer time of half an hour, an offset of three quarters, a skipped date, no summer time at all.
PLACES = {
    "America/New_York": ["2026-03-07T12:00:00+00:00", "2026-10-31T12:00:00+00:00"],
    "Australia/Lord_Howe": ["2026-04-04T00:00:00+00:00", "2026-10-03T00:00:00+00:00"],
    "Asia/Kathmandu": ["1985-12-31T00:00:00+00:00", "2028-02-27T00:00:00+00:00"],
    "Pacific/Apia": ["2011-12-28T12:00:00+00:00"],
    "America/Sao_Paulo": ["2018-11-03T00:00:00+00:00", "2018-02-17T00:00:00+00:00"],
    "Africa/Cairo": ["2040-04-26T00:00:00+00:00"],
    "America/La_Paz": ["2027-02-26T12:00:00+00:00"],
}
moments = st.sampled_from([(zone, at) for zone, starts in PLACES.items() for at in starts])
quarters = st.integers(0, 95).map(lambda quarter: quarter * 15 * MINUTE)
hours = st.tuples(quarters, quarters).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: Hours(*pair))
straight = hours.filter(lambda each: each.start < each.end)
weekdays = st.lists(st.integers(0, 6), min_size=1, max_size=6, unique=True).map(lambda days: tuple(sorted(days)))
times = st.one_of(st.builds(Times, st.none(), hours), st.builds(Times, weekdays, st.none()), st.builds(Times, weekdays, straight))
offsets = st.tuples(st.integers(0, 3), st.sampled_from([0, 0, HOUR, 90 * MINUTE]), st.sampled_from([1, -1])).map(
    lambda found: Offset(found[0] * found[2], found[1] * found[2])
)


EVERY: list[Period | None] = [None, "year", "month"]


@st.composite
def long_dates(draw: st.DrawFn) -> Date:
    """Those that hold for nearly a whole period, far from the date: they meet, or nearly do, where clocks change."""
    every: Period = draw(st.sampled_from(["year", "month"]))
    start, short = draw(st.integers(-500, 500)), draw(st.sampled_from([0, 30 * MINUTE, HOUR, DAY]))
    length = (365 if every == "year" else 28) * DAY - short - 1
    end = start * DAY + length
    sign = 1 if end >= 0 else -1
    days = draw(st.sampled_from([abs(end) // DAY, 0]))
    return Date("day", every, Offset(start, 0), Offset(sign * days, end - sign * days * DAY))


@st.composite
def dates(draw: st.DrawFn) -> Date:
    every: Period | None = draw(st.sampled_from(EVERY))
    begins, ends = sorted(draw(st.lists(offsets, min_size=2, max_size=2, unique_by=lambda each: each.length)), key=lambda each: each.length)
    if every is None and draw(st.booleans()):
        return Date("day", None, *draw(st.sampled_from([(begins, None), (None, ends)])))
    return Date("day", every, begins, ends)


spans = st.sampled_from([HOUR, 12 * HOUR, DAY, 25 * HOUR, 2 * DAY])
windows = st.one_of(
    st.builds(model.Calendar, st.sampled_from(["day", "day", *UNITS]), st.booleans()).map(lambda each: model.Window(calendar=each)),
    st.just(model.EVER),
    spans.map(model.Window),
    spans.map(lambda before: model.Window(before=before)),
    st.tuples(spans, spans).map(lambda two: model.Window(two[0] + two[1], two[1])),
)
some = st.sampled_from([model.Match(("a",)), model.Match(("a", "b"))])
OPERATORS: list[model.Operator] = ["gte", "lt", "eq", "ne"]
few = st.builds(model.Test, st.sampled_from(OPERATORS), st.integers(1, 3)).map(lambda test: model.Comparison((test,)))

leaves: st.SearchStrategy[model.Condition] = st.one_of(
    st.builds(Days, some, windows, few),
    st.builds(Days, some, windows, few),
    st.builds(Count, some, windows, few),
    st.builds(Aggregate, st.just("distinct"), st.just(("type",)), some, windows, few),
    st.builds(LocalClock, times),
    dates(),
    long_dates(),
    st.builds(Event, st.just(model.Match(("a",)))),
    st.builds(InStage, st.just(7 * HOUR)),
)
conditions = st.one_of(leaves, leaves.map(model.Not), st.lists(leaves, min_size=2, max_size=2).map(lambda two: model.All(tuple(two))))


@st.composite
def stories(draw: st.DrawFn) -> tuple[model.Journey, list[Touchpoint]]:
    zone, start = draw(moments)
    at = round(datetime.fromisoformat(start).timestamp()) * 1_000_000
    stages = ("one", "two", "three")
    pairs = [(source, to) for source in stages for to in stages if source != to]
    rules = [
        model.Rule(f"rule-{number}", (source,), to, draw(conditions))
        for number, (source, to) in enumerate(draw(st.lists(st.sampled_from(pairs), min_size=2, max_size=4)))
    ]
    by_trait = draw(st.booleans())
    journey = model.Journey(
        id="local",
        version=1,
        initial="one",
        remember_ids=0,
        grace=0,
        stages=tuple(model.Stage(stage, None, {}) for stage in stages),
        rules=tuple(rules),
        zone=model.CustomerZone("zone", "Europe/Madrid") if by_trait else model.CustomerZone(None, zone),
    )
    day = datetime.fromisoformat(start).date()
    told = st.sampled_from(
        [day.isoformat(), f"{day.isoformat()}T23:30:00-03:00", f"{day.year - 3}-{day.month:02}-28", "1996-02-29", "2000-01-31", "soon", 7]
    )
    touchpoints = []
    for number in range(draw(st.integers(1, 6))):
        traits = {"day": draw(told)} if draw(st.booleans()) else {}
        if by_trait and draw(st.booleans()):
            traits["zone"] = draw(st.sampled_from([zone, zone, "Nowhere/At_All", 5]))
        occurred = at + draw(st.integers(0, 4 * 96)) * 15 * MINUTE
        touchpoints.append(Touchpoint(f"t-{number}", "c", draw(st.sampled_from("ab")), occurred, None, {}, traits))
    return journey, touchpoints


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(stories())
def test_the_engine_moves_customers_as_the_slow_evaluator_does(story: tuple[model.Journey, list[Touchpoint]]) -> None:
    journey, touchpoints = story
    program, shopper = compile_journey(journey), Shopper(journey)
    customer: Customer | None = None
    changes = []
    for touchpoint in touchpoints:
        touched = touch(program, customer, touchpoint)
        customer = touched.customer
        changes += touched.changes
        shopper.meet(touchpoint)
    assert customer is not None
    end = customer.clock + 3 * DAY
    changes += run_until(program, customer, end)
    shopper.wait_until(end)
    assert [(each.source, each.to, each.at, each.cause, each.rule) for each in changes] == [
        (each.source, each.to, each.at, each.cause, each.rule) for each in shopper.moves
    ]
