"""A window is forgotten with the first move after its end, whether or not the customer was loaded in between."""

from itertools import count

from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.accumulators.distinct import EXACT, value_digest
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program
from etapa.journey.identity.remembered import unite_memories
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
