"""`etapa topics create`: on a real Kafka, and plain words where there is none."""

import json
from itertools import count

import pytest

from tests.servers.kafka_server import KafkaServer
from tests.unit.cli.process import etapa

numbers = count()


@pytest.fixture
def environ(kafka_server: KafkaServer) -> dict[str, str]:
    """Settings with topics of their own on the Kafka of this run."""
    number = next(numbers)
    kinds = ("TOUCHPOINTS", "STAGE_CHANGES", "CAMPAIGN_TRIGGERS", "DEAD_LETTERS", "CUSTOMER_STATE", "CAMPAIGN_TRIGGER_DEAD_LETTERS")
    topics = {f"ETAPA_TOPIC_{kind}": f"command-{number}-{kind.lower()}" for kind in kinds}
    return topics | {"ETAPA_KAFKA_BOOTSTRAP_SERVERS": kafka_server.bootstrap_servers, "ETAPA_PARTITIONS": "2"}


@pytest.mark.kafka
def test_all_topics_are_made_once_and_found_the_second_time(environ: dict[str, str]) -> None:
    first, second = etapa("topics", "create", env=environ), etapa("topics", "create", "--json", env=environ)
    assert first.returncode == 0, first.stderr
    assert first.stdout.decode().splitlines() == [
        f"{name}: created, 2 partitions" for variable, name in environ.items() if variable.startswith("ETAPA_TOPIC_")
    ]
    assert second.returncode == 0, second.stderr
    assert {(topic["partitions"], topic["created"]) for topic in json.loads(second.stdout)["topics"]} == {(2, False)}


@pytest.mark.kafka
def test_topics_with_another_number_of_partitions_are_a_failed_check(environ: dict[str, str]) -> None:
    etapa("topics", "create", env=environ)
    done = etapa("topics", "create", "--partitions", "3", env=environ)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"must have the same number of partitions" in done.stderr


def test_a_closed_port_is_one_clear_line() -> None:
    done = etapa("topics", "create", "--kafka-bootstrap-servers", "127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == (
        "Error: no Kafka answers at 127.0.0.1:1; is it running? ETAPA_KAFKA_BOOTSTRAP_SERVERS"
        " (or --kafka-bootstrap-servers) says where it is\n"
    )


def test_a_wrong_number_of_partitions_is_wrong_use() -> None:
    done = etapa("topics", "create", "--partitions", "many")
    assert (done.returncode, done.stderr) == (2, b"Error: --partitions: found 'many'; allowed: a whole number from 1 to 10000\n")
