"""A customer's state as bytes."""

import msgspec
import pytest

from etapa.contracts.state import StateError, decode_standing, decode_state, encode_state
from etapa.contracts.state_format_4 import Format4
from etapa.journey.engine.customer import FORMAT, Customer
from etapa.journey.engine.outreach import Outreach

ENTERED = 1_795_255_200_000_000
WEEK = 7 * 86_400_000_000

WRITTEN_IN_FORMAT_2 = bytes.fromhex(
    "dc00100203a86e69c3b16f2d3432a76c6f79616c7479cf000660c66c7a2800cf000660c66c7a2801cf000660b24ea2c800cf000661533d5dc800"
    "04c40c000102030405060708090a0b81a7706572736f6e6192cf000660c66c7a2800a773747564656e7482a638566a2d634a91cf000660c66c7a"
    "2801a64b317a376e4e9392cf000660c66c7a27fbcf000660c66c7a280090909393a9646973636f76657279cf000660c66c7a27f7c093a8707572"
    "6368617365cf000660c66c7a27fca46275797393a76c6f79616c7479cf000660c66c7a2800b36c6f79616c2d62792d6d656d62657273686970c4"
    "0661626364656681a64b317a376e4e9203cf000660c66c7a27f99281af6c6f79616c74792d77656c636f6d65cf000660c66c7a280091cf000660"
    "c66c7a2800"
)
"""By the last version of Etapa that wrote it. Its memories were six bytes, its changes three."""

WRITTEN_IN_FORMAT_2_WHEN_NEW = bytes.fromhex(
    "dc00100201a163a9646973636f76657279cf000660c66c7a2800cf000660c66c7a2800cf000660c66c7a2800c001c40080809193a96469736"
    "36f76657279cf000660c66c7a2800c0c40080c0"
)

WRITTEN_IN_FORMAT_3 = bytes.fromhex(
    "dc00100303a76c6f79616c7479cf000661533d5dc800cf000660c66c7a280001cf000660b24ea2c80004c40c000102030405060708090a0b87a638"
    "566a2d634a91cf000660c66c7a2801a64b317a376e4e9392cf000660c66c7a27fbcf000660c66c7a28009090a64275636b65749391cf000660c66c7a"
    "280091cf000660c66c7a27f79104a656616c756573940201cb4004000000000000cb400c000000000000a64c6173742d2d92cf000660c66c7a2800a1"
    "78a6446973742d2d930091cf000660c66c7a28009105a653746570732d9491cf000660c66c7a280091cf000660c66c7a280091cf000660c66c7a2800"
    "9101b36c6f79616c2d62792d6d656d6265727368697093a87075726368617365cf000660c66c7a27fca46275797381a7706572736f6e6192cf000660"
    "c66c7a2800a773747564656e749281af6c6f79616c74792d77656c636f6d65cf000660c66c7a280091cf000660c66c7a280081a64b317a376e4e9203"
    "cf000660c66c7a27f9c406616263646566"
)
"""By the last version of Etapa that wrote it: what is in `BEFORE`, with a memory of every kind."""


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
        id="niño-42",
    )


def newcomer() -> Customer:
    return Customer(1, "discovery", None, ENTERED, ENTERED, ENTERED, 1, id="c")


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
    assert len(items) == 1 + len(msgspec.structs.fields(Format4))
    assert b"42" not in encode_state(someone())


@pytest.mark.parametrize("last", ["traits", "outreach", "began", "known"])
def test_the_usual_values_at_the_end_are_not_written(last: str) -> None:
    customer = newcomer()
    setattr(customer, last, getattr(someone(), last))
    items = items_of(encode_state(customer))
    assert len(items) == 1 + [field.name for field in msgspec.structs.fields(Format4)].index(last) + 1
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


BEFORE = Customer(
    version=3,
    stage="loyalty",
    due=ENTERED + WEEK,
    entered_at=ENTERED,
    clock=ENTERED + 1,
    first_at=ENTERED - 86_400_000_000,
    sequence=4,
    recent=bytes(range(12)),
    remembered={"8Vj-cJ": [ENTERED + 1], "K1z7nN": [ENTERED - 5, ENTERED]},
    rule="loyal-by-membership",
    before=("purchase", ENTERED - 4, "buys"),
    traits={"persona": [ENTERED, "student"]},
    outreach=Outreach({"loyalty-welcome": ENTERED}, (ENTERED,)),
    began={"K1z7nN": (3, ENTERED - 7)},
    known=b"abcdef",
    id="niño-42",
)


def test_what_was_written_in_format_2_can_be_read() -> None:
    assert decode_state(WRITTEN_IN_FORMAT_2, "niño-42", {3: b"not what this one knew"}) == BEFORE
    assert decode_state(WRITTEN_IN_FORMAT_2_WHEN_NEW, "c") == newcomer()


def test_what_was_written_in_format_3_can_be_read_and_its_memories_go_on_as_if_written_now() -> None:
    found = decode_state(WRITTEN_IN_FORMAT_3, "niño-42", {3: b"not what this one knew"})
    others = {
        "Bucket": [[ENTERED], [ENTERED - 9], [4]],
        "Values": [2, 1, 2.5, 3.5],
        "Last--": [ENTERED, "x"],
        "Dist--": [0, [ENTERED], [5]],
        "Steps-": [[ENTERED], [ENTERED], [ENTERED], [1]],
    }
    assert found.remembered() == {**BEFORE.remembered(), **others}
    found.remember(BEFORE.remembered())
    assert found == BEFORE


@pytest.mark.parametrize("written", [WRITTEN_IN_FORMAT_2, WRITTEN_IN_FORMAT_3])
def test_stage_version_and_due_time_can_be_read_alone_of_what_was_written_before(written: bytes) -> None:
    standing = decode_standing(written)
    assert (standing.version, standing.stage, standing.due) == (3, "loyalty", ENTERED + WEEK)


@pytest.mark.parametrize("layout", [[FORMAT + 1], [FORMAT + 1, {"other": "layout"}], [0, 3, "c", "s", 1, 1, 1, None, 1], [1]])
def test_another_format_is_named_whatever_its_layout(layout: list[object]) -> None:
    value = msgspec.msgpack.encode(layout)
    for read in (lambda: decode_state(value, "c"), lambda: decode_standing(value)):
        with pytest.raises(StateError, match=f"customer state has format {layout[0]}; this version reads formats 2 to {FORMAT}"):
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
        WRITTEN_IN_FORMAT_2[:-1],
        msgspec.msgpack.encode({"format": FORMAT}),
        msgspec.msgpack.encode([FORMAT, "three"]),
    ],
)
def test_what_is_no_state_is_told_so(value: bytes) -> None:
    for read in (lambda: decode_state(value, "c"), lambda: decode_standing(value)):
        with pytest.raises(StateError, match="not a customer state"):
            read()
