from pathlib import Path

import pytest

from etapa.deliver.attempts.signature import secret_key
from etapa.deliver.delivery_file.plan import Plan, Route, SecretSource, Target
from etapa.deliver.delivery_file.secrets_found import SecretsError, find_secrets

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def plan(*secrets: SecretSource, **headers: str | SecretSource) -> Plan:
    target = Target(id="t", url="https://t/", secrets=secrets, headers=headers)
    return Plan(targets=(target,), campaigns={"c": Route("t", {"x-a": "campaign"})})


def test_secrets_come_from_the_environment_and_from_files_beside_the_delivery_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\n")
    found = find_secrets(plan(SecretSource("file", "key"), Authorization=SecretSource("env", "T")), {"T": "Bearer x"}, tmp_path)["t"]
    assert found.signing_keys() == [secret_key(SECRET)]
    assert found.headers_for("other") == {"Authorization": "Bearer x"}


def test_headers_of_a_campaign_win_over_those_of_its_target(tmp_path: Path) -> None:
    found = find_secrets(plan(**{"X-A": "target", "X-B": "both"}), {}, tmp_path)["t"]
    assert found.headers_for("other") == {"X-A": "target", "X-B": "both"}
    assert found.headers_for("c") == {"x-a": "campaign", "X-B": "both"}


def test_credentials_do_not_show_themselves(tmp_path: Path) -> None:
    found = find_secrets(plan(SecretSource("env", "K"), Authorization=SecretSource("env", "T")), {"K": SECRET, "T": "hush"}, tmp_path)
    assert SECRET not in repr(found)
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (SecretSource("env", "MISSING"), "the environment variable MISSING is not set"),
        (SecretSource("env", "EMPTY"), "the environment variable EMPTY is not set"),
        (SecretSource("env", "WEAK"), "the environment variable WEAK does not hold one: a signing secret is whsec_"),
        (SecretSource("file", "missing"), "the file missing cannot be read (no such file or directory)"),
        (SecretSource("file", "empty"), "the file empty is empty"),
        (SecretSource("file", "binary"), "the file binary is not UTF-8 text"),
        (SecretSource("file", "huge"), "the file huge holds more than 65536 bytes"),
        (SecretSource("file", "a\0b"), "cannot be read"),
    ],
)
def test_what_is_missing_is_named_and_what_was_found_is_not(source: SecretSource, expected: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "huge").write_text("x" * 70_000)
    with pytest.raises(SecretsError) as error:
        find_secrets(plan(source, X=source), {"WEAK": "hunter2", "EMPTY": " "}, tmp_path)
    assert expected in error.value.problems[-1] or expected in error.value.problems[0]
    assert "hunter2" not in str(error.value)


def test_a_secret_that_would_break_out_of_its_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match="characters that no header may have"):
        find_secrets(plan(Authorization=SecretSource("env", "T")), {"T": "a\r\nX-Evil: 1"}, tmp_path)
