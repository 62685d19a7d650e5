"""Customers are asked for before they are judged, which changes nothing about them, whatever their memory holds."""

import sys
from typing import Any

import pytest

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.kept_customer import learn_layout_of_places
from etapa.journey.engine.nearness import AT_ONCE, IS_POSSIBLE
from etapa.journey.engine.partition import Partition
from etapa.journey.engine.quick_prefetch import quick_prefetch
from etapa.journey.engine.timers import CustomerTimer
from tests.unit.engine.shops import did, program_of, us

RULES = "- {id: warms, from: new, to: warm, when: {event: view}}"
TIME = 1_700_000_000_000_001
MEMORIES: list[list[Any]] = [
    [],
    [None, TIME, "text", 1.5, True, {"kept": [1]}, ()],
    [[], [TIME], [TIME, TIME + 1], [[TIME], [TIME], [1], 0]],
    [[TIME + number for number in range(256)], [[]], [[[]]]],
    [[number] for number in range(5_000)],
    [list(range(50_000))],
]


def customer_with(memory: list[Any]) -> Customer:
    customer = Customer(
        version=1, stage="a", due=None, entered_at=0, clock=0, first_at=0, sequence=1, recent=b"123456" * len(memory), id="c-1"
    )
    customer.memory, customer.keys = memory, tuple(map(str, range(len(memory))))
    customer.traits = {"plan": [TIME, "large"]}
    return customer


def references(value: object) -> list[int]:
    # Others keep or let go of none, truth, small numbers and the empty tuple at any time.
    if value is None or value == () or (isinstance(value, int) and value < TIME):
        return []
    inner = [each for part in value for each in references(part)] if isinstance(value, list) and len(value) < 300 else []
    return [sys.getrefcount(value), *inner]


class Ids:
    """The customers of some touchpoints, looked up as rows look theirs up."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids

    def look_up(self, customers: dict[str, Any], start: int, stop: int, /) -> tuple[list[Any], list[str]]:
        there = [customers.get(each) for each in self.ids[start:stop]]
        return there, [each for each, found in zip(self.ids[start:stop], there, strict=True) if found is None]


def partition_with(customers: list[Customer]) -> tuple[Partition, Ids]:
    """A partition that has these in memory, and touchpoints of each."""
    partition, ids = Partition(program_of(RULES), None), [f"c-{number}" for number in range(len(customers))]
    for customer_id, customer in zip(ids, customers, strict=True):
        partition.admit(customer_id, customer)
    return partition, Ids(*ids)


def test_customers_are_the_same_after_they_were_brought_near() -> None:
    customers, same = ([customer_with([*memory]) for memory in MEMORIES * 20] for _ in range(2))
    partition, ids = partition_with(customers)
    for one, other in zip(customers, same, strict=True):
        other.id = one.id
    found, _ = partition.find(ids, 0, len(customers))
    before = [references(each.memory) for each in customers]
    for position in range(len(customers)):
        found.bring_near(position, len(customers))
    assert [references(each.memory) for each in customers] == before
    assert customers == same


def test_all_customers_are_asked_for_once_from_wherever_it_begins() -> None:
    partition, ids = partition_with([customer_with([*memory]) for memory in MEMORIES * 20])
    places = partition.find(ids, 0, 120)[0].places
    assert learn_layout_of_places() is IS_POSSIBLE
    if quick_prefetch is not None:
        assert quick_prefetch.prefetch(places, -100, 7) == 7
        assert quick_prefetch.prefetch(places, 7, 119) == 112
        assert quick_prefetch.prefetch(places, 119, 500) == 1
        assert quick_prefetch.prefetch(places, 120, 130) == 0
        partition.leave("c-4")
        assert quick_prefetch.prefetch(places, 0, 120) == 119
        quick_prefetch.prefetch_places(places)


def test_whatever_is_no_place_of_a_customer_is_passed_over() -> None:
    partition, ids = partition_with([customer_with([])])
    place = partition.find(ids, 0, 1)[0].places[0]
    no_places: list[Any] = [None, 1, "c-0", [], CustomerTimer("c-0"), partition.customer("c-0"), object(), place]
    if quick_prefetch is not None:
        assert quick_prefetch.prefetch(no_places * 30, -30, 240) == 30
        quick_prefetch.prefetch_places(no_places)


def test_nothing_is_asked_for_where_it_is_not_known_where_customers_keep_it() -> None:
    customer = customer_with([TIME])
    partition, ids = partition_with([customer])
    places = partition.find(ids, 0, 1)[0].places
    if quick_prefetch is not None:
        # The same object stands in two fields of the example, so neither can be told.
        customer.arrived = customer.recent
        assert not quick_prefetch.learn(places[0], customer, customer.memory, customer.recent)
        assert quick_prefetch.prefetch(places, 0, 1) == 0
        assert learn_layout_of_places()
        assert quick_prefetch.prefetch(places, 0, 1) == 1


def test_the_customers_of_a_run_are_brought_near_a_few_at_a_time() -> None:
    partition = Partition(program_of(RULES), None)
    for customer_id in ("known", "new", "left"):
        partition.admit(customer_id, None)
    for touchpoint in (did("view", us("1d"), who="known"), did("view", us("1d"), who="left")):
        assert partition.take(touchpoint, us("2d"))
    found, missing = partition.find(Ids(*["known", "new", "left", "unheard-of"] * 10), 0, 40)
    assert missing == ["unheard-of"]
    partition.leave("left")
    asked = [0]
    while asked[-1] < 40:
        asked.append(found.bring_near(asked[-1], 40))
    assert asked == ([*range(0, 41, AT_ONCE)] if IS_POSSIBLE else [0, 40])
    assert partition.take(did("view", us("2d"), who="known"), us("2d"), found.places[0])
    assert partition.customer("left") is None


def test_nobody_may_be_brought_near() -> None:
    found, _ = Partition(program_of(RULES), None).find(Ids(), 0, 0)
    assert found.bring_near(0, 0) == 0


def test_what_is_asked_for_must_be_a_list() -> None:
    assert (quick_prefetch is not None) is IS_POSSIBLE
    if quick_prefetch is not None:
        with pytest.raises(TypeError, match="prefetch takes a list and two positions"):
            quick_prefetch.prefetch((), 0, 1)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="prefetch_places takes a list, not tuple"):
            quick_prefetch.prefetch_places(())  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="learn takes 2 to 10 arguments, not 1"):
            quick_prefetch.learn(object())  # type: ignore[call-arg]
        with pytest.raises(OverflowError):
            quick_prefetch.prefetch([], 0, 2**64)


def test_a_customer_and_its_place_share_one_text_as_id() -> None:
    partition, ids = partition_with([customer_with([])])
    first, second = [f"c-{len(ids.ids)}" for _ in range(2)]
    partition.admit(first, None)
    assert partition.take(did("view", us("1d"), who=second), us("2d"))
    for place in partition.find(Ids("c-0", first), 0, 2)[0].places:
        assert place is not None
        assert place.customer is not None
        assert place.customer.id is place.id
