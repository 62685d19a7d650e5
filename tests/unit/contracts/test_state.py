"""A customer's state as bytes."""

import msgspec
import pytest

from etapa.contracts.stored.in_common import MOST_NAMES, InCommon
from etapa.contracts.stored.state import StateError, decode_standing, decode_state, encode_state
from etapa.contracts.stored.state_layout import StateLayout
from etapa.journey.engine.facts.course import OFF, Course
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
    with_it, without = encode_state(customer), encode_state(customer, InCommon({3: b"abcdef", 4: b"abc"}))
    assert len(without) < len(with_it) - len(customer.known)
    assert decode_state(without, customer.id, InCommon({3: b"abcdef"})) == customer
    assert decode_state(without, customer.id).known == b""


@pytest.mark.parametrize("memories", [{}, {4: b"abcdef"}, {3: b"abcxyz"}])
def test_what_the_mark_does_not_say_or_says_otherwise_is_written(memories: dict[int, bytes]) -> None:
    customer = someone()
    common = InCommon(memories)
    assert decode_state(encode_state(customer, common), customer.id, common) == customer


def test_names_that_the_mark_has_are_written_as_numbers_but_for_the_stage() -> None:
    customer = someone()
    customer.way = Course(OFF, "loyalty", 7, b"\x01", 2, b"digest", ("student", "loyalty", "discovery", "loyal-by-frequency"))
    common = InCommon({}, ("discovery", "loyalty", "loyal-by-frequency", "ab12", "persona", "student"))
    value = encode_state(customer, common)
    assert decode_state(value, customer.id, common) == customer
    assert [value.count(name.encode()) for name in common.names] == [0, 1, 0, 0, 0, 1], "the stage, and the value of a trait"
    assert decode_standing(value).stage == "loyalty"


def test_a_number_that_the_mark_has_no_name_for_is_told() -> None:
    value = encode_state(someone(), InCommon({}, ("discovery", "ab12", "loyal-by-frequency")))
    with pytest.raises(StateError, match="refers to name 2, and the mark has 2 names"):
        decode_state(value, "c", InCommon({}, ("discovery", "ab12")))


@pytest.mark.parametrize("number", [-1, 3])
def test_numbers_count_from_the_first_name(number: int) -> None:
    items = items_of(encode_state(someone()))
    items[[field.name for field in msgspec.structs.fields(StateLayout)].index("rule") + 1] = number
    with pytest.raises(StateError, match=f"refers to name {number}, and the mark has 3 names"):
        decode_state(msgspec.msgpack.encode(items), "c", InCommon({}, ("a", "b", "c")))


@pytest.mark.parametrize("entry", [[], ["soon", 1]])
def test_a_trait_without_a_time_is_no_state(entry: list[object]) -> None:
    items = items_of(encode_state(someone()))
    items[[field.name for field in msgspec.structs.fields(StateLayout)].index("traits") + 1] = {"persona": entry}
    with pytest.raises(StateError, match="not a customer state: a trait is"):
        decode_state(msgspec.msgpack.encode(items), "c")


def test_a_version_adds_its_names_and_moves_none() -> None:
    first = InCommon().with_version(1, b"abc", ["a", "b", "a"])
    assert first == InCommon({1: b"abc"}, ("a", "b"))
    second = first.with_version(2, b"abcxyz", ["c", "b"])
    assert second == InCommon({1: b"abc", 2: b"abcxyz"}, ("a", "b", "c"))
    assert second.with_version(1, b"other", ["b"]) == second
    assert second.numbers == {"a": 0, "b": 1, "c": 2}


def test_there_is_room_for_so_many_names_and_the_others_are_written_out() -> None:
    common = (
        InCommon().with_version(1, b"", [f"name-{number}" for number in range(MOST_NAMES)]).with_version(2, b"", ["loyal-by-frequency"])
    )
    assert len(common.names) == MOST_NAMES
    customer = someone()
    assert b"loyal-by-frequency" in encode_state(customer, common)
    assert decode_state(encode_state(customer, common), customer.id, common) == customer


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
