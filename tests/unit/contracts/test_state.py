"""A customer's state as bytes."""

import msgspec
import pytest

from etapa.contracts.state import StateError, decode_state, encode_state
from etapa.journey.engine.customer import FORMAT, Customer


def someone() -> Customer:
    return Customer(
        format=FORMAT,
        version=3,
        id="niño-42",
        stage="loyalty",
        entered_at=1_795_255_200_000_000,
        clock=1_795_255_200_000_001,
        first_at=-62_135_596_800_000_000,
        due=None,
        sequence=3,
        recent=bytes(range(16)),
        traits={"persona": [1_795_255_200_000_000, "student"], "tags": [0, ["a", {"b": [None, True, -0.5, 2**63 - 1, -(2**63)]}]]},
        memory={"ab12": [1, 2.5, None, [3, "x"]]},
        changes=[("discovery", 5, None), ("loyalty", 7, "loyal-by-frequency")],
    )


def test_a_state_is_written_and_read_back() -> None:
    customer = someone()
    assert decode_state(encode_state(customer)) == customer


def test_the_same_state_is_the_same_bytes() -> None:
    customer = someone()
    assert encode_state(decode_state(encode_state(customer))) == encode_state(customer)


def test_the_bytes_begin_with_the_format_number() -> None:
    items = msgspec.msgpack.decode(encode_state(someone()))
    assert items[0] == FORMAT
    assert len(items) == len(msgspec.structs.fields(Customer))


@pytest.mark.parametrize("layout", [[FORMAT + 1], [FORMAT + 1, {"other": "layout"}], [0, 3, "c", "s", 1, 1, 1, None, 1]])
def test_another_format_is_named_whatever_its_layout(layout: list[object]) -> None:
    with pytest.raises(StateError, match=f"customer state has format {layout[0]}; this version reads format {FORMAT}"):
        decode_state(msgspec.msgpack.encode(layout))


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
    with pytest.raises(StateError, match="not a customer state"):
        decode_state(value)
