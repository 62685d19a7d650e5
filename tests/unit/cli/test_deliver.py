"""`etapa deliver --check`, and what the command says when it cannot start; `etapa triggers` without a server."""

from pathlib import Path

import pytest

from tests.unit.cli.process import etapa

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
GOOD = """
targets: [{id: crm, url: "https://crm.example.com/", secrets: {env: CRM_SECRET}}]
campaigns: [{id: welcome, target: crm}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "delivery.yaml"
    path.write_text(GOOD)
    return path


def test_a_good_file_with_its_secrets_is_good(file: Path) -> None:
    done = etapa("deliver", "--delivery", str(file), "--check", env={"CRM_SECRET": SECRET})
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{file}: good: 1 target, 1 campaign; triggers of other campaigns become dead letters\n"


def test_a_default_is_told(file: Path) -> None:
    file.write_text(f"default: crm{GOOD}")
    done = etapa("deliver", "--check", env={"CRM_SECRET": SECRET, "ETAPA_DELIVERY": str(file)})
    assert done.stdout.decode() == f"{file}: good: 1 target, 1 campaign; other campaigns go to crm\n"


def test_a_secret_that_is_missing_is_a_failed_check(file: Path) -> None:
    for arguments in ([], ["--check"]):
        done = etapa("deliver", "--delivery", str(file), *arguments)
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.decode() == f"Error: {file}: target crm, signing secret: the environment variable CRM_SECRET is not set\n"


def test_every_missing_secret_is_named_at_once(file: Path) -> None:
    file.write_text(GOOD.replace("secrets:", "headers: {Authorization: {file: token}}, secrets:"))
    said = etapa("deliver", "--delivery", str(file), "--check").stderr.decode()
    assert "header Authorization: the file token cannot be read" in said
    assert "signing secret: the environment variable CRM_SECRET is not set" in said


def test_mistakes_come_with_their_place_and_fail_the_check(file: Path) -> None:
    file.write_text(f'targets: [{{id: crm, url: "http://crm.example.com/", secrets: {SECRET}}}]\n')
    done = etapa("deliver", "--delivery", str(file), "--check")
    said = done.stderr.decode()
    assert (done.returncode, done.stdout) == (1, b"")
    assert f"{file}:1:26: error: http would send triggers and secrets unencrypted" in said
    assert "expected {env: NAME} or {file: PATH}" in said
    assert SECRET not in said


def test_no_file_and_an_absent_file_are_wrong_use(tmp_path: Path) -> None:
    done = etapa("deliver")
    assert (done.returncode, done.stderr) == (2, b"Error: no delivery file: name one with --delivery or ETAPA_DELIVERY\n")
    done = etapa("deliver", "--delivery", str(tmp_path / "none.yaml"))
    assert done.returncode == 2
    assert b"cannot read it: no such file or directory" in done.stderr


def test_a_group_that_is_the_workers_is_wrong_use(file: Path) -> None:
    done = etapa("deliver", "--delivery", str(file), "--check", env={"ETAPA_DELIVERY_GROUP": "etapa"})
    assert done.returncode == 2
    assert b"ETAPA_DELIVERY_GROUP: found 'etapa', the same as ETAPA_GROUP" in done.stderr


def test_triggers_without_kafka_are_one_clear_line() -> None:
    done = etapa("triggers", "--kafka-bootstrap-servers", "127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Kafka at 127.0.0.1:1: nobody listens there" in done.stderr
