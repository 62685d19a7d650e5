"""What makes no difference: cutting the stream into batches, storing states in between, repeats, other customers."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from etapa.contracts.stored.state import decode_standing, decode_state, encode_state
from etapa.journey.engine.facts.changes import CampaignOutcome, Offer
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import run_until, touch
from etapa.journey.engine.judging.outcomes import ALL_AT_ONCE, Touched
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.engine.partition import Partition
from etapa.journey.language.model import Journey
from etapa.journey.units import HOUR
from etapa.rehearsal.replay import Replay
from tests.reference.made_up import GRACE, journeys, punctual_touchpoints, thorough, touchpoints

CUSTOMERS = ("anna", "bert", "carla")
WALL = 40 * HOUR
"""Some touchpoints are ahead of the wall clock."""
LATER = 200 * HOUR

Changes = dict[str, list[StageChange]]


def through_touch(program: Program, stream: Sequence[Touchpoint], until: int | None) -> tuple[Changes, dict[str, bytes]]:
    """Each customer alone, driven by its own touchpoints, and then by its timers up to `until`."""
    customers: dict[str, Customer] = {}
    changes: Changes = defaultdict(list)
    for touchpoint in stream:
        touched = touch(program, customers.get(touchpoint.customer_id), touchpoint)
        customers[touchpoint.customer_id] = touched.customer
        changes[touchpoint.customer_id] += touched.changes
    if until is not None:
        for customer_id, customer in customers.items():
            changes[customer_id] += run_until(program, customer, until)
    return changes, {customer_id: encode_state(customer) for customer_id, customer in customers.items()}


class Shop:
    """A partition whose customers are stored between batches and loaded when needed, as in a worker."""

    def __init__(self, program: Program, keep: int, at_once: int = ALL_AT_ONCE) -> None:
        self.program = program
        self.keep = keep
        self.partition = Partition(program, None, at_once)
        self.stored: dict[str, bytes] = {}
        self.changes: Changes = defaultdict(list)
        self.released: dict[str, list[tuple[int, int, Offer]]] = defaultdict(list)
        self.outcomes: dict[str, list[CampaignOutcome]] = defaultdict(list)
        self.applied = self.duplicates = 0

    def feed(self, batch: Sequence[Touchpoint], wall: int) -> None:
        times = [min(touchpoint.at, wall) for touchpoint in batch]
        self._load([touchpoint.customer_id for touchpoint in batch], max(times, default=None))
        for touchpoint in batch:
            while not self.partition.take(touchpoint, wall):
                self._store([touchpoint.customer_id])
                self._load([touchpoint.customer_id], touchpoint.at)
        self._store()

    def wait_until(self, stream_time: int) -> None:
        self._load([], stream_time)
        while not self.partition.advance(stream_time):
            self._store()
            self._load([], stream_time)
        self._store()

    def _load(self, customer_ids: Sequence[str], stream_time: int | None) -> None:
        horizon = max((time for time in (stream_time, self.partition.stream_time) if time is not None), default=None)
        due = [] if horizon is None else [each for each, state in self.stored.items() if _is_due(state, horizon - self.program.grace)]
        for customer_id in self.partition.missing([*customer_ids, *due]):
            state = self.stored.get(customer_id)
            self.partition.admit(customer_id, None if state is None else decode_state(state, customer_id))

    def _store(self, needed: Sequence[str] = ()) -> None:
        work = self.partition.collect()
        for change in work.changes:
            self.changes[change.customer_id].append(change)
        for release in work.released:
            self.released[release.customer_id].append((release.at, release.sequence, release.offer))
        for outcome in work.outcomes:
            self.outcomes[outcome.customer_id].append(outcome)
        self.stored |= {customer_id: encode_state(customer) for customer_id, customer in work.changed.items()}
        self.applied += work.applied
        self.duplicates += work.duplicates
        self.partition.forget(self.keep, needed)


def _is_due(state: bytes, by: int) -> bool:
    due = decode_standing(state).due
    return due is not None and due <= by


def cut(stream: Sequence[Touchpoint], places: set[int]) -> list[Sequence[Touchpoint]]:
    bounds = [0, *sorted(place for place in places if place < len(stream)), len(stream)]
    return [stream[start:stop] for start, stop in pairwise(bounds)]


@thorough
@given(journeys(), touchpoints(CUSTOMERS), st.sets(st.integers(1, 14)), st.integers(0, 2))
def test_how_the_stream_is_cut_into_batches_changes_nothing(
    journey: Journey, stream: list[Touchpoint], places: set[int], keep: int
) -> None:
    program = compile_journey(journey)
    whole, parts = Shop(program, keep=100), Shop(program, keep=keep)
    whole.feed(stream, WALL)
    for batch in cut(stream, places):
        parts.feed(batch, WALL)
    for shop in (whole, parts):
        shop.wait_until(LATER)
    assert parts.changes == whole.changes
    assert parts.released == whole.released
    assert parts.outcomes == whole.outcomes
    assert parts.stored == whole.stored
    assert parts.applied + parts.duplicates == len(stream)


@thorough
@given(journeys(), touchpoints(CUSTOMERS), st.integers(1, 3), st.integers(0, 2))
def test_that_timers_fire_a_portion_at_a_time_changes_nothing(journey: Journey, stream: list[Touchpoint], at_once: int, keep: int) -> None:
    program = compile_journey(journey)
    whole, parts = Shop(program, keep=100), Shop(program, keep=keep, at_once=at_once)
    for shop in (whole, parts):
        # One by one, since the customers stored between portions may be those of the next touchpoints.
        for touchpoint in stream:
            shop.feed([touchpoint], WALL)
        shop.wait_until(LATER)
    assert parts.changes == whole.changes
    assert parts.released == whole.released
    assert parts.outcomes == whole.outcomes
    assert parts.stored == whole.stored
    assert parts.applied + parts.duplicates == len(stream)
    for customer_id in CUSTOMERS:
        own = [touchpoint for touchpoint in stream if touchpoint.customer_id == customer_id]
        replay = Replay(program, at_once)
        changes = [change for each in own for touched in replay.take(each) if isinstance(touched, Touched) for change in touched.changes]
        assert changes == through_touch(program, own, None)[0][customer_id]


@thorough
@given(journeys(), touchpoints())
def test_storing_the_state_between_touchpoints_changes_nothing(journey: Journey, stream: list[Touchpoint]) -> None:
    program = compile_journey(journey)
    state: bytes | None = None
    changes: list[StageChange] = []
    for touchpoint in stream:
        touched = touch(program, None if state is None else decode_state(state, "c"), touchpoint)
        changes += touched.changes
        state = encode_state(touched.customer)
    assert state is not None
    customer = decode_state(state, "c")
    changes += run_until(program, customer, LATER)
    kept, states = through_touch(program, stream, LATER)
    assert changes == kept["c"]
    assert encode_state(customer) == states["c"]


@thorough
@given(journeys(), touchpoints(CUSTOMERS), st.data())
def test_duplicates_change_nothing(journey: Journey, stream: list[Touchpoint], data: st.DataObject) -> None:
    program = compile_journey(journey)
    remembered = journey.remember_ids
    once = list({touchpoint.id: touchpoint for touchpoint in stream}.values())
    repeated: list[Touchpoint] = []
    for touchpoint in once:
        repeated.append(touchpoint)
        recent = list({each.id: each for each in repeated if each.customer_id == touchpoint.customer_id}.values())[-remembered:]
        if remembered:
            repeated += data.draw(st.lists(st.sampled_from(recent), max_size=2))
    assert through_touch(program, repeated, LATER) == through_touch(program, once, LATER)
    one, other = Shop(program, keep=100), Shop(program, keep=100)
    one.feed(once, WALL)
    other.feed(repeated, WALL)
    for shop in (one, other):
        shop.wait_until(LATER)
    assert other.changes == one.changes
    assert other.stored == one.stored
    assert other.duplicates == len(repeated) - len(once)


@thorough
@given(journeys(), punctual_touchpoints(CUSTOMERS), st.data())
def test_touchpoints_of_other_customers_in_between_change_nothing(journey: Journey, stream: list[Touchpoint], data: st.DataObject) -> None:
    program = compile_journey(journey)
    of_each = {customer_id: [each for each in stream if each.customer_id == customer_id] for customer_id in CUSTOMERS}
    shuffled = [of_each[each.customer_id].pop(0) for each in data.draw(st.permutations(stream))]
    together = through_touch(program, stream, LATER)
    assert through_touch(program, shuffled, LATER) == together
    shop = Shop(program, keep=2)
    for touchpoint in stream:
        shop.feed([touchpoint], LATER)
    shop.wait_until(LATER + GRACE)
    assert (shop.changes, shop.stored) == together


@thorough
@given(journeys(), punctual_touchpoints(CUSTOMERS), st.sets(st.integers(1, 14)))
def test_a_partition_gives_what_each_customer_alone_gives_if_nothing_is_later_than_the_grace(
    journey: Journey, stream: list[Touchpoint], places: set[int]
) -> None:
    program = compile_journey(journey)
    shop = Shop(program, keep=1)
    for batch in cut(stream, places):
        shop.feed(batch, LATER)
    stream_time = shop.partition.stream_time
    assert stream_time == max(touchpoint.at for touchpoint in stream)
    shop.wait_until(stream_time)
    assert (shop.changes, shop.stored) == through_touch(program, stream, stream_time - GRACE)
