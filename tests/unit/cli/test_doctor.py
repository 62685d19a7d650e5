"""`etapa doctor` where there are no servers."""

import json
from pathlib import Path

from tests.unit.cli.process import etapa

NOWHERE = {"ETAPA_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "ETAPA_REDIS_URL": "redis://u:s3cret@127.0.0.1:1"}


def test_each_server_that_is_away_is_a_line_of_its_own() -> None:
    done = etapa("doctor", "--json", env=NOWHERE)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert not told["good"]
    assert [(one["area"], one["cause"]) for one in told["checks"] if one["level"] == "bad"] == [("Kafka", "refused"), ("Redis", "refused")]
    assert b"s3cret" not in done.stdout + done.stderr


def test_a_journey_with_errors_is_bad_and_the_servers_are_told_of_all_the_same(tmp_path: Path) -> None:
    journey = tmp_path / "journey.yaml"
    journey.write_text("journey: shop\n")
    done = etapa("doctor", "--journey", str(journey), env=NOWHERE)
    assert done.returncode == 1
    assert f"> `etapa validate {journey}` shows them".encode() in done.stdout
    assert done.stderr.decode().startswith("3 bad")


def test_certificates_that_cannot_be_read_are_wrong_use() -> None:
    done = etapa("doctor", env={**NOWHERE, "ETAPA_KAFKA_SECURITY_PROTOCOL": "SSL", "ETAPA_KAFKA_SSL_CA": "/nowhere.pem"})
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"ETAPA_KAFKA_SSL_CA: '/nowhere.pem' cannot be used" in done.stderr
