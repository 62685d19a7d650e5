"""A trigger that could not be delivered: what its dead letter says, and how it is read back."""

import msgspec
import pytest

from etapa.contracts.outgoing.campaign_trigger import encode_campaign_trigger
from etapa.contracts.outgoing.dead_letter import ATTEMPT, DeadLetterError, attempts_of, cut_to, redriven_headers
from etapa.contracts.outgoing.undelivered import REASONS, REQUESTS, Undelivered, decode_undelivered, encode_undelivered
from etapa.journey.engine.facts.changes import Trigger

TRIGGER = Trigger(campaign="hello", customer_id="c/1", sequence=2, at=0, source="a", to="b", holdout=False, payload={"x": "y" * 40_000})
KEY, VALUE, HEADERS = encode_campaign_trigger(TRIGGER, "retail", 1)


@pytest.mark.parametrize("reason", REASONS)
def test_it_is_read_as_it_was_written(reason: str) -> None:
    why = Undelivered(reason, "2: HTTP 410 Gone", "crm", 2)  # type: ignore[arg-type]
    found = decode_undelivered(*encode_undelivered(KEY, VALUE, HEADERS, why, "campaign-triggers", 3, 17))
    assert (found.key, found.value, list(found.headers)) == (KEY, VALUE, list(HEADERS))
    assert (found.reason, found.detail, found.target, found.requests) == (reason, "2: HTTP 410 Gone", "crm", 2)
    assert (found.topic, found.partition, found.offset, found.cut) == ("campaign-triggers", 3, 17, None)
    assert (found.trigger_id, found.campaign) == ("c/1/2/hello", "hello")


def test_what_is_no_trigger_has_no_campaign() -> None:
    found = decode_undelivered(*encode_undelivered(None, b"{", (), Undelivered("not_a_trigger", "malformed"), "campaign-triggers", 0, 1))
    assert (found.target, found.requests, found.trigger_id, found.campaign) == ("", 0, "", "")


def test_one_that_is_cut_still_tells_its_campaign() -> None:
    record = encode_undelivered(KEY, VALUE, HEADERS, Undelivered("refused", "HTTP 410 Gone", "crm", 1), "campaign-triggers", 3, 17)
    cut = cut_to(*record, 20_000)
    assert cut is not None
    found = decode_undelivered(*cut)
    assert found.cut is not None
    assert (found.cut.parts, found.cut.size) == (["value"], len(VALUE))
    assert found.value == VALUE[: len(found.value or b"")]
    assert (found.trigger_id, found.campaign, found.target) == ("c/1/2/hello", "hello", "crm")


def test_one_that_was_sent_back_counts_its_attempts_and_keeps_its_headers() -> None:
    why = Undelivered("refused", "HTTP 410 Gone", "crm", 1)
    found = decode_undelivered(*encode_undelivered(KEY, VALUE, HEADERS, why, "campaign-triggers", 3, 17))
    headers = redriven_headers(found, "letters", 3, 5)
    assert list(headers[: len(HEADERS)]) == list(HEADERS)
    again = decode_undelivered(*encode_undelivered(KEY, VALUE, headers, why, "campaign-triggers", 3, 99))
    assert attempts_of(again.headers) == 1
    assert dict(redriven_headers(again, "letters", 3, 6))[ATTEMPT] == b"2"


def test_reason_target_and_campaign_make_the_kind() -> None:
    def kind(reason: str, target: str, campaign: str) -> str:
        value = encode_campaign_trigger(msgspec.structs.replace(TRIGGER, campaign=campaign), "retail", 1)[1]
        why = Undelivered(reason, "", target, 1)  # type: ignore[arg-type]
        return decode_undelivered(*encode_undelivered(KEY, value, (), why, "campaign-triggers", 3, 17)).kind

    kinds = {kind(reason, target, campaign) for reason in REASONS for target in ("", "crm") for campaign in ("a", "b")}
    assert len(kinds) == len(REASONS) * 4
    assert {one.partition(".")[0] for one in kinds} == set(REASONS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("etapa.reason", b"bored"), ("etapa.partition", b"x"), (REQUESTS, b"many"), (REQUESTS, None), ("etapa.target", b"\xff")],
)
def test_what_is_none_of_ours_is_told(name: str, value: bytes | None) -> None:
    record = encode_undelivered(KEY, VALUE, (), Undelivered("refused", "", "crm", 1), "campaign-triggers", 3, 17)
    headers = [(header, value if header == name else text) for header, text in record[2]]
    with pytest.raises(DeadLetterError):
        decode_undelivered(KEY, VALUE, headers)  # type: ignore[arg-type]
