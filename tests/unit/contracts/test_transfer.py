"""Records of `transfers`, and forwarding addresses beside states."""

import msgspec
import pytest

from etapa.contracts.stored.forwarding import ForwardingAddress, decode_forwarding, encode_forwarding, is_forwarding
from etapa.contracts.stored.in_common import InCommon
from etapa.contracts.stored.state import StateError, decode_state, encode_state
from etapa.contracts.stored.transfer import (
    CustomerClaimed,
    CustomersDenied,
    CustomerUnknown,
    LayoutAnnounced,
    LinkAsked,
    PersonMoved,
    PlaceFinished,
    Sent,
    SettlingAnswered,
    SettlingAsked,
    StateMoved,
    TopicLayout,
    TouchpointForwarded,
    Transfer,
    TransferError,
    WaysTold,
    decode_transfer,
    encode_transfer,
)
from etapa.journey.engine.facts.customer import Customer

LAYOUT = TopicLayout(generation=3, partitions=12, before=4)
LINK = LinkAsked(
    target="ada",
    at=7,
    moved="anon-7",
    kept="ada",
    identity="l-1",
    other="anon-7",
    record=TouchpointForwarded(b"anon-7", b"{}", [], 5, 3, 99),
)
TRANSFER = Transfer(sender=2, number=17, sent=CustomerUnknown("ada", LAYOUT))


@pytest.mark.parametrize(
    "sent",
    [
        StateMoved("ada", b"\x9c\x01", 1_795_000_000_000_000),
        StateMoved("ada", b"\x9c\x01", None),
        TouchpointForwarded(None, None, [("trace", b"\xff")], 5, 3, 99),
        CustomerClaimed("ada", LAYOUT),
        CustomerUnknown("ada", LAYOUT),
        WaysTold(["ada", "bob"], LAYOUT),
        CustomersDenied({b"denied/00ff": b"\x94\x01"}),
        PlaceFinished(LAYOUT),
        SettlingAsked(LAYOUT, 1),
        SettlingAnswered(LAYOUT, 2),
        LayoutAnnounced(LAYOUT),
        LINK,
        PersonMoved(target="ada", linked_ids=b"\x91", state=None, stream_time=None, link=LINK),
    ],
)
def test_each_kind_is_written_and_read_back(sent: Sent) -> None:
    # Whether a list or a tuple held the headers makes no difference.
    read = decode_transfer(encode_transfer(msgspec.structs.replace(TRANSFER, sent=sent)))
    assert encode_transfer(read) == encode_transfer(msgspec.structs.replace(TRANSFER, sent=sent))
    assert (read.sender, read.number, type(read.sent)) == (2, 17, type(sent))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "cannot be read"),
        (b"\xff", "cannot be read"),
        (encode_transfer(msgspec.structs.replace(TRANSFER, format=2)), "has format 2; this version reads format 1"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(value: bytes | None, says: str) -> None:
    with pytest.raises(TransferError, match=says):
        decode_transfer(value)


def test_an_address_is_no_state_and_a_state_no_address() -> None:
    customer = Customer(
        version=1, stage="new", due=None, entered_at=0, clock=0, first_at=0, sequence=1, arrived=b"12345678", known=b"k", id="ada"
    )
    address = encode_forwarding(ForwardingAddress(300))
    assert decode_forwarding(address) == ForwardingAddress(300)
    # The longest layout of a state begins with other bytes than a short one.
    assert [is_forwarding(value) for value in (address, encode_state(customer), encode_state(customer, InCommon({1: b"k"})))] == [
        True,
        False,
        False,
    ]
    with pytest.raises(StateError):
        decode_state(address, "ada")
    with pytest.raises(StateError, match="not a forwarding address"):
        decode_forwarding(encode_state(customer))
