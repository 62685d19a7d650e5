"""`etapa init`: five questions, or none, and a journey whose tests pass."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.cli.process import etapa

ORDERS = b"order_id;email;order_date;total\n1;ada@example.com;2026-01-05;59.90\n2;bob@example.com;2026-01-06;12.50\n3;ada@example.com;2026-02-10;24.00\n"


def _init(folder: Path, *arguments: str, answers: str = "") -> subprocess.CompletedProcess[bytes]:
    return etapa("init", str(folder / "shop.yaml"), *arguments, stdin=answers.encode())


def _passes(path: Path) -> None:
    done = etapa("test", str(path), "--require-coverage")
    assert done.returncode == 0, done.stdout.decode()
    assert etapa("validate", str(path), "--strict").returncode == 0


def test_enter_takes_every_guess(tmp_path: Path) -> None:
    done = _init(tmp_path, answers="\n" * 5)
    assert done.returncode == 0, done.stderr
    assert "shop.yaml: journey shop, with 5 tests that pass" in done.stdout.decode()
    _passes(tmp_path / "shop.yaml")


def test_answers_are_what_the_journey_is_made_of(tmp_path: Path) -> None:
    done = _init(tmp_path, answers="Mi Tienda\nvisita, reserva, queja\nreserva\n2 in 60d\n1y\n")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "shop.yaml").read_text()
    assert "journey: mi-tienda" in text
    assert "{count: reserva, within: 60d, gte: 2}" in text
    assert "{absent: reserva, for: 1y}" in text
    assert "{count: queja, within: 30d, eq: 0}" in text
    _passes(tmp_path / "shop.yaml")


def test_a_wrong_answer_is_asked_again(tmp_path: Path) -> None:
    done = _init(tmp_path, answers="\n\n\nthree in 90d\n3 in ninety\n3 in 90d\n\n")
    assert done.returncode == 0, done.stderr
    assert "write it like `3 in 90d`" in done.stderr.decode()
    assert "'ninety' is not a duration" in done.stderr.decode()


def test_answers_that_make_no_journey_are_told_and_nothing_is_written(tmp_path: Path) -> None:
    done = _init(tmp_path, answers="\n\n\n1 in 90d\n\n")
    assert done.returncode == 1
    assert "these answers make no journey: a regular comes back" in done.stderr.decode()
    assert not (tmp_path / "shop.yaml").exists()


def test_guesses_come_from_events_of_another_system(tmp_path: Path) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_bytes(ORDERS)
    done = _init(tmp_path, "--from", str(orders), "--source", "csv", "--yes")
    assert done.returncode == 0, done.stderr
    assert "3 touchpoints of 2 customers: purchase 3" in done.stderr.decode()
    assert f"etapa simulate {tmp_path / 'shop.yaml'} {orders} --source csv" in done.stdout.decode()
    assert f"etapa map {tmp_path / 'shop.yaml'} {orders} --source csv" in done.stdout.decode()
    _passes(tmp_path / "shop.yaml")


def test_events_may_come_from_standard_input(tmp_path: Path) -> None:
    done = etapa("init", str(tmp_path / "a.yaml"), "--from", "-", "--source", "csv", "--yes", stdin=ORDERS)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--source", "csv"), "there is no --from"),
        (("--from", "-"), "add --yes"),
        (("--from", "nowhere.jsonl", "--yes"), "nowhere.jsonl: cannot read it"),
    ],
)
def test_what_cannot_be_meant_is_told(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = _init(tmp_path, *arguments)
    assert done.returncode == 2
    assert words in done.stderr.decode()


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    mine = tmp_path / "shop.yaml"
    mine.write_text("mine")
    done = _init(tmp_path, "--yes")
    assert done.returncode == 2
    assert "exists already" in done.stderr.decode()
    assert mine.read_text() == "mine"
    assert _init(tmp_path, "--yes", "--force").returncode == 0


def test_an_empty_file_suggests_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    done = _init(tmp_path, "--from", str(empty), "--yes")
    assert done.returncode == 1
    assert "it contains no touchpoint" in done.stderr.decode()
