"""Campaign triggers that others wrote into the topic."""

import msgspec
import pytest

from etapa.contracts.outgoing.campaign_trigger import decode_campaign_trigger

TRIGGER = (
    b'{"id":"c/2/thanks","campaign":"thanks","customer_id":"c","stage_change_id":"c/2","at":"2026-11-29T11:35:53Z",'
    b'"from":"visitor","to":"buyer","holdout":false,"payload":{"template":"hello"},"journey":"bookshop","version":3}'
)


def test_a_trigger_is_read() -> None:
    assert decode_campaign_trigger(TRIGGER).campaign == "thanks"


@pytest.mark.parametrize("word", [b"thanks", b"hello", b"payload", b"c/2/"])
def test_a_record_whose_text_is_not_utf_8_is_no_trigger(word: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_campaign_trigger(TRIGGER.replace(word, b"\xff\xfe"))
