"""What is forwarded of a record that a source read: the touchpoint that it made, and of the record what a dead letter needs."""

import asyncio
from hashlib import sha256

import pytest

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import Cut
from etapa.contracts.stored.made_touchpoint import decode_made, encode_made
from etapa.contracts.stored.transfer import Transfer, TransferError, decode_transfer, encode_transfer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.stream.protocol.forwarded_items import (
    MOST_SENT_ALONG,
    UNSENDABLE,
    LivesElsewhere,
    elsewhere,
    read_forwarded,
    record_in,
    sent_along,
)
from etapa.stream.protocol.records import IncomingTransfer, Record

MADE = Touchpoint("t-1", "ada", "purchase", 5, "web", {"amount": 1.0, "items": [{"n": 2**62, "of": None}], "on": True}, {"plan": "gold"})
TEXT = b'{"id": "t-2", "customer_id": "bert", "type": "view", "occurred_at": "2026-01-01T00:00:00Z"}'


async def _no_pause() -> None:
    pass


def test_a_touchpoint_comes_as_it_was_made_beside_its_record() -> None:
    record = Record(7, 3, b"ada", b"<original/>", [("source", b"till")])
    marked = elsewhere(MADE, 2, None, has_left=False, is_made=True)
    assert isinstance(marked, LivesElsewhere)
    plain = Record(8, 4, b"bert", TEXT)
    sent = [sent_along(record, (0, 7), made=marked.made, is_needed=False), sent_along(plain, (0, 8))]
    transfers = (decode_transfer(encode_transfer(Transfer(sender=0, number=1 + place, sent=one))) for place, one in enumerate(sent))
    run = [IncomingTransfer(place, each) for place, each in enumerate(transfers)]
    waiting = asyncio.run(read_forwarded(run, decoder_within(TouchpointLimits()), 10**16, 1, _no_pause, 0))
    assert waiting.records == [record, plain]
    first, second = waiting.items
    assert first == MADE
    assert isinstance(second, Touchpoint)
    assert second.id == "t-2"


def test_of_a_large_record_the_beginning_is_sent_along_and_the_dead_letter_says_so() -> None:
    large = b"x" * (MOST_SENT_ALONG + 1)
    sent = sent_along(Record(7, 3, b"ada", large), (0, 7), made=b"", is_needed=False)
    assert record_in(sent) == Record(7, 3, b"ada", large[:-1], (), Cut(["value"], len(large), sha256(large).hexdigest()))
    # Forwarded once more, the letter still says it.
    assert record_in(sent_along(record_in(sent), (0, 7), made=b"", is_needed=False)) == record_in(sent)
    # What is decoded at the other place must be whole.
    assert record_in(sent_along(Record(7, 3, b"ada", large), (0, 7))) == Record(7, 3, b"ada", large)


def test_what_no_message_can_hold_is_a_dead_letter_where_it_was_read() -> None:
    half = Touchpoint("t-1", "ada", "purchase", 5, None, {"name": "\ud800"})
    assert encode_made(half) is None
    assert elsewhere(half, 2, None, has_left=False, is_made=True) is UNSENDABLE


def test_a_touchpoint_that_cannot_be_read_is_told() -> None:
    with pytest.raises(TransferError, match="a touchpoint that was forwarded cannot be read"):
        decode_made(b"\x91\x01")
