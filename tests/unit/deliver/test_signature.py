import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etapa.deliver.attempts.signature import SecretError, header_text, idempotency_key, secret_key, sign, signed_headers, webhook_id

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_signature_is_that_of_other_implementations_of_the_specification() -> None:
    signature = sign(secret_key(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_replaced_both_sign() -> None:
    keys = [secret_key(SECRET), b"x" * 32]
    headers = signed_headers(keys, "c-1/1/a", 5, b"{}")
    assert headers["webhook-signature"].split() == [sign(key, "c-1/1/a", 5, b"{}") for key in keys]
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("c-1/1/a", "5")


def test_without_a_secret_there_is_no_signature() -> None:
    assert set(signed_headers([], "c-1/1/a", 5, b"{}")) == {"webhook-id", "webhook-timestamp"}


def test_a_secret_may_come_without_its_prefix() -> None:
    assert secret_key(SECRET) == secret_key(SECRET.removeprefix("whsec_")) == secret_key(f" {SECRET}\n")


@pytest.mark.parametrize("secret", ["", "whsec_", "hunter2", "whsec_" + "é" * 40, *(base64.b64encode(b"x" * n).decode() for n in (23, 65))])
def test_what_is_no_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(SecretError) as refused:
        secret_key(secret)
    assert len(secret) < 7 or secret not in str(refused.value)


def test_a_plain_id_stays_as_it_is() -> None:
    assert idempotency_key("c-42/3/loyalty-welcome") == webhook_id("c-42/3/loyalty-welcome") == "c-42/3/loyalty-welcome"


def test_ids_that_headers_cannot_hold_are_percent_encoded() -> None:
    assert idempotency_key("ana@example.com\r\nX-Evil: 1/1/ñ") == "ana@example.com%0D%0AX-Evil:%201/1/%C3%B1"
    assert webhook_id("ana@example.com/1/a") == "ana@example%2Ecom/1/a"


@given(st.text(), st.text())
def test_no_two_ids_become_the_same_and_none_breaks_out_of_its_header(one: str, other: str) -> None:
    assert (header_text(one) == header_text(other)) == (one == other)
    assert (webhook_id(one) == webhook_id(other)) == (one == other)
    assert all(0x21 <= ord(character) <= 0x7E for character in webhook_id(one))
    assert "." not in webhook_id(one)
