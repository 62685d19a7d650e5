"""`etapa config`: values, where they come from, and no secrets."""

import json
from pathlib import Path

from tests.unit.cli.process import etapa


def test_every_setting_is_shown_with_its_value_and_origin(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret-s3cret-s3cret\n")
    done = etapa("config", "--group", "blue", env={"ETAPA_START": "latest", "ETAPA_API_TOKEN_FILE": str(token), "COLUMNS": "160"})
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.decode().splitlines() if line}
    assert done.returncode == 0
    assert lines["ETAPA_KAFKA_BOOTSTRAP_SERVERS"] == ["localhost:9092", "default"]
    assert lines["ETAPA_START"] == ["latest", "environment"]
    assert lines["ETAPA_GROUP"] == ["blue", "flag", "--group"]
    assert lines["ETAPA_API_TOKEN"] == ["********", "file", str(token)]
    assert lines["ETAPA_KAFKA_SASL_USERNAME"] == ["-", "default"]


def test_settings_stand_in_groups_and_each_value_below_its_name_where_there_is_no_room() -> None:
    lines = etapa("config", env={"COLUMNS": "50"}).stdout.decode().splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        "# Kafka",
        "# Redis",
        "# Worker",
        "# Topics",
        "# HTTP",
        "# Delivery",
        "# Log",
    ]
    assert lines[lines.index("ETAPA_START") + 1] == "  earliest  (default)"
    assert max(len(line) for line in lines if not line.startswith("  ")) <= 50


def test_secrets_are_hidden_for_people_and_for_machines() -> None:
    env = {"ETAPA_API_TOKEN": "s3cret-s3cret-s3cret", "ETAPA_REDIS_URL": "redis://u:s3cret@h:1/0"}
    for arguments in (["config"], ["config", "--json"]):
        done = etapa(*arguments, env=env)
        assert b"s3cret" not in done.stdout + done.stderr
        assert b"redis://********@h:1/0" in done.stdout


def test_a_machine_gets_one_object_with_numbers_as_numbers() -> None:
    done = etapa("config", "--json", env={"ETAPA_HTTP_PORT": "7000"})
    found = json.loads(done.stdout)
    assert found["ETAPA_HTTP_PORT"] == {"value": 7000, "origin": "environment", "origin_name": "ETAPA_HTTP_PORT"}
    assert found["ETAPA_SESSION_TIMEOUT"]["value"] == "30s"
    assert found["ETAPA_API_TOKEN"] == {"value": None, "origin": "default", "origin_name": None}


def test_wrong_settings_are_wrong_use_and_all_are_named() -> None:
    done = etapa("config", env={"ETAPA_HTTP_PORT": "x", "ETAPA_START": "y"})
    assert done.returncode == 2
    assert done.stdout == b""
    said = done.stderr.decode()
    assert "2 settings are wrong:" in said
    assert "ETAPA_HTTP_PORT: found 'x'; allowed: a whole number from 0 to 65535" in said
    assert "ETAPA_START: found 'y'; allowed: earliest or latest" in said


def test_a_mistyped_variable_is_a_warning_beside_the_data() -> None:
    done = etapa("config", env={"ETAPA_REDIS_ULR": "redis://x"})
    assert done.returncode == 0
    assert done.stderr == b"Warning: ETAPA_REDIS_ULR is not a setting of Etapa and is ignored; did you mean ETAPA_REDIS_URL?\n"
