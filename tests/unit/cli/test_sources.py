"""`etapa sources`: turns records as they come into touchpoints."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from etapa.settings import SHIPPED_JOURNEY
from etapa.sources import presets
from tests.servers.registry_double import RegistryDouble
from tests.unit.cli.process import environment, etapa

CALLS = [
    {
        "type": "track",
        "event": "purchase",
        "userId": "u1",
        "messageId": "m-1",
        "timestamp": "2026-01-05T09:20:00Z",
        "properties": {"amount": 120},
    },
    {"type": "group", "userId": "u1", "groupId": "g1", "messageId": "m-2", "timestamp": "2026-01-05T09:20:00Z"},
    {"type": "track", "event": "purchase", "userId": "null", "messageId": "m-3", "timestamp": "2026-01-05T09:20:00Z"},
]


@pytest.fixture
def calls(tmp_path: Path) -> str:
    path = tmp_path / "calls.jsonl"
    path.write_text("".join(json.dumps(call) + "\n" for call in CALLS), "utf-8")
    return str(path)


def test_the_list_has_a_sentence_of_each() -> None:
    assert [each["name"] for each in json.loads(etapa("sources", "list", "--json").stdout)["sources"]] == list(presets.names())
    assert "Events of Stripe" in etapa("sources").stdout.decode()


def test_records_are_converted_and_the_counts_add_up(calls: str) -> None:
    done = etapa("sources", "convert", "segment", calls)
    assert done.returncode == 0
    assert [json.loads(line)["customer_id"] for line in done.stdout.splitlines()] == ["u1"]
    said = done.stderr.decode()
    assert "record 3: placeholder_id: found a placeholder instead of a customer id at `userId` or `anonymousId`" in said
    assert "3 records: 1 touchpoint, 1 skipped, 1 dead letter" in said
    assert "1 skipped by skip 1: type" in said


def test_what_is_converted_can_be_simulated(calls: str) -> None:
    converted = etapa("sources", "convert", "segment", calls).stdout
    done = etapa("simulate", "-", stdin=converted)
    assert done.returncode == 0
    assert b"1 touchpoint (0 duplicates) of 1 customer" in done.stderr


def test_a_machine_gets_the_counts_as_an_object(calls: str) -> None:
    done = etapa("sources", "convert", "segment", calls, "--json")
    assert json.loads(done.stderr) == {
        "records": 3,
        "touchpoints": 1,
        "skipped": {"skip 1: type": 1},
        "dead_letters": {"placeholder_id": 1},
    }


def test_a_spreadsheet_needs_no_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order_id;email;order_date;total\n7;ada@example.com;2026-01-05;12.50\n", "utf-8")
    done = etapa("sources", "convert", "csv", str(path))
    assert json.loads(done.stdout) == {
        "id": "7",
        "customer_id": "ada@example.com",
        "type": "purchase",
        "occurred_at": "2026-01-05T00:00:00Z",
        "properties": {"amount": 12.5},
    }


def test_nothing_usable_is_a_failure_that_says_what_to_do(calls: str) -> None:
    done = etapa("sources", "convert", "stripe", calls)
    assert done.returncode == 1
    assert "`etapa sources explain stripe RECORD` shows where each field is looked for" in done.stderr.decode()


def test_explain_shows_where_each_field_was_found(calls: str) -> None:
    lines = etapa("sources", "explain", "segment", calls).stdout.decode().splitlines()
    assert lines[0] == "a touchpoint"
    assert any(line.split() == ["customer_id", '"u1"', "from", "`userId`"] for line in lines)
    said = etapa("sources", "explain", "segment", json.dumps(CALLS[1])).stdout.decode()
    assert said.startswith("skipped: skip 1: type")
    alias = {"type": "alias", "userId": "u1", "previousId": "a1", "messageId": "m-4", "timestamp": "2026-01-05T09:20:00Z"}
    assert etapa("sources", "explain", "segment", json.dumps(alias)).stdout.decode().startswith("a link: a1 is u1")


def test_a_name_that_is_nearly_right_is_told() -> None:
    done = etapa("sources", "show", "segmnt")
    assert done.returncode == 2
    assert "no source 'segmnt'; did you mean 'segment'?" in done.stderr.decode()


def test_a_file_of_ones_own_that_is_named_without_its_ending_is_told(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("source: shop")
    done = etapa("sources", "show", str(tmp_path / "shop"))
    assert done.returncode == 2
    assert f"if you mean your own file, write {tmp_path / 'shop.yaml'}" in done.stderr.decode()


def test_tests_of_a_file_of_ones_own_pass_and_fail(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = presets.text_of("hubspot")
    path.write_text(text, "utf-8")
    assert etapa("sources", "test", str(path)).stdout.decode().strip() == "1 test passed, 0 failed"
    path.write_text(text.replace("channel: crm", "channel: phone"), "utf-8")
    done = etapa("sources", "test", str(path))
    assert done.returncode == 1
    assert 'channel: expected "phone", found "crm"' in done.stdout.decode()


def test_a_file_with_errors_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("source: mine\ntouchpoint: {id: id}\n", "utf-8")
    done = etapa("sources", "convert", str(path), "-", stdin=b"{}")
    assert done.returncode == 1
    assert "a touchpoint needs `customer_id`, `type` and `occurred_at`" in done.stderr.decode()


def test_records_of_another_system_are_simulated_as_they_come(calls: str, tmp_path: Path) -> None:
    converted = tmp_path / "touchpoints.jsonl"
    converted.write_bytes(etapa("sources", "convert", "segment", calls).stdout)
    direct, by_hand = etapa("simulate", calls, "--source", "segment"), etapa("simulate", str(converted))
    assert direct.returncode == by_hand.returncode == 0
    assert direct.stdout == by_hand.stdout != b""
    said = direct.stderr.decode()
    assert "line 3: placeholder_id" in said
    assert "1 line could not be used: placeholder_id 1" in said
    assert "1 record skipped by skip 1: type" in said


def test_a_spreadsheet_is_simulated_in_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order_id,email,date,total\n2,ada@example.com,2026-02-05,5\n1,ada@example.com,2026-01-05,7\n", "utf-8")
    done = etapa("simulate", str(path), "--source", "csv", "--sort")
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[0])["at"] == "2026-01-05T00:00:00Z"
    refused = etapa("simulate", str(path))
    assert refused.returncode == 1
    assert "--source csv" in refused.stderr.decode()


def test_two_journeys_are_compared_on_another_systems_records(calls: str) -> None:
    retail = str(SHIPPED_JOURNEY)
    done = etapa("diff", retail, retail, calls, "--source", "segment")
    assert done.returncode == 0
    assert b"1 touchpoint of 1 customer" in done.stdout


def test_columns_of_a_csv_that_nobody_knows_are_guessed_by_their_names_and_shown(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_bytes(b"klant;fecha y hora;tipo de evento\nada;2026-01-05;visit\n")
    done = etapa("sources", "convert", "csv", str(path))
    found = json.loads(done.stdout)
    assert (found["customer_id"], found["type"], found["occurred_at"]) == ("ada", "visit", "2026-01-05T00:00:00Z")
    assert "columns taken: customer = klant, time = fecha y hora, type = tipo de evento." in done.stderr.decode()
    assert etapa("simulate", str(path), "--source", "csv").returncode == 0


@pytest.mark.parametrize(
    ("heading", "taken"),
    [
        (
            "cliente;tipo;fecha;importe;canal;nota",
            "customer = cliente, time = fecha, type = tipo, amount = importe, channel = canal. Not taken: nota.",
        ),
        ("kunde;typ;zeit;betrag;kanal;ort", "customer = kunde, time = zeit, type = typ, amount = betrag, channel = kanal. Not taken: ort."),
        ("email;event;date;Monto;currency;city", "customer = email, time = date, type = event, amount = Monto. Not taken: city."),
    ],
)
def test_columns_in_other_languages_are_taken_and_those_that_are_not_are_named(tmp_path: Path, heading: str, taken: str) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(f"{heading}\nada;purchase;2026-01-05;12.50;store;x\n")
    done = etapa("sources", "convert", "csv", str(path))
    assert taken in done.stderr.decode()
    assert json.loads(done.stdout)["properties"]["amount"] == 12.5


def test_a_date_and_a_decimal_comma_of_a_csv_are_told_with_what_a_source_file_would_say(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("cliente;fecha;importe\nada;31/12/2025 10:00;7\nada;2026-01-05;1.234,50\n")
    told = etapa("sources", "convert", "csv", str(path)).stderr.decode()
    assert 'found day/month/year at `fecha`; in a source file: {of: …, zone: …, form: "%d/%m/%Y %H:%M"}' in told
    assert "found one with a comma at `importe`; in a source file, `as: [decimal_comma, number]` takes what follows it for decimals" in told
    source = tmp_path / "shop.yaml"
    source.write_text(
        "source: shop\ndecode: csv\ntouchpoint:\n  id: {hash: [cliente, fecha]}\n  customer_id: cliente\n  type: {const: purchase}\n"
        '  occurred_at: {first: [{of: fecha, zone: UTC, form: "%d/%m/%Y %H:%M"}]}\n'
        "  properties: {amount: {of: importe, as: [decimal_comma, number]}}\n"
    )
    path.write_text("cliente;fecha;importe\nada;31/12/2025 10:00;1.234,50\nada;1/1/2026 10:00;7\n")
    rows = [json.loads(line) for line in etapa("sources", "convert", str(source), str(path)).stdout.splitlines()]
    assert [(row["occurred_at"], row["properties"]["amount"]) for row in rows] == [
        ("2025-12-31T10:00:00Z", 1234.5),
        ("2026-01-01T10:00:00Z", 7),
    ]


def test_a_csv_whose_columns_nobody_could_guess_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x;y;z\n1;2;3\n")
    done = etapa("simulate", str(path), "--source", "csv")
    assert done.returncode == 2
    assert "none of its columns is known to be the customer; it has x, y, z. Name the columns in" in done.stderr.decode()


def test_a_csv_that_is_known_says_nothing_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "known.csv"
    path.write_bytes(b"customer_id,event,timestamp\nada,visit,2026-01-05\n")
    assert "columns taken" not in etapa("sources", "convert", "csv", str(path)).stderr.decode()


def test_somebody_at_a_terminal_is_asked_for_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x;y;z\nada;2026-01-05;visit\n")
    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, b"x\ny\nz\n")
        command = [sys.executable, "-m", "etapa", "sources", "convert", "csv", str(path)]
        done = subprocess.run(command, stdin=terminal, stderr=terminal, stdout=subprocess.PIPE, env=environment(), timeout=60, check=False)
        said = os.read(keyboard, 10_000).decode()
    finally:
        os.close(terminal)
        os.close(keyboard)
    assert "a.csv has the columns x, y, z." in said
    assert "Which column says who the customer is?" in said
    found = json.loads(done.stdout)
    assert (found["customer_id"], found["type"], found["occurred_at"]) == ("ada", "visit", "2026-01-05T00:00:00Z")


FRAMED = """
source: visits
registry: {{url: "{url}"}}
touchpoint: {{id: id, customer_id: who, type: {{const: visit}}, occurred_at: {{const: "2026-01-05T09:20:00Z"}}, properties: {{page: page}}}}
tests:
  - {{given: AAAAAAcEZTEGYWRhCGhvbWU=, expect: {{id: e1, customer_id: ada, properties: {{page: home}}}}}}
  - {{given: AAAAAAj/, expect: {{dead: invalid}}}}
  - {{given: {{id: e2, who: bob}}, expect: {{customer_id: bob}}}}
