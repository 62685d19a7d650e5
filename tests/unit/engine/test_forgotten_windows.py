"""A window is forgotten with the first move after its end, whether or not the customer was loaded in between."""

from array import array
from copy import deepcopy
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.accumulators.accumulator import Windowed
from etapa.journey.engine.accumulators.distinct import EXACT, DistinctWindow, value_digest
from etapa.journey.engine.accumulators.expiring import Expiring
from etapa.journey.engine.accumulators.ordered import OrderedSteps
from etapa.journey.engine.accumulators.quick_expiry import quick_forget
from etapa.journey.engine.accumulators.window import CountWindow, ValueWindow
from etapa.journey.engine.facts.customer import Customer, Memory
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program
from etapa.journey.identity.remembered import unite_memories
from etapa.journey.language.model import Match
from tests.unit.engine.shops import did, play, program_of, us

TO_AND_FRO = """
- {id: there, from: new, to: warm, when: {event: ad}}
- {id: back, from: warm, to: new, when: {event: ad}}
"""
"""Every `ad` moves the customer."""


def after_each(program: Program, stream: list[Touchpoint], *, loaded: bool) -> list[dict[str, object]]:
    """What is remembered after each touchpoint, of a customer who stays in memory or is stored and loaded before each of them."""
    customer: Customer | None = None
    remembered: list[dict[str, object]] = []
    for touchpoint in stream:
        if loaded and customer is not None:
            customer = decode_state(encode_state(customer), customer.id)
        customer = touch(program, customer, touchpoint).customer
        again = decode_state(encode_state(customer), customer.id)
        remembered.append(again.remembered())
    return remembered


def test_windows_of_several_lengths_are_forgotten_one_after_the_other() -> None:
    program = program_of(
        TO_AND_FRO
        + """
- {id: counts, from: warm, to: hot, when: {count: view, within: 3d, gte: 99}}
- {id: adds, from: warm, to: hot, when: {sum: properties.amount, of: pay, within: 5d, gte: 9999}}
- {id: orders, from: warm, to: hot, when: {sequence: [{event: pay}, {event: call}, {event: none}], within: 8d}}
"""
    )
    stream = [did("pay", 0, amount=1), did("view", "1h", amount=1)]
    stream += [did("ad", f"{day}d") for day in range(1, 7)]
    # One that is late, and one with which only one of the windows begins anew.
    stream += [did("view", "4d", amount=1), did("ad", "6d12h"), did("call", "7d", amount=1), did("pay", "7d1h", amount=1)]
    stream += [did("ad", "7d2h")]
    stream += [did("ad", f"{day}d") for day in range(8, 20)]
    stays = after_each(program, stream, loaded=False)
    assert stays == after_each(program, stream, loaded=True)
    assert [len(remembered) for remembered in stays] == [2, 3, 3, 3, 3, 2, 1, 1, 2, 2, 2, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 0, 0, 0, 0]


def test_a_sample_whose_latest_values_were_left_out_is_forgotten_as_early_as_if_it_were_loaded() -> None:
    program = program_of(
        TO_AND_FRO + "- {id: many, from: warm, to: hot, when: {distinct: properties.sku, of: view, within: 100d, gte: 9999}}"
    )
    names = (f"sku-{number}" for number in count())
    even: list[str] = []
    odd: list[str] = []
    while min(len(even), len(odd)) < EXACT:
        name = next(names)
        (odd if value_digest(name) % 2 else even).append(name)
    kept, left_out = 200, EXACT + 1 - 200
    stream = [did("view", hour * us("1h"), sku=even[hour]) for hour in range(kept)]
    stream += [did("view", (kept + hour) * us("1h"), sku=odd[hour]) for hour in range(left_out - 1)]
    # The move looks at the window while all of its values are there; then there is one too many, and a sample of the earlier ones is left.
    stream += [did("ad", "260h"), did("view", "270h", sku=odd[left_out - 1])]
    stream += [did("ad", "2590h"), did("ad", "2610h")]
    assert us("100d") + (kept - 1) * us("1h") == us("2599h")
    stays = after_each(program, stream, loaded=False)
    assert stays == after_each(program, stream, loaded=True)
    assert [len(remembered) for remembered in stays[-2:]] == [1, 0]


