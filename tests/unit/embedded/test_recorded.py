"""Recorded touchpoints go to the worker unchanged, including unusable ones."""

from io import BytesIO

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.embedded.recorded import NOBODY, recorded

DECODER = decoder_within(TouchpointLimits(max_bytes=1000))
ADA = b'{"id": "t-1", "customer_id": "ada", "type": "visit", "occurred_at": "2026-01-05T09:00:00Z"}'


def test_each_line_is_a_record_under_the_key_of_its_customer() -> None:
    found = list(recorded(BytesIO(ADA + b"\r\n\n" + ADA.replace(b"ada", b"bob")), DECODER))
    assert [(sent.key, sent.value) for sent in found] == [(b"ada", ADA), (b"bob", ADA.replace(b"ada", b"bob"))]
    assert {sent.occurred_at for sent in found} == {1_767_603_600_000_000}
    assert all(sent.flaw is None for sent in found)


def test_what_holds_no_touchpoint_is_sent_all_the_same() -> None:
    first, second = recorded(BytesIO(ADA + b"\nnonsense\n"), DECODER)
    assert second.value == b"nonsense"
    assert second.key == NOBODY
    assert second.flaw is not None
    assert second.arrives_at == first.arrives_at
