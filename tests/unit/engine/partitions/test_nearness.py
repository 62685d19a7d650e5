"""Customers are asked for before they are judged, which changes nothing about them, whatever their memory holds."""

import sys
from typing import Any

import pytest

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.nearness import AT_ONCE, IS_POSSIBLE, bring_near
from etapa.journey.engine.partition import Partition
from etapa.journey.engine.quick_prefetch import quick_prefetch
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
    inner = [each for part in value for each in references(part)] if isinstance(value, list) and len(value) < 300 else []
    return [sys.getrefcount(value), *inner]


def test_customers_are_the_same_after_they_were_brought_near() -> None:
    customers, same = ([customer_with([*memory]) for memory in MEMORIES * 20] for _ in range(2))
    before = [references(each.memory) for each in customers]
    bring_near(customers)
    assert [references(each.memory) for each in customers] == before
    assert customers == same


class Ids:
    """The customers of some touchpoints, looked up as rows look theirs up."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids

    def look_up(self, customers: dict[str, Any], start: int, stop: int, /) -> tuple[list[Any], list[str]]:
        there = [customers.get(each) for each in self.ids[start:stop]]
        return there, [each for each, found in zip(self.ids[start:stop], there, strict=True) if found is None]


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
    assert asked == ([0, 16, 32, 40] if IS_POSSIBLE else [0, 40])
    assert partition.take(did("view", us("2d"), who="known"), us("2d"), found.places[0])
    assert partition.customer("left") is None


def test_nobody_may_be_brought_near() -> None:
    bring_near([])
    found, _ = Partition(program_of(RULES), None).find(Ids(), 0, 0)
    assert found.bring_near(0, 0) == 0


def test_what_is_asked_for_must_be_a_list() -> None:
    assert (quick_prefetch is not None) is IS_POSSIBLE
    if quick_prefetch is not None:
        with pytest.raises(TypeError, match="prefetch takes a list, not tuple"):
            quick_prefetch(())  # type: ignore[arg-type]
        loop: list[Any] = []
        loop += [loop] * AT_ONCE
        quick_prefetch(loop)
        assert sys.getrefcount(loop) == AT_ONCE + 2
