"""`etapa export`: one document with all that is kept of a customer, from a real Kafka that a real worker has written to."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from etapa.contracts.partitioner import partition_of
from etapa.settings import Settings
from tests.integration.outcome import followed, put_touchpoints
from tests.integration.places import new_place, started_producer
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.unit.cli.process import etapa

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "schemas/personal-data.schema.json").read_text("utf-8"))


def touchpoint(customer_id: str, number: int, **fields: Any) -> tuple[bytes, bytes]:
    at = f"2026-01-{10 + number}T10:00:00Z"
    told = {"id": f"{customer_id}-{number}", "customer_id": customer_id, "type": "purchase", "occurred_at": at, **fields}
    return customer_id.encode(), msgspec.json.encode(told)


@pytest.fixture(scope="module")
def processed(kafka_server: KafkaServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two customers. A record about ada has another key, so it is a dead letter, in a partition that is not hers."""

    async def scenario() -> Settings:
        settings = await new_place(
            kafka_server.bootstrap_servers, redis_server.url, journey=str(ROOT / "docs/examples/bookshop-campaigns.yaml")
        )
        records = [
            touchpoint("ada", 0, traits={"newsletter": True}),
            touchpoint("bob", 0),
            touchpoint("ada", 1),
            touchpoint("ada", 2),
            (b"ada", b"no touchpoint"),
        ]
        await put_touchpoints(settings, records)
        async with started_producer(settings) as producer:
            elsewhere = 1 - partition_of("ada", 2)
            await producer.send_and_wait(settings.topic_touchpoints, touchpoint("ada", 3)[1], b"eve", partition=elsewhere)
        worker = StartedWorker(settings, tmp_path_factory.mktemp("worker"))
        async with followed(settings) as progress:
            await progress.wait_through()
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        return settings

    return asyncio.run(scenario())


def test_all_that_is_kept_of_a_customer_is_one_document(processed: Settings, tmp_path: Path) -> None:
    path = tmp_path / "ada.json"
    path.touch(0o644)
    done = etapa("export", "ada", "--out", str(path), env=environment_of(processed))
    assert done.returncode == 0, done.stderr
    assert done.stdout == b""
    assert b"a state, 4 touchpoints, 2 stage changes, 1 trigger, 0 outcomes, 2 dead letters" in done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    document = json.loads(path.read_bytes())
    assert not list(Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(document))

    state = document["state"]
    assert (state["now_in"]["stage"], state["before"]["stage"], state["stage_changes"]) == ("buyer", "visitor", 2)
    assert state["traits"] == [{"name": "newsletter", "value": True, "told_at": "2026-01-10T10:00:00Z"}]
    sights = {sight["condition"]: sight["observed"] for memory in state["memories"] for sight in memory["needed_by"]}
    assert sights["absent(purchase, 180d)"] == "2026-01-12T10:00:00Z"
    assert [one["campaign"] for one in state["campaigns"]] == ["thanks"]
    assert len(state["remembered_touchpoints"]) == 3

    assert [one["content"]["id"] for one in document["touchpoints"][:3]] == ["ada-0", "ada-1", "ada-2"]
    assert [one["content"]["id"] for one in document["stage_changes"]] == ["ada/1", "ada/2"]
    assert [one["content"]["id"] for one in document["campaign_triggers"]] == ["ada/2/thanks"]
    letters = {one["partition"]: one for one in document["dead_letters"]}
    assert "content_base64" in letters[partition_of("ada", 2)]
    assert letters[1 - partition_of("ada", 2)]["content"]["customer_id"] == "ada"
    reasons = {header["value"] for one in document["dead_letters"] for header in one["headers"] if header["name"] == "etapa.reason"}
    assert reasons == {"not_json", "key_mismatch"}
    assert "bob" not in path.read_text("utf-8")


def test_of_a_customer_whom_nobody_knows_nothing_is_written(processed: Settings, tmp_path: Path) -> None:
    path = tmp_path / "nobody.json"
    done = etapa("export", "Ada", "--out", str(path), env=environment_of(processed))
    assert done.returncode == 1
    assert b"nothing is kept of a customer 'Ada'; ids are compared letter by letter" in done.stderr
    assert not path.exists()
