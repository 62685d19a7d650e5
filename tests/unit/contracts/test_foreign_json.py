"""What lies in topics was written by anybody: whatever the bytes are, a decoder raises the error that it says it does."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from etapa.contracts.outgoing.campaign_outcome import decode_campaign_outcome
from etapa.contracts.outgoing.campaign_trigger import decode_campaign_trigger
from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.stored.delivery_progress import DeliveryProgressError, decode_delivery_progress
from etapa.contracts.stored.mark import MarkError, decode_mark
from etapa.contracts.stored.reclassification import decode_progress, decode_request
from etapa.deliver.offsets.progress import Kept, kept_of

DEEP = b'{"payload": ' + b"[" * 100_000
BYTES = {
    "not UTF-8 in a field": b'{"id": "\xff", "campaign": "\xff", "format": 1, "group": "\xff"}',
    "not UTF-8 in a name": b'{"\xff": 1}',
    "no JSON": b"\xff\xfe",
    "nothing": b"",
    "nested without end": DEEP,
    "a list": b"[]",
}
odd = pytest.mark.parametrize("value", BYTES.values(), ids=BYTES.keys())


@odd
@pytest.mark.parametrize("decode", [decode_stage_change, decode_campaign_trigger, decode_campaign_outcome])
def test_a_message_that_is_none_is_refused_as_such(decode: Callable[[bytes], Any], value: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(value)


@odd
@pytest.mark.parametrize(("decode", "error"), [(decode_mark, MarkError), (decode_delivery_progress, DeliveryProgressError)])
def test_a_stored_record_that_is_none_is_refused_as_such(decode: Callable[[bytes], Any], error: type[Exception], value: bytes) -> None:
    with pytest.raises(error, match="cannot be read"):
        decode(value)


@odd
@pytest.mark.parametrize("decode", [decode_request, decode_progress])
def test_what_no_version_of_ours_stored_is_as_if_nothing_were_there(decode: Callable[[bytes], Any], value: bytes) -> None:
    assert decode(value) is None


@pytest.mark.parametrize("memo", ["", "[]", "[" * 4_000, "{}", "\x00"])
def test_a_memo_of_somebody_else_says_nothing_beyond_the_offset(memo: str) -> None:
    assert kept_of(memo, 7, "routing") == Kept(7)
