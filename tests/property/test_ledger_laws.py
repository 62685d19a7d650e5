"""What always holds for the ledger: it equals what was published, and no cut, order or folding changes a total."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from etapa.contracts.stored.ledger_page import decode_bundle, page_key_of
from etapa.journey.engine.facts.changes import Release
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import in_order, triggers_of
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.engine.partition import Partition
from etapa.journey.engine.work import Work
from etapa.journey.language.design.parts import Design, Feeling, MapFrame, Persona
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.model import Comparison, Journey, Test
from etapa.journey.ledger.ledger import JourneyLedger, enter, fold
from etapa.journey.ledger.page import PageKey
from etapa.journey.ledger.periods import DAYS_KEPT, period_of
from etapa.journey.ledger.stays import bucket_of
from etapa.journey.ledger.tables import TABLES, Figures, Key, Table, add_figures
from etapa.journey.ledger.tally import BatchTally
from etapa.journey.map.ways import ShownSpan, reached_of, ways_of
from etapa.journey.units import DAY, HOUR
from etapa.stream.protocol.ledger_keeper import LedgerKeeper
from tests.reference.made_up import journeys, thorough, touchpoints
from tests.reference.visits import reached_by
from tests.reference.ways import WayStep
from tests.reference.ways import ways_of as ways_tried

CUSTOMERS = ("anna", "bert", "carla")
WALL = 40 * HOUR
LATER = 200 * HOUR

DESIGN = Design(
    personas=(
        Persona("has-one", {}, Trait("t", Comparison((Test("eq", 1),))), {}),
        Persona("has-some", {}, Trait("t", Comparison((Test("exists", True),))), {}),
    ),
    frame=MapFrame("current", {}, (), Feeling(("*",), ("properties", "v"), -2.0, 5.0)),
)
"""Written for the traits and properties of the made-up touchpoints."""

Cells = Mapping[tuple[Table, int], Mapping[Key, Figures]]


def with_design(journey: Journey) -> Journey:
    """With an ideal way along the stages, which begins where everybody begins or later."""
    assert DESIGN.frame is not None
    ideal = tuple(stage.id for stage in journey.stages[len(journey.rules) % 2 :])
    return replace(journey, design=replace(DESIGN, frame=replace(DESIGN.frame, ideal=ideal)))


def works(program: Program, batches: Sequence[Sequence[Touchpoint]]) -> list[Work]:
    """The results of each batch, with all customers in memory, and of the timers after the last."""
    partition, found = Partition(program, None), []
    for batch in batches:
        for touchpoint in batch:
            partition.admit(touchpoint.customer_id, None)
            assert partition.take(touchpoint, WALL)
        found.append(partition.collect())
    assert partition.advance(LATER)
    return [*found, partition.collect()]


def cut(stream: Sequence[Touchpoint], places: set[int]) -> list[Sequence[Touchpoint]]:
    bounds = [0, *sorted(place for place in places if place < len(stream)), len(stream)]
    return [stream[start:stop] for start, stop in pairwise(bounds)]


def ledger_of(found: Sequence[Work]) -> JourneyLedger:
    ledger = JourneyLedger()
    for work in found:
        assert work.tally is not None
        enter(ledger, work.tally, LATER)
    return ledger


def cells_of(ledger: JourneyLedger) -> dict[PageKey, Mapping[Key, Figures]]:
    return {key: ledger.opened(key).cells() for key in ledger.page_keys()}


def totals(ledger: JourneyLedger, *columns: int) -> dict[Table, dict[Key, Figures]]:
    """Figures of each table over all periods, by the columns named."""
    sums: dict[Table, dict[Key, Figures]] = {table: {} for table in TABLES}
    for table in TABLES:
        for _, page in ledger.of(table):
            for key, figures in page.cells().items():
                kept = tuple(key[place] for place in columns if place < len(key))
                add_figures(sums[table].setdefault(kept, [0] * len(figures)), figures)
    return sums


def whole_ways(changes: Sequence[StageChange], journey: Journey, persona: str | None) -> tuple[int, ...] | None:
    """What whole ways say: customers who are followed, those on the ideal way, stages entered, and those among them that do not fit."""
    assert journey.design.frame is not None
    steps = [WayStep(each.customer_id, each.source, each.to, each.at, each.rule, each.persona) for each in changes]
    ways = ways_tried(steps, journey.design.frame.ideal, None, LATER, persona)
    return ways[:4] if ways.customers or ways.entered else None


@thorough
@given(journeys(), touchpoints(CUSTOMERS), st.sets(st.integers(1, 14)))
def test_the_ledger_equals_what_was_published_one_by_one(journey: Journey, stream: list[Touchpoint], places: set[int]) -> None:
    found = works(compile_journey(with_design(journey)), cut(stream, places))
    ledger = ledger_of(found)
    changes = [change for work in found for change in work.changes]
    for persona in (None, *(each.id for each in DESIGN.personas)):
        ways = ways_of(ledger, ShownSpan(None, LATER, persona))
        told = None if ways is None else (ways.customers, ways.on_way, ways.steps, ways.deviations)
        assert told == whole_ways(changes, with_design(journey), persona)
        stages = [stage.id for stage in journey.stages]
        assert reached_of(ledger, stages, ShownSpan(None, LATER, persona)) == reached_by(changes, stages, persona=persona)
        for since in {each.at - each.at % HOUR for each in changes}:
            shown = ShownSpan(since, LATER, persona)
            assert reached_of(ledger, stages, shown) == reached_by(changes, stages, since=since, persona=persona)
    moves: Counter[tuple[str, Key]] = Counter()
    stays: Counter[tuple[str, Key]] = Counter()
    spent: Counter[tuple[str, Key]] = Counter()
    first: Counter[tuple[str, Key]] = Counter()
    been: set[tuple[str, str]] = set()
    campaigns: Counter[tuple[str, Key]] = Counter()
    for change in changes:
        hour = period_of(change.at, "hour")
        moves[hour, (change.persona, change.source, change.to, change.cause, change.rule)] += 1
        first[hour, (change.persona, change.source, change.to, change.cause, change.rule)] += (change.customer_id, change.to) not in been
        been.add((change.customer_id, change.to))
        spent[hour, (change.persona, change.source, change.to, change.cause, change.rule)] += change.dwell or 0
        if change.dwell is not None:
            stays[hour, (change.persona, change.source, change.to, bucket_of(change.dwell))] += 1
        for offer in change.offers:
            campaigns[hour, (change.persona, offer.campaign, offer.outcome)] += 1
    for work in found:
        for release in work.released:
            campaigns[period_of(release.at, "hour"), (release.persona, release.offer.campaign, release.offer.outcome)] += 1
    counted = {(key.table, key.period, cell): figures for key, page in cells_of(ledger).items() for cell, figures in page.items()}
    assert {each[1:]: figures for each, figures in counted.items() if each[0] == "moves"} == {
        key: [count, spent[key], first[key]] for key, count in moves.items()
    }
    assert {each[1:]: figures for each, figures in counted.items() if each[0] == "stays"} == {key: [count] for key, count in stays.items()}
    assert {each[1:]: figures for each, figures in counted.items() if each[0] == "campaigns"} == {
        key: [count] for key, count in campaigns.items()
    }
    touched = sum(figures[0] for each, figures in counted.items() if each[0] == "touchpoints")
    assert touched == sum(work.applied for work in found)


def said(told: Iterable[StageChange | Release]) -> list[StageChange | Release]:
    """The same, however many changes each release came with."""
    return [each if isinstance(each, StageChange) else msgspec.structs.replace(each, after=0) for each in told]


@thorough
@given(journeys(), touchpoints(CUSTOMERS), st.sets(st.integers(1, 14)))
def test_news_in_between_are_what_the_collection_would_say_and_are_counted_like_it(
    journey: Journey, stream: list[Touchpoint], places: set[int]
) -> None:
    program = compile_journey(with_design(journey))
    whole = works(program, [stream])
    partition, told, found = Partition(program, None), [], []
    for position, touchpoint in enumerate(stream):
        if position in places:
            told += said(partition.news())
        partition.admit(touchpoint.customer_id, None)
        assert partition.take(touchpoint, WALL)
    found.append(partition.collect())
    told += said(in_order(found[0].changes, found[0].released))
    assert partition.advance(LATER)
    told += said(partition.news())
    found.append(partition.collect())
    assert (found[1].changes, found[1].released) == ([], [])
    assert told == [each for work in whole for each in said(in_order(work.changes, work.released))]
    assert cells_of(ledger_of(found)) == cells_of(ledger_of(whole))


@thorough
@given(journeys(), touchpoints(CUSTOMERS), st.sets(st.integers(1, 14)))
def test_goals_equal_the_outcomes_of_first_triggers_one_by_one(journey: Journey, stream: list[Touchpoint], places: set[int]) -> None:
    found = works(compile_journey(with_design(journey)), cut(stream, places))
    with_goal = {campaign.id for campaign in journey.campaigns if campaign.goal is not None}
    first: dict[tuple[str, str], tuple[int, str | None]] = {}
    wanted: dict[tuple[str, Key], Figures] = {}
    for work in found:
        for told in in_order(work.changes, work.released):
            for trigger in triggers_of([told]):
                if trigger.campaign in with_goal and (trigger.campaign, trigger.customer_id) not in first:
                    first[trigger.campaign, trigger.customer_id] = trigger.sequence, told.persona
                    place = period_of(trigger.at, "hour"), (told.persona, trigger.campaign, "holdout" if trigger.holdout else "sent")
                    add_figures(wanted.setdefault(place, [0] * 5), [1, 0, 0, 0, 0])
    for work in found:
        for outcome in work.outcomes:
            sequence, persona = first[outcome.campaign, outcome.customer_id]
            if sequence == outcome.sequence:
                value = round((outcome.value or 0.0) * 1000)
                place = period_of(outcome.at, "hour"), (persona, outcome.campaign, "holdout" if outcome.holdout else "sent")
                add_figures(wanted.setdefault(place, [0] * 5), [0, 1, outcome.met, value, value**2])
    pages = cells_of(ledger_of(found)).items()
    counted = {(key.period, cell): figures for key, page in pages if key.table == "goals" for cell, figures in page.items()}
    assert counted == wanted


@thorough
@given(journeys(), touchpoints(CUSTOMERS), st.sets(st.integers(1, 14)))
def test_how_the_stream_is_cut_into_batches_changes_no_figure(journey: Journey, stream: list[Touchpoint], places: set[int]) -> None:
    program = compile_journey(with_design(journey))
    assert cells_of(ledger_of(works(program, cut(stream, places)))) == cells_of(ledger_of(works(program, [stream])))


names = st.sampled_from(["a", "b", None])
moments = st.integers(0, 3 * DAYS_KEPT)


@st.composite
def tallies(draw: st.DrawFn) -> BatchTally:
    tally = BatchTally()
    for _ in range(draw(st.integers(0, 8))):
        at, persona = draw(moments), draw(names)
        tally.touched(at, persona, draw(st.sampled_from(["x", "y"])), draw(st.sampled_from(["visit", "buy"])), draw(names))
        tally.felt(at, persona, "x", draw(st.integers(-2000, 5000)))
        tally.moved(at, persona, "x", "y", "timer", draw(st.integers(0, 10**13)))
        tally.offered(at, persona, "c", "published")
        tally.enrolled(at, persona, "c", holdout=draw(st.booleans()))
        tally.ended(at, persona, "c", holdout=draw(st.booleans()), met=draw(st.booleans()), value=draw(st.floats(-1e300, 1e300)))
    return tally


@given(st.lists(tallies(), max_size=5), st.lists(moments, min_size=5, max_size=5), st.permutations(range(5)))
def test_in_which_order_ledgers_are_merged_and_folded_changes_no_total(parts: list[BatchTally], steps: list[int], order: list[int]) -> None:
    whole = JourneyLedger()
    for tally in parts:
        enter(whole, tally, 0)
    ledgers = []
    for tally, now in zip(parts, steps, strict=False):
        ledgers.append(JourneyLedger())
        enter(ledgers[-1], tally, now)
    merged = JourneyLedger()
    for place in order:
        if place < len(ledgers):
            merged.merge({key: ledgers[place].opened(key) for key in ledgers[place].page_keys()})
            fold(merged, steps[place])
    for columns in ((), (0,), (0, 1), (1, 2, 3)):
        assert totals(merged, *columns) == totals(whole, *columns)
    fold(merged, 4 * DAYS_KEPT)
    fold(whole, 4 * DAYS_KEPT)
    assert cells_of(merged) == cells_of(whole)


@given(
    st.lists(tallies(), max_size=5),
    st.lists(st.integers(0, 400 * DAY) | st.integers(0, 20 * DAY), min_size=5, max_size=5),
    st.sets(st.integers(0, 4)),
)
def test_what_is_stored_of_changed_records_is_the_whole_ledger_whoever_goes_on_with_it(
    parts: list[BatchTally], steps: list[int], takeovers: set[int]
) -> None:
    ledger, keeper, now = JourneyLedger(), LedgerKeeper({}, None), 0
    stored: dict[bytes, bytes] = {}
    for number, (tally, step) in enumerate(zip(parts, steps, strict=False)):
        if number in takeovers:
            keeper = LedgerKeeper(stored, now if number else None)
        now += step
        enter(ledger, tally, now)
        written = asyncio.run(keeper.enter(tally, now, lambda: asyncio.sleep(0)))
        stored = {field: value for field, value in {**stored, **written}.items() if value is not None}
        found: dict[PageKey, Mapping[Key, Figures]] = {}
        for field, value in stored.items():
            key = page_key_of(field)
            assert key is not None
            for period, page in decode_bundle(key, value).pages().items():
                found[PageKey(key.table, period)] = page.cells()
        assert found == cells_of(ledger)


def test_an_empty_tally_makes_no_page() -> None:
    ledger = JourneyLedger()
    enter(ledger, BatchTally(), LATER)
    assert not cells_of(ledger)