def test_a_window_of_another_id_is_forgotten_as_early_as_if_its_customer_were_loaded() -> None:
    program = program_of(
        TO_AND_FRO
        + """
- {id: counts, from: warm, to: hot, when: {count: view, within: 3d, gte: 99}}
- {id: adds, from: warm, to: hot, when: {sum: properties.amount, of: pay, within: 9d, gte: 9999}}
"""
    )
    united, _ = play(program, did("pay", 0, amount=1), did("ad", "1d"))
    unite_memories(program, united, play(program, did("view", "2d"))[0])
    assert len(united.remembered()) == 2
    touch(program, united, did("ad", "5d"))
    assert len(united.remembered()) == 1


COUNTS, ADDS, DIFFERS, ORDERS = (
    CountWindow(Match(("view",)), 3),
    ValueWindow(("properties", "amount"), Match(("view",)), 5),
    DistinctWindow(("properties", "sku"), Match(("view",)), 8),
    OrderedSteps((Match(("view",)),), 13),
)
times = st.lists(st.integers(-5, 20), max_size=3).map(sorted)
memories = st.tuples(
    st.none() | times | st.tuples(times, times).map(lambda both: [both[0], both[1], [1] * len(both[1]), 0]),
    st.none() | st.integers(0, 20) | times.map(lambda each: [each]),
    st.none() | times.map(lambda each: [each, [1] * len(each), [], []]),
    st.none() | times.map(lambda each: [0, each, [7] * len(each)]),
    st.none() | times.map(lambda each: [[], [], each, [1] * len(each)]),
).map(list)


def expiring() -> Expiring:
    """Of windows at all places of `memories` but the second."""
    windows: list[Windowed | OrderedSteps] = [COUNTS, ADDS, DIFFERS, ORDERS]
    for place, window in zip((0, 2, 3, 4), windows, strict=True):
        window.place = place
    return Expiring(windows)


@given(memories, st.integers(-5, 40))
def test_windows_are_forgotten_in_the_quick_way_as_without_it(memory: Memory, now: int) -> None:
    found, customer = deepcopy(memory), nobody(deepcopy(memory))
    next_over = expiring().forgotten(found, now)
    expiring().forget_what_is_over(customer, now)
    assert (customer.memory, customer.over_at) == (found, next_over)
    parts = ((0, COUNTS, None), (2, ADDS, 0), (3, DIFFERS, 1), (4, ORDERS, 2))
    ends = [end_of(memory[place], window, part) for place, window, part in parts]
    assert next_over == min([end for end in ends if end is not None and end > now], default=NEVER)


def end_of(entry: Any, window: Windowed | OrderedSteps, part: int | None) -> int | None:
    """When the window is over; none if nothing is in it. `part`: which part of the entry its times are."""
    if part is None:
        part = 0 if entry and isinstance(entry[0], list) else None
    kept = entry if part is None or entry is None else entry[part]
    return kept[-1] + window.within if kept else None


@pytest.mark.skipif(quick_forget is None, reason="there is no quick way where it is not compiled")
def test_what_is_unusual_in_a_memory_is_left_to_python() -> None:
    assert quick_forget is not None
    spans = array("q", [5, 0]).tobytes()
    assert quick_forget([[[1, 2], []]], spans, 3) == 7
    odd: list[object] = [([1, 2], []), [(1, 2)], [], [[1, 2.0]], [[1, 2**62]], [[1, 2**70]]]
    for unusual in odd:
        assert quick_forget([unusual], spans, 3) is None
    with pytest.raises(TypeError, match="takes a memory as a list"):
        quick_forget((1, 2), spans, 3)  # type: ignore[arg-type]


def nobody(memory: Memory) -> Customer:
    """A customer of whom only that is remembered."""
    customer = Customer(version=1, stage="new", due=None, entered_at=0, clock=0, first_at=0, sequence=0)
    customer.memory = memory
    return customer
