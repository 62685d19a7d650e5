"""`etapa doctor` on real servers: a correct set-up, and one broken set-up after the other."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from msgspec.structs import replace

from etapa.contracts.stored.mark import MARK_KEY
from etapa.hosting.check_result import CheckResult
from etapa.settings import Settings
from etapa.settings.values import RedisUrl
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topics.growth import provide_transfers
from etapa.stream.upkeep.doctor import check_servers
from tests.integration.command_line import run_etapa
from tests.integration.delivery_scene import delivery_file
from tests.integration.hanging import leave_hanging
from tests.integration.places import alter, new_place, new_settings, put, read_all
from tests.integration.worker import StartedWorker
from tests.servers.guarded_kafka import PASSWORD, USER, GuardedKafka
from tests.servers.processes import wait_until
from tests.servers.redis_server import RedisCluster, RedisServer

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.redis,
    # aiokafka leaves abandoned connections to the event loop, which ends here a moment later.
    pytest.mark.filterwarnings("ignore:unclosed", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def bad_lines(settings: Settings) -> list[CheckResult]:
    results = asyncio.run(check_servers(Cluster(settings)))
    assert all(PASSWORD not in one.found + one.advice for one in results)
    return [one for one in results if one.level == "bad"]


@pytest.fixture(scope="module")
def place(guarded_kafka: GuardedKafka, redis_server: RedisServer) -> Settings:
    """A set-up in which everything is right, except that there is only one replica."""
    return asyncio.run(new_place(guarded_kafka.address(), redis_server.url))


def test_where_all_is_well_nothing_is_bad(place: Settings) -> None:
    done = run_etapa(place, "doctor", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["good"]) == (0, True)
    levels = {(one["area"], one["check"]): one["level"] for one in told["checks"] if one["level"] != "good"}
    levels.pop(("Etapa", "compiled core"), None)
    assert levels == {("Kafka", "replication"): "warning"}
    looked_at = {f"{one['area']} {one['check']}" for one in told["checks"]}
    assert looked_at >= {
        *("Etapa journey", "Kafka topics", "Kafka topic ids", "Kafka rights", "Kafka group", "Kafka transactions", "Kafka time-outs"),
        *("Kafka clock", "Redis connection", "Redis rights", "Redis version", "Redis memory", "Redis persistence", "Redis clock"),
    }
    with RedisServer(Path(), port=int(str(place.redis_url).rsplit(":", 1)[1].split("/")[0])).client() as client:
        assert client.keys(f"{place.redis_prefix}:*") == []


def test_for_people_each_line_has_its_cause_and_what_to_do(place: Settings) -> None:
    done = run_etapa(replace(place, kafka_bootstrap_servers="127.0.0.1:1"), "doctor")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("bad "))
    assert "Kafka connection" in lines[at]
    assert "Kafka at 127.0.0.1:1: nobody listens there" in lines[at]
    assert "> Is it running? ETAPA_KAFKA_BOOTSTRAP_SERVERS" in lines[at + 1]
    assert any(line.startswith("good ") and "Redis rights" in line for line in lines), (
        "half of the servers are away, and the others are told of"
    )
    assert done.stderr.splitlines()[-1].startswith("1 bad")


def test_fourteen_broken_set_ups_have_fourteen_causes(
    guarded_kafka: GuardedKafka, redis_server: RedisServer, redis_cluster: RedisCluster, place: Settings
) -> None:
    kafka, plain_redis = guarded_kafka, f"redis://127.0.0.1:{redis_server.port}"
    at_kafka: Mapping[str, dict[str, Any]] = {
        "refused": {"kafka_bootstrap_servers": "127.0.0.1:1"},
        "name_unknown": {"kafka_bootstrap_servers": "no-such-broker.invalid:9092"},
        "login_refused": kafka.login("PLAINLOGIN", "PLAIN", "a guess"),
        "mechanism": kafka.login("SCRAM", "PLAIN"),
        "tls_untrusted": kafka.login("SECURE", kafka_ssl_ca=str(kafka.strangers.certificate)),
        "tls_name": kafka.login("OTHERNAME"),
        "tls_own_certificate": kafka.login("MUTUAL", kafka_ssl_cert=None, kafka_ssl_key=None),
        "tls_not_spoken": kafka.login("SECURE", kafka_bootstrap_servers=kafka.address()),
        "tls_expected": {"kafka_bootstrap_servers": kafka.address("SECURE")},
        "advertised": {"kafka_bootstrap_servers": kafka.address("LOST")},
    }
    at_redis = {
        "login_not_taken": f"redis://:a-password@127.0.0.1:{redis_server.port}",
        "database": f"{plain_redis}/77",
        "cluster_expected": f"redis://127.0.0.1:{redis_cluster.nodes[1].port}",
        "cluster_not_there": f"redis+cluster://127.0.0.1:{redis_server.port}",
    }
    found = {}
    for name, others in at_kafka.items():
        [line] = bad_lines(replace(place, **others))
        found[name] = (line.area, line.cause, bool(line.advice))
    for name, url in at_redis.items():
        [line] = bad_lines(replace(place, redis_url=RedisUrl(url)))
        found[name] = (line.area, line.cause, bool(line.advice))
    assert found == {name: ("Kafka", name, True) for name in at_kafka} | {name: ("Redis", name, True) for name in at_redis}
    assert len(found) == 14


def test_what_is_wrong_in_the_topics_is_named(guarded_kafka: GuardedKafka, redis_server: RedisServer) -> None:
    nothing = new_settings(guarded_kafka.address(), redis_server.url)
    missing = [one.found for one in bad_lines(nothing)]
    assert f"there is no topic {nothing.topic_touchpoints}" in missing
    assert not any(nothing.topic_delivery_progress in one for one in missing), "a worker does without"

    settings = asyncio.run(new_place(guarded_kafka.address(), redis_server.url))
    asyncio.run(alter(settings, settings.topic_customer_state, {"cleanup.policy": "delete"}))
    [policy] = bad_lines(settings)
    assert f"{settings.topic_customer_state} has cleanup.policy=delete" in policy.found
    [_, session] = bad_lines(replace(settings, session_timeout=900_000))
    assert (session.check, session.advice) == ("time-outs", "Set ETAPA_SESSION_TIMEOUT within that")


def test_customers_whom_another_version_has_stored_are_bad(guarded_kafka: GuardedKafka, redis_server: RedisServer, tmp_path: Path) -> None:
    settings = asyncio.run(new_place(guarded_kafka.address(), redis_server.url))
    worker = StartedWorker(settings, tmp_path)
    worker.wait_ready(2)
    fields = b'"type":"purchase","occurred_at":"2026-01-01T00:00:00Z"'
    asyncio.run(put(settings, settings.topic_touchpoints, [(b"ada", b'{"id":"1","customer_id":"ada",%s}' % fields)], 1))

    async def stored() -> list[Any]:
        return [one for one in await read_all(settings, settings.topic_customer_state, 1) if one.key == MARK_KEY]

    wait_until(lambda: len(asyncio.run(stored())) > 0, 30, "a batch")
    worker.ask_to_stop()
    assert worker.exit_code() == 0
    assert bad_lines(settings) == []
    mark = asyncio.run(stored())[-1].value
    asyncio.run(put(settings, settings.topic_customer_state, [(b"ada", b"\x91\x63"), (MARK_KEY, mark)], 1))
    [found] = bad_lines(settings)
    assert (found.check, found.found.endswith("customer state has format 99; this version reads format 1")) == ("states", True)
    assert "Run that version, or start over" in found.advice


def test_rights_that_are_missing_are_named(guarded_kafka: GuardedKafka, place: Settings) -> None:
    settings = replace(place, **guarded_kafka.login("SCRAM", "SCRAM-SHA-512"))
    guarded_kafka.allow(USER, "TOPIC", place.group, "READ", prefixed=True)
    told = {(one.check, one.cause) for one in bad_lines(settings)}
    assert told == {("rights", "rights"), ("group", "rights"), ("transactions", "rights")}
    wording = [one.found for one in bad_lines(settings) if one.check == "rights"]
    assert f"access control (ACLs) does not let Etapa Write the topic {place.topic_customer_state}" in wording


def test_a_transaction_that_hangs_where_places_send_to_each_other_is_bad_and_one_that_has_just_begun_is_not(
    guarded_kafka: GuardedKafka, redis_server: RedisServer
) -> None:
    settings = asyncio.run(new_place(guarded_kafka.address(), redis_server.url))
    asyncio.run(provide_transfers(Cluster(settings), 2))
    place = TopicPartition(settings.topic_transfers, 1)
    asyncio.run(leave_hanging(settings, f"{settings.group}.new", [(place, b"", b"just begun")]))
    assert bad_lines(settings) == []
    asyncio.run(leave_hanging(settings, f"{settings.group}.old", [(place, b"", b"long ago")], at_ms=1_704_067_200_000))
    [line] = bad_lines(settings)
    assert line.check == "transactions"
    assert f"a transaction hangs in {place.topic} (partition 1, from offset " in line.found
    assert f"abort --topic {place.topic} --partition 1 --start-offset " in line.advice


def test_a_redis_that_throws_states_away_is_bad(guarded_kafka: GuardedKafka, place: Settings, tmp_path: Path) -> None:
    forgetful = RedisServer(tmp_path, "--maxmemory-policy", "allkeys-lru")
    try:
        forgetful.start()
        [line] = bad_lines(replace(place, redis_url=RedisUrl(forgetful.url)))
    finally:
        forgetful.stop()
    assert (line.area, line.check) == ("Redis", "memory")
    assert "allkeys-lru" in line.found


def test_who_names_a_delivery_file_is_told_of_delivery(guarded_kafka: GuardedKafka, place: Settings, tmp_path: Path) -> None:
    file = delivery_file(tmp_path, "targets:\n  - {id: crm, url: 'http://127.0.0.1:1/'}\ncampaigns:\n  - {id: thanks, target: crm}\n")
    settings = replace(place, delivery=str(file))
    told = json.loads(run_etapa(settings, "doctor", "--json").stdout)
    assert told["good"]
    assert {one["check"] for one in told["checks"] if one["area"] == "Delivery"} == {"file", "secrets", "targets"}
    assert f"the group {place.delivery_group} may be used" in {one["found"] for one in told["checks"]}

    without = replace(settings, topic_delivery_progress=f"{place.group}.nowhere")
    [missing] = bad_lines(without)
    assert f"there is no topic {place.group}.nowhere" in missing.found

    limited = replace(settings, **guarded_kafka.login("SCRAM", "SCRAM-SHA-512"))
    guarded_kafka.allow(USER, "TOPIC", place.topic_delivery_progress, "DESCRIBE", "READ")
    wording = {one.found for one in bad_lines(limited) if one.check == "rights"}
    assert f"access control (ACLs) does not let Etapa Write the topic {place.topic_delivery_progress}" in wording
