"""`etapa dead-letters`: what it refuses before it asks any server, and what it says without a Kafka."""

import pytest

from etapa.embedded.broker import PrivateBroker
from tests.unit.cli.process import etapa

NOWHERE = ("--kafka-bootstrap-servers", "127.0.0.1:1")


@pytest.mark.parametrize("arguments", [("list",), ("show", "0/0"), ("redrive", "--all", "--dry-run"), ("redrive", "0/3", "--yes")])
def test_a_closed_port_is_one_clear_line(arguments: tuple[str, ...]) -> None:
    done = etapa("dead-letters", *arguments, *NOWHERE)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == (
        "Error: Kafka at 127.0.0.1:1: nobody listens there (connection refused). Is it running? ETAPA_KAFKA_BOOTSTRAP_SERVERS"
        " (or --kafka-bootstrap-servers) says where it is\n"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("redrive", "--yes"), "say which: letters by PARTITION/OFFSET, or --reason"),
        (("redrive", "0/1", "--reason", "invalid"), "not both"),
        (("redrive", "0/1", "--all"), "not both"),
        (("redrive", "0-1"), "a dead letter is named by partition and offset, such as 3/1742"),
        (("redrive", "--all"), "the input is not a terminal, so no confirmation can be asked for; add --yes"),
        (("redrive", "--all", "--max-attempts", "0"), "max-attempts"),
        (("list", "--reason", "bored"), "bored"),
        (("list", "--since", "yesterday"), "allowed: a time with an offset"),
        (("list", "--partition", "-1"), "partition"),
        (("show",), "PARTITION/OFFSET"),
    ],
)
def test_wrong_use_is_told_before_any_server_is_asked(arguments: tuple[str, ...], says: str) -> None:
    done = etapa("dead-letters", *arguments, *NOWHERE)
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in done.stderr.decode()


@pytest.mark.parametrize("command", ["list", "show", "redrive"])
def test_each_explains_itself(command: str) -> None:
    done = etapa("dead-letters", command, "--help")
    assert done.returncode == 0
    assert b"--json" in done.stdout


def test_a_broker_that_cannot_be_asked_for_all_offsets_is_no_trouble() -> None:
    with PrivateBroker() as broker:
        broker.create_topics(["dead-letters"])
        done = etapa("dead-letters", "list", "--kafka-bootstrap-servers", broker.address, env={"ETAPA_KAFKA_CHECK_CRCS": "off"})
    assert (done.returncode, done.stderr.decode()) == (0, "0 dead letters\n")
