"""`etapa forget` without servers: the key, certificates and their signature, and by when Kafka has removed a record."""

from pathlib import Path

import msgspec
import pytest

from etapa.contracts.incoming.forget_request import REQUEST, encode_forget_request, read_request
from etapa.contracts.outgoing.forget_certificate import (
    CertificateError,
    ForgetCertificate,
    RemainingPlace,
    RequestPlace,
    encode_certificate,
    read_certificate,
    signed,
)
from etapa.contracts.rfc3339 import moment_of
from etapa.journey.engine.deny_list import DenyKey, DenyList
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.units import DAY, MINUTE
from etapa.stream.upkeep.lifetimes import lifetime
from tests.unit.cli.process import etapa

SECRET = {"ETAPA_FORGET_KEY": "a long random text"}
KEY = DenyKey(SECRET["ETAPA_FORGET_KEY"].encode())
AT = 1_795_000_000_000_000
REQUESTED = ForgetRequest("ada", KEY.digest("ada"), AT, AT + DAY)


def certificate() -> ForgetCertificate:
    place = RemainingPlace(
        topic="stage-changes", partition=3, records=2, last_offset=17, removed_by="retention", gone_by=moment_of(AT + DAY), because=""
    )
    request = RequestPlace(topic="touchpoints", partition=3, offset=41, at=moment_of(AT), readmitted_after=moment_of(AT + DAY))
    return signed(ForgetCertificate(customer_digest=KEY.digest("ada").hex(), request=request, remaining=[place]), KEY)


def test_a_certificate_is_read_again_and_names_nobody() -> None:
    text = encode_certificate(certificate())
    assert read_certificate(text, "ada", KEY) == certificate()
    assert b"ada" not in text


@pytest.mark.parametrize(
    ("text", "customer_id", "key", "words"),
    [
        (encode_certificate(certificate()), "bob", KEY, "another customer's"),
        (encode_certificate(certificate()), "ada", DenyKey(b"another"), "signature does not fit"),
        (encode_certificate(certificate()).replace(b"17", b"16"), "ada", KEY, "signature does not fit"),
        (b"{}", "ada", KEY, "not a certificate"),
        (b"\xff", "ada", KEY, "not a certificate"),
    ],
)
def test_a_certificate_that_was_changed_or_is_anothers_is_refused(text: bytes, customer_id: str, key: DenyKey, words: str) -> None:
    with pytest.raises(CertificateError, match=words):
        read_certificate(text, customer_id, key)


def test_a_certificate_is_that_of_all_ids_of_a_person() -> None:
    linked = signed(msgspec.structs.replace(certificate(), linked_digests=(KEY.digest("anon-7").hex(),)), KEY)
    text = encode_certificate(linked)
    assert read_certificate(text, "anon-7", KEY) == read_certificate(text, "ada", KEY) == linked
    assert b"anon" not in text
    with pytest.raises(CertificateError, match="another customer's"):
        read_certificate(text, "anon-8", KEY)


def test_the_command_refuses_such_a_certificate_and_works_only_with_a_key(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    path.write_bytes(encode_certificate(certificate()))
    done = etapa("forget", "bob", "--verify", str(path), env=SECRET)
    assert (done.returncode, b"it is another customer's" in done.stderr) == (2, True)
    done = etapa("forget", "ada", "--verify", str(path), "--certificate", str(path), env=SECRET)
    assert (done.returncode, b"give only one of them" in done.stderr) == (2, True)
    done = etapa("forget", "ada")
    assert (done.returncode, b"ETAPA_FORGET_KEY is not set" in done.stderr) == (2, True)


def test_a_request_is_read_as_it_was_written() -> None:
    assert read_request(*encode_forget_request(REQUESTED)) == REQUESTED


def test_a_request_with_another_key_kind_or_value_cannot_be_used() -> None:
    key, value, headers = encode_forget_request(REQUESTED)
    for found, reason in (
        (read_request(b"bob", value, headers), "key_mismatch"),
        (read_request(key, b"{}", headers), "invalid"),
        (read_request(key, None, headers), "invalid"),
        (read_request(key, value, [(REQUEST, b"remember")]), "invalid"),
    ):
        assert not isinstance(found, ForgetRequest)
        assert found.reason == reason
        assert "ada" not in found.detail


def test_the_list_holds_digests_and_forgets_them_when_their_time_is_over() -> None:
    denied = DenyList(KEY, {})
    assert denied.add(REQUESTED)
    assert not denied.add(msgspec.structs.replace(REQUESTED, digest=DenyKey(b"guessed").digest("ada")))
    assert denied.denies("ada", AT + DAY - 1)
    assert not denied.denies("ada", AT + DAY)
    assert not denied.denies("bob", AT)
    assert list(denied.collect()) == [KEY.digest("ada")]
    denied.expire(AT + 2 * DAY - 1)
    assert (len(denied), denied.collect()) == (1, {})
    denied.expire(AT + 2 * DAY)
    assert (len(denied), denied.collect()) == (0, {KEY.digest("ada"): None})


def test_whoever_is_forgotten_again_stays_on_the_list_for_the_longer_time() -> None:
    denied = DenyList(KEY, {})
    denied.add(REQUESTED)
    denied.add(msgspec.structs.replace(REQUESTED, until=AT + MINUTE))
    assert denied.denies("ada", AT + DAY - 1)


@pytest.mark.parametrize(
    ("settings", "gone"),
    [
        ({"cleanup.policy": "delete", "retention.ms": "60000", "segment.ms": "120000", "file.delete.delay.ms": "60000"}, 4 * MINUTE),
        ({"cleanup.policy": "delete", "retention.ms": "-1", "segment.ms": "120000"}, None),
        ({"cleanup.policy": "compact", "max.compaction.lag.ms": "60000", "delete.retention.ms": "120000"}, 4 * MINUTE),
        ({"cleanup.policy": "compact", "max.compaction.lag.ms": "9223372036854775807", "delete.retention.ms": "120000"}, None),
        ({}, None),
    ],
)
def test_the_time_by_which_a_record_is_gone_follows_from_the_topics_settings(settings: dict[str, str], gone: int | None) -> None:
    found = lifetime(settings, AT)
    assert found.gone_by == (None if gone is None else AT + gone + 5 * MINUTE)
    assert found.removed_by == ("compaction" if settings.get("cleanup.policy") == "compact" else "retention")
