"""A customer's state as bytes."""

import msgspec
import pytest

from etapa.contracts.stored.state import StateError, decode_standing, decode_state, encode_state
from etapa.contracts.stored.state_layout import StateLayout
from etapa.journey.engine.facts.customer import FORMAT, Customer
from etapa.journey.engine.facts.outreach import Outreach

ENTERED = 1_795_255_200_000_000


def someone() -> Customer:
    return Customer(
        version=3,
        stage="loyalty",
        due=None,
        entered_at=ENTERED,
        clock=ENTERED + 1,
        first_at=-62_135_596_800_000_000,
        sequence=3,
        recent=bytes(range(12)),
        remembered={"ab12": [1, 2.5, None, [3, "x"]], "latest": ENTERED - 7, "oldest": -62_135_596_800_000_000},
        rule="loyal-by-frequency",
        before=("discovery", 5, None),
        traits={"persona": [ENTERED, "student"], "tags": [0, ["a", {"b": [None, True, -0.5, 2**63 - 1, -(2**63)]}]]},
        outreach=Outreach({"hello": 7}, (7,)),
        began={"ab12": (3, 9)},
        known=b"abcdef",
        arrived=bytes(range(16)),
        id="niño-42",
    )


def newcomer() -> Customer:
    return Customer(version=1, stage="discovery", due=None, entered_at=ENTERED, clock=ENTERED, first_at=ENTERED, sequence=1, id="c")


def items_of(value: bytes) -> list[object]:
    items = msgspec.msgpack.decode(value)
    assert isinstance(items, list)
    return items


@pytest.mark.parametrize("customer", [someone(), newcomer()])
def test_a_state_is_written_and_read_back(customer: Customer) -> None:
    assert decode_state(encode_state(customer), customer.id) == customer


def test_the_same_state_is_the_same_bytes() -> None:
    customer = someone()
    assert encode_state(decode_state(encode_state(customer), customer.id)) == encode_state(customer)


def test_the_bytes_begin_with_the_format_number_and_hold_all_but_the_id() -> None:
    items = items_of(encode_state(someone()))
    assert items[0] == FORMAT
    assert len(items) == 1 + len(msgspec.structs.fields(StateLayout))
    assert b"42" not in encode_state(someone())


@pytest.mark.parametrize("last", ["traits", "outreach", "began", "arrived", "known"])
def test_the_usual_values_at_the_end_are_not_written(last: str) -> None:
    customer = newcomer()
    setattr(customer, last, getattr(someone(), last))
    items = items_of(encode_state(customer))
    assert len(items) == 1 + [field.name for field in msgspec.structs.fields(StateLayout)].index(last) + 1
    assert decode_state(encode_state(customer), "c") == customer


def test_what_the_mark_says_of_the_version_is_not_written() -> None:
    customer = someone()
    with_it, without = encode_state(customer), encode_state(customer, {3: b"abcdef", 4: b"abc"})
    assert len(without) < len(with_it) - len(customer.known)
    assert decode_state(without, customer.id, {3: b"abcdef"}) == customer
    assert decode_state(without, customer.id).known == b""


@pytest.mark.parametrize("memories", [{}, {4: b"abcdef"}, {3: b"abcxyz"}])
def test_what_the_mark_does_not_say_or_says_otherwise_is_written(memories: dict[int, bytes]) -> None:
    customer = someone()
    assert decode_state(encode_state(customer, memories), customer.id, memories) == customer


@pytest.mark.parametrize("customer", [someone(), newcomer()])
def test_stage_version_and_due_time_can_be_read_alone(customer: Customer) -> None:
    customer.due = 7
    standing = decode_standing(encode_state(customer))
    assert (standing.version, standing.stage, standing.due) == (customer.version, customer.stage, 7)


@pytest.mark.parametrize("layout", [[FORMAT + 1], [FORMAT + 1, {"other": "layout"}], [0, 3, "c", "s", 1, 1, 1, None, 1]])
def test_another_format_is_named_whatever_its_layout(layout: list[object]) -> None:
    value = msgspec.msgpack.encode(layout)
    for read in (lambda: decode_state(value, "c"), lambda: decode_standing(value)):
        with pytest.raises(StateError, match=f"customer state has format {layout[0]}; this version reads format {FORMAT}"):
            read()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xc0",
        b"\x90",
        b"hello",
        b"\x91" * 100_000,
        encode_state(someone())[:-1],
        encode_state(someone()) + b"x",
        encode_state(someone()).replace(b"loyalty", b"\xffoyalty"),
        msgspec.msgpack.encode({"format": FORMAT}),
        msgspec.msgpack.encode([FORMAT, "three"]),
    ],
)
def test_what_is_no_state_is_told_so(value: bytes) -> None:
    for read in (lambda: decode_state(value, "c"), lambda: decode_standing(value)):
        with pytest.raises(StateError, match="not a customer state"):
            read()
