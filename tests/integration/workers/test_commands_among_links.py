"""What operators do while linked people move between partitions and workers are killed: nothing is lost, doubled or left out."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest

from etapa.contracts.outgoing.customer_moved import is_customer_moved
from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.stored.forwarding import is_forwarding
from etapa.contracts.stored.mark import is_customer_key
from etapa.contracts.stored.state import decode_standing
from etapa.journey.units import DAY
from etapa.settings import Settings
from etapa.settings.values import Secret
from tests.integration.command_line import run_etapa
from tests.integration.linked_people import JOURNEY, Sent, is_of, refused, see_everybody, somebody, touchpoint, traffic
from tests.integration.outcome import put_touchpoints
from tests.integration.places import new_place, put, read_all
from tests.integration.resting import wait_at_rest
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

PEOPLE = 160
FORGOTTEN = 7
"""A person with four ids."""
PORTION = 30
"""Records that are sent at a time."""
MORE = 5
"""Partitions, after three."""


def journeys(folder: Path) -> tuple[Path, Path]:
    """The journey, and a new version of it in which three purchases make a fan."""
    text = JOURNEY.read_text("utf-8")
    old, new = folder / "old.yaml", folder / "new.yaml"
    old.write_text(text, "utf-8")
    new.write_text(text.replace("version: 1", "version: 2").replace("gte: 4", "gte: 3"), "utf-8")
    return old, new


async def send_all(settings: Settings, records: Sequence[Sent], sent: list[bytes]) -> None:
    """Send them little by little, as producers that go on using the partitions that there were."""
    for begin in range(0, len(records), PORTION):
        portion = records[begin : begin + PORTION]
        await put_touchpoints(settings, portion)
        sent += [value for _, value in portion]
        await asyncio.sleep(0.5)


async def command(settings: Settings, *words: str, expected: int = 0) -> str:
    """What it writes to stdout."""
    done = await asyncio.to_thread(run_etapa, settings, *words)
    assert done.returncode == expected, (words, done.stdout, done.stderr)
    return done.stdout


def test_commands_do_all_that_they_say_while_linked_people_move_and_workers_are_killed(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        first, second = journeys(tmp_path)
        old = await new_place(
            kafka_server.bootstrap_servers,
            redis_server.url,
            partitions=3,
            journey=str(first),
            session_timeout=3_000_000,
            quiet_after=DAY,
            forget_key=Secret("a long random text"),
        )
        new = msgspec.structs.replace(old, journey=str(second))
        await command(old, "topics", "create", "--links")
        workers = [StartedWorker(old, tmp_path), StartedWorker(old, tmp_path)]
        await asyncio.to_thread(workers[0].wait_ready)
        people = [somebody(number) for number in range(PEOPLE)]
        # Half of them have done everything before the new version comes: only `etapa reclassify` judges them by it.
        early, late = people[: PEOPLE // 2], people[PEOPLE // 2 :]
        values: list[bytes] = []
        await send_all(old, traffic(early, Random(1)), values)
        sending = asyncio.create_task(send_all(old, traffic(late, Random(2)), values))

        workers.pop(0).kill()
        workers.append(StartedWorker(new, tmp_path))
        reclassifying = asyncio.create_task(command(new, "reclassify", "--publish", "--rate", "60", "--json"))
        await command(new, "rebuild", "--yes", "--partition", "1")
        wrong = (b"nobody", b"no JSON")
        await put(old, old.topic_touchpoints, [wrong])
        moving = asyncio.create_task(command(old, "repartition", "--to", str(MORE), "--rate", "100"))
        forgotten = people[FORGOTTEN]
        await asyncio.gather(*(command(old, "forget", each, "--yes") for each in (forgotten.ids[-1], forgotten.kept)))
        await moving
        workers.pop(0).kill()
        grown = msgspec.structs.replace(new, partitions=MORE)
        workers.append(StartedWorker(grown, tmp_path))
        both = await asyncio.gather(*(command(grown, "dead-letters", "redrive", "--all", "--yes", "--json") for _ in range(2)))
        lines = [json.loads(line) for said in both for line in said.splitlines()]
        # One that fails again is a letter of its own, which the other command may find.
        sent_back = [(line["partition"], line["offset"]) for line in lines if line["outcome"] == "sent"]
        assert len(set(sent_back)) == len(sent_back) > 0
        told = json.loads(await reclassifying)
        await command(grown, "verify")
        await sending

        # What was sent back ends with the marker of a transaction, which nobody consumes: a record behind it shows that all are through.
        for partition in range(MORE):
            await put(grown, grown.topic_touchpoints, [touchpoint("last", 1, 10_000)], partition)
        await wait_at_rest(grown)
        assert (told["partitions"], told["partitions_done"], told["failed"]) == (MORE, MORE, 0)
        assert await versions(grown) == {2}
        others = [person for person in people if person is not forgotten]
        await see_everybody(grown, others, [value for value in values if not is_of(value, forgotten)])
        assert await refused(grown) == ["not_json"] * (1 + len(sent_back))
        await command(grown, "stage", forgotten.ids[-1], expected=1)
        await command(grown, "verify")
        await see_that_the_report_counts_what_was_published(grown)
        for worker in workers:
            worker.ask_to_stop()
        assert [worker.exit_code() for worker in workers] == [0, 0]

    asyncio.run(scenario())


async def versions(settings: Settings) -> set[int]:
    """The versions of the journey by which customers were judged last."""
    found = set()
    for partition in range(settings.partitions):
        states = {
            one.key: one.value for one in await read_all(settings, settings.topic_customer_state, partition) if is_customer_key(one.key)
        }
        found |= {decode_standing(state).version for state in states.values() if state is not None and not is_forwarding(state)}
    return found


async def see_that_the_report_counts_what_was_published(settings: Settings) -> None:
    """Each change once, however often its partition was taken over or rebuilt."""
    records = [one for one in await read_all(settings, settings.topic_stage_changes) if not is_customer_moved(tuple(one.headers))]
    published = [decode_stage_change(one.value) for one in records]
    moves = json.loads(await command(settings, "report", "--json"))["moves"]
    counted = {(row["from"], row["to"], row["cause"]): row["count"] for row in moves}
    assert counted == Counter((one.source, one.to, one.cause) for one in published)
    assert {cause for _, _, cause in counted} == {"touchpoint", "link", "journey"}
