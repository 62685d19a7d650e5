"""The least rights under which customers move to other partitions: those that docs/operations.md lists, and each of them is needed."""

import asyncio
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topics.growth import partitions_by_topic, provide_transfers
from tests.integration.delivery_scene import seen
from tests.integration.least_rights import GuardedBroker, Right, guarded_broker, names_it, of
from tests.integration.outcome import followed, put_touchpoints
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.redis_server import RedisServer
from tests.unit.cli.process import etapa

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

WORKER = [*of("worker"), *of("worker that moves customers")]
COMMAND = of("repartition")
TOPICS = ("delivery-progress", "campaign-trigger-dead-letters", "dead-letters", "campaign-outcomes", "campaign-triggers", "stage-changes")
"""In the order in which they get partitions; those that a run has given some need nothing in the next."""
ORDER: Sequence[tuple[str, str, str]] = (
    ("ETAPA_GROUP", "Describe", "2"),
    ("customer-state", "Read", "2"),
    ("transfers", "Create", "2"),
    ("transfers", "Write", "2"),
    *((topic, "Alter", "2") for topic in TOPICS),
    # What was announced to a partition that is not there yet.
    ("transfers", "Read", "2"),
    ("customer-state", "Alter", "2"),
    ("touchpoints", "Alter", "2"),
    ("", "", "2"),
    ("transfers", "Alter", "3"),
    ("", "", "3"),
)
"""Which right is missing, and the number of partitions asked for: each run ends where it needs that right, and the next goes on there."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    with guarded_broker(tmp_path_factory.mktemp("guarded")) as found:
        yield found


def run(settings: Settings, to: str) -> "subprocess.CompletedProcess[bytes]":
    return etapa("repartition", "--to", to, "--json", env=environment_of(settings))


def touchpoints(count: int) -> list[tuple[bytes, bytes]]:
    fields = [
        {"id": f"t{number}", "customer_id": f"c{number}", "type": "purchase", "occurred_at": "2025-03-01T10:00:00Z"}
        for number in range(count)
    ]
    return [(str(one["customer_id"]).encode(), msgspec.json.encode(one)) for one in fields]


def test_repartition_needs_no_more_than_its_list_and_says_which_right_is_missing(
    guarded: GuardedBroker, redis_server: RedisServer, tmp_path: Path
) -> None:
    settings = asyncio.run(guarded.place(redis_server))
    worker = StartedWorker(guarded.with_rights(settings, WORKER), tmp_path)
    worker.wait_ready(1)
    asyncio.run(put_touchpoints(settings, touchpoints(40)))
    assert {(name, operation) for name, operation, _ in ORDER if name} == {(right.name, right.operation) for right in COMMAND}
    for name, operation, to in ORDER:
        missing = next((right for right in COMMAND if (right.name, right.operation) == (name, operation)), None)
        # Without any right on a topic it would be hidden, and the command would end at once.
        seen_only = [missing._replace(operation="Describe")] if missing is not None and operation == "Alter" else []
        done = run(guarded.with_rights(settings, [*(right for right in COMMAND if right != missing), *seen_only]), to)
        said = done.stderr.decode()
        assert done.returncode == (0 if missing is None else 1), (missing, said)
        assert missing is None or names_it(said, settings, missing), (missing, said)
        if missing is None:
            told = msgspec.json.decode(done.stdout)
            assert (told["partitions"], told["finished"]) == (int(to), True)
            assert sum(place["arrived"] for place in told["places"]) > 0
    assert set(asyncio.run(partitions_by_topic(Cluster(settings))).values()) == {3}
    worker.ask_to_stop()
    assert worker.exit_code() == 0
    assert "uthoriz" not in worker.said()


@pytest.mark.parametrize("missing", of("worker that moves customers"), ids=lambda right: str(right.operation))
def test_a_worker_without_a_right_on_transfers_says_which_and_goes_on_once_it_has_it(
    guarded: GuardedBroker, redis_server: RedisServer, tmp_path: Path, missing: Right
) -> None:
    async def scenario() -> None:
        settings = await guarded.place(redis_server, partitions=2)
        await provide_transfers(Cluster(settings), 2)
        await put_touchpoints(settings, touchpoints(40))
        worker = StartedWorker(guarded.with_rights(settings, [right for right in WORKER if right != missing]), tmp_path)
        moving = None
        if missing.operation == "Write":
            await asyncio.to_thread(worker.wait_ready, 2)
            moving = asyncio.create_task(asyncio.to_thread(run, settings, "1"))
        await seen(lambda: names_it(worker.said(), settings, missing), f"words about {missing.name}")
        worker.kill()
        worker = StartedWorker(guarded.with_rights(settings, WORKER), tmp_path)
        async with followed(settings) as progress:
            await progress.wait_through()
        done = await (moving or asyncio.to_thread(run, settings, "1"))
        assert done.returncode == 0, done.stderr.decode()
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())