"""


def test_tests_of_a_source_read_framed_records_through_its_registry(tmp_path: Path) -> None:
    fields = [{"name": name, "type": "string"} for name in ("id", "who", "page")]
    schema = json.dumps({"type": "record", "name": "Visit", "fields": fields})
    path = tmp_path / "visits.yaml"
    with RegistryDouble({7: {"schema": schema}}) as registry:
        path.write_text(FRAMED.format(url=registry.url))
        assert etapa("sources", "test", str(path)).stdout.decode() == "3 tests passed, 0 failed\n"
        path.write_text(FRAMED.format(url="http://127.0.0.1:1"))
        asked = etapa("sources", "test", str(path), env={"ETAPA_REGISTRY_URL": registry.url})
        assert asked.returncode == 0, "the setting takes precedence"
    away = etapa("sources", "test", str(path))
    assert away.returncode == 1
    assert b"schema 7 cannot be loaded" in away.stderr
    alone = etapa("sources", "convert", "segment", "-", stdin=b"AAAAAAcEZTE=\n", env={"ETAPA_REGISTRY_TOKEN": "a-token-of-some-length"})
    assert b"ETAPA_REGISTRY_TOKEN: found without a registry; set ETAPA_REGISTRY_URL or `registry` in the source too" in alone.stderr
