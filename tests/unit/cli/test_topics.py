"""`etapa topics create`: on a real Kafka, and a plain message where there is none."""

import json
from itertools import count

import pytest

from tests.servers.kafka_server import KafkaServer
from tests.unit.cli.process import etapa

numbers = count()


@pytest.fixture
def environ(kafka_server: KafkaServer) -> dict[str, str]:
    """Settings with separate topics on the Kafka of this run."""
    number = next(numbers)
    kinds = (
        "TOUCHPOINTS",
        "STAGE_CHANGES",
        "CAMPAIGN_TRIGGERS",
        "CAMPAIGN_OUTCOMES",
        "DEAD_LETTERS",
        "CUSTOMER_STATE",
        "CAMPAIGN_TRIGGER_DEAD_LETTERS",
        "DELIVERY_PROGRESS",
    )
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
def test_for_links_there_is_one_more_topic(environ: dict[str, str]) -> None:
    environ = {**environ, "ETAPA_TOPIC_TRANSFERS": f"{environ['ETAPA_TOPIC_TOUCHPOINTS']}-transfers"}
    printed = etapa("topics", "create", "--links", "--print", env=environ)
    assert f"--topic {environ['ETAPA_TOPIC_TRANSFERS']} --partitions 2" in printed.stdout.decode()
    lines = [etapa("topics", "create", "--links", env=environ).stdout.decode().splitlines()[-1] for _ in range(2)]
    assert lines == [f"{environ['ETAPA_TOPIC_TRANSFERS']}: {how}, 2 partitions" for how in ("created", "was there")]


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
        "Error: Kafka at 127.0.0.1:1: nobody listens there (connection refused). Is it running? ETAPA_KAFKA_BOOTSTRAP_SERVERS"
        " (or --kafka-bootstrap-servers) says where it is\n"
    )


def test_a_wrong_number_of_partitions_is_wrong_use() -> None:
    done = etapa("topics", "create", "--partitions", "many")
    assert (done.returncode, done.stderr) == (2, b"Error: --partitions: found 'many'; allowed: a whole number from 1 to 10000\n")


def test_what_is_needed_is_written_out_for_those_who_may_make_topics() -> None:
    done = etapa("topics", "create", "--print", "--without", "segment.ms", env={"ETAPA_PARTITIONS": "3", "ETAPA_REPLICATION": "2"})
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert lines[1] == (
        "kafka-topics.sh --bootstrap-server localhost:9092 --create --if-not-exists --topic stage-changes --partitions 3"
        " --replication-factor 2 --config cleanup.policy=delete"
    )
    [state] = [line for line in lines if " customer-state " in line]
    assert "--config cleanup.policy=compact --config segment.bytes=67108864 --config min.cleanable.dirty.ratio=0.2" in state


def test_what_is_needed_can_be_read_by_a_machine() -> None:
    done = etapa("topics", "create", "--print", "--json", "--without", "cleanup.policy")
    topics = {topic.pop("name"): topic for topic in json.loads(done.stdout)["topics"]}
    assert topics["stage-changes"] == {"partitions": 12, "replication": 1, "settings": {}}
    assert set(topics["customer-state"]["settings"]) == {
        *("segment.bytes", "segment.ms", "min.cleanable.dirty.ratio", "max.compaction.lag.ms", "delete.retention.ms")
    }


def test_a_setting_that_no_topic_is_given_cannot_be_left_out() -> None:
    done = etapa("topics", "create", "--without", "retention.ms")
    assert done.returncode == 2
    assert b"--without: found 'retention.ms'; allowed: cleanup.policy, " in done.stderr
