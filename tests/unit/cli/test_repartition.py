"""`etapa repartition` without servers: what it is told wrongly."""

import pytest

from tests.unit.cli.process import etapa


@pytest.mark.parametrize("arguments", [(), ("--to", "3", "--stop"), ("--status", "--stop")])
def test_exactly_one_thing_is_asked_of_it(arguments: tuple[str, ...]) -> None:
    done = etapa("repartition", *arguments)
    assert done.returncode == 2
    assert b"say one of --to N, --status and --stop" in done.stderr


@pytest.mark.parametrize("number", ["0", "10001", "many"])
def test_a_number_of_partitions_beyond_what_is_possible_is_refused(number: str) -> None:
    done = etapa("repartition", "--to", number)
    assert done.returncode == 2
    assert b"--to" in done.stderr


def test_it_says_when_kafka_does_not_answer() -> None:
    done = etapa("repartition", "--status", "--kafka-bootstrap-servers", "127.0.0.1:1")
    assert done.returncode == 1
    assert b"Kafka at 127.0.0.1:1" in done.stderr
