"""`etapa run` as a process, where no Kafka and no Redis answer: it waits, says so, and stops when told to."""

import json
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.journeys import BAD
from tests.unit.cli.process import etapa, started

NOWHERE = {
    "ETAPA_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "ETAPA_REDIS_URL": "redis://u:s3cret@127.0.0.1:1/0",
    "ETAPA_HTTP_PORT": "0",
}


def said_until(process: subprocess.Popen[bytes], pattern: str) -> re.Match[str]:
    """Read its log up to a line with this pattern, or until it ends."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line.decode())
        found = re.search(pattern, lines[-1])
        if found:
            return found
    raise AssertionError(f"it ended without saying {pattern!r}: {''.join(lines)}")


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """A worker without servers."""
    with started("run", env=NOWHERE) as process:
        yield process


def get(url: str) -> tuple[int, object]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as answer:
        return answer.code, json.loads(answer.read())


def test_without_kafka_and_redis_it_is_alive_but_not_ready_and_says_why(worker: subprocess.Popen[bytes]) -> None:
    url = said_until(worker, r"HTTP at (\S+)")[1]
    said_until(worker, "no work without Kafka at 127.0.0.1:1: nobody listens there")
    assert get(f"{url}healthz") == (200, {"alive": True})
    status, body = get(f"{url}readyz")
    assert status == 503
    assert isinstance(body, dict)
    assert [problem["name"] for problem in body["not_ready"]] == ["kafka", "redis"]
    assert get(f"{url}v1/stages")[0] == 503


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_leaves_in_good_order(worker: subprocess.Popen[bytes], number: signal.Signals) -> None:
    said_until(worker, "no work without Kafka")
    worker.send_signal(number)
    _, said = worker.communicate(timeout=60)
    assert worker.returncode == 0
    assert b"Traceback" not in said


def test_it_says_what_it_runs_on_without_secrets(worker: subprocess.Popen[bytes]) -> None:
    line = said_until(worker, "Etapa .*").string
    assert "journey retail version" in line
    assert "redis://********@127.0.0.1:1/0" in line
    assert "s3cret" not in line


def test_it_warns_that_it_cannot_replay_who_is_linked(tmp_path: Path) -> None:
    journey = tmp_path / "linked.yaml"
    journey.write_text("journey: x\nversion: 1\nidentity: {}\nstages: [{id: a}, {id: b}]\nrules: [{id: r, to: b, when: {event: buy}}]\n")
    with started("run", "--journey", str(journey), env=NOWHERE) as process:
        said_until(process, "`identity`: `stage: replay`: workers keep no touchpoints to judge again")


def test_a_port_that_is_taken_ends_it_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with started("run", "--http-port", str(port), env=NOWHERE) as process:
            _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.decode().splitlines()[-1] == (
        f"Error: cannot serve HTTP on 127.0.0.1:{port}: another program listens there; "
        "stop it, or choose another port with ETAPA_HTTP_PORT or --http-port"
    )
    assert b"Traceback" not in said


def test_a_journey_with_errors_is_never_run(tmp_path: Path) -> None:
    path = tmp_path / "journey.yaml"
    path.write_text(BAD)
    done = etapa("run", "--journey", str(path), env=NOWHERE)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1] == f"Error: {path} has errors and is not used; `etapa validate {path}` shows them"


def test_certificates_that_are_not_there_are_wrong_use() -> None:
    tls = {"ETAPA_KAFKA_SECURITY_PROTOCOL": "SSL", "ETAPA_KAFKA_SSL_CA": "/no/such/ca.pem"}
    with started("run", env=NOWHERE | tls) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.decode().splitlines()[-1].startswith("Error: ETAPA_KAFKA_SSL_CA: '/no/such/ca.pem' cannot be used")


@pytest.mark.parametrize("port_is_taken", [False, True])
def test_with_json_every_line_of_the_log_is_an_object_to_the_very_last(port_is_taken: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1]) if port_is_taken else "0"
        with started("run", "--http-port", port, env=NOWHERE | {"ETAPA_LOG_FORMAT": "json", "ETAPA_GROUP": "shop"}) as process:
            lines = []
            if not port_is_taken:
                assert process.stderr is not None
                for line in process.stderr:
                    lines.append(line.decode())
                    if "no work without Kafka" in lines[-1]:
                        break
                process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
    told = [json.loads(line) for line in [*lines, *said.decode().splitlines()]]
    assert {one["group"] for one in told} == {"shop"}
    assert "s3cret" not in str(told)
    assert process.returncode == (1 if port_is_taken else 0)
    assert told[-1]["level"] == ("critical" if port_is_taken else "info")


def test_a_source_that_is_not_for_a_topic_or_for_another_one_is_wrong_use(tmp_path: Path) -> None:
    done = etapa("run", "--source", "csv", env=NOWHERE)
    assert (done.returncode, b"it decodes CSV" in done.stderr) == (2, True)
    other = tmp_path / "shop.yaml"
    other.write_text("source: shop\ntopic: shop-events\ntouchpoint: {id: id, customer_id: user, type: kind, occurred_at: at}\n")
    done = etapa("run", "--source", str(other), env=NOWHERE)
    assert done.returncode == 2
    assert b"set ETAPA_TOPIC_TOUCHPOINTS=shop-events" in done.stderr
    done = etapa("run", "--source", "segmnt", env=NOWHERE)
    assert (done.returncode, b"did you mean 'segment'?" in done.stderr) == (2, True)


def test_sources_that_cannot_share_a_topic_are_wrong_use(tmp_path: Path) -> None:
    done = etapa("run", "--source", "segment", "--source", "segment", env=NOWHERE)
    assert (done.returncode, b"`segment` and `segment` have the same id" in done.stderr) == (2, True)
    for name in ("one", "two"):
        text = f"source: {name}\nregistry: {{url: 'https://{name}.example'}}\ntouchpoint: {{id: id, customer_id: user, type: kind, occurred_at: at}}\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    done = etapa("run", env={**NOWHERE, "ETAPA_SOURCE": f"{tmp_path}/one.yaml, {tmp_path}/two.yaml"})
    assert done.returncode == 2
    assert b"different schema registries, `https://one.example` and `https://two.example`; a worker has one" in done.stderr
