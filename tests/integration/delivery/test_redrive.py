"""`etapa deliver list`, `show` and `redrive`, on a real Kafka, with the real process and a real receiver."""

import asyncio
import json
import random
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from etapa.contracts.outgoing.campaign_trigger import encode_campaign_trigger
from etapa.contracts.outgoing.undelivered import Undelivered, encode_undelivered
from etapa.contracts.partitioner import partition_of
from etapa.settings import Settings
from tests.integration.delivery_scene import a_place, delivery_file, publish, seen, started_delivery, stopped, trigger
from tests.integration.places import alter, read_all, started_producer, wait_until_settled
from tests.integration.receiver import Behaviour, ReceivedRequest, Receiver
from tests.integration.worker import environment_of
from tests.servers.kafka_server import KafkaServer
from tests.unit.cli.process import etapa_process

pytestmark = pytest.mark.kafka


async def run(settings: Settings, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return await asyncio.to_thread(etapa_process, "deliver", *arguments, env=environment_of(settings))


async def lines(settings: Settings, *arguments: str) -> list[dict[str, Any]]:
    done = await run(settings, *arguments, "--json")
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


async def bury(settings: Settings, letters: list[tuple[str, Undelivered]]) -> None:
    """Publish dead letters of triggers of these campaigns, as delivery does."""
    async with started_producer(settings) as producer:
        for number, (campaign, why) in enumerate(letters):
            record = encode_campaign_trigger(trigger(number, campaign), "retail", 1)
            key, value, headers = encode_undelivered(*record, why, settings.topic_campaign_triggers, 0, 100 + number)
            topic = settings.topic_campaign_trigger_dead_letters
            await producer.send_and_wait(topic, value, key, partition=0, headers=list(headers))


def test_what_was_refused_is_delivered_after_the_fix_once_with_the_same_key(kafka_server: KafkaServer, tmp_path: Path) -> None:
    is_mended = False

    async def behave(request: ReceivedRequest) -> Behaviour:
        return "good" if is_mended or request.path == "well" else 410

    async def scenario() -> None:
        nonlocal is_mended
        settings = await a_place(kafka_server, partitions=2)
        async with Receiver(behave) as receiver:
            file = delivery_file(
                tmp_path,
                f'targets: [{{id: well, url: "{receiver.url("well")}"}}, {{id: crm, url: "{receiver.url("crm")}"}}]\n'
                "campaigns: [{id: a, target: crm}, {id: b, target: crm}, {id: c, target: well}]\n",
            )
            worker = started_delivery(settings, tmp_path, file)
            await asyncio.to_thread(worker.wait_ready)
            await publish(settings, [trigger(number, "abc"[number % 3]) for number in range(30)])
            await seen(lambda: len(receiver.requests) == 30, "a request for each")
            await seen(lambda: worker.metric("etapa_delivery_dead_letters_total") == 20, "the dead letters")
            every = {f"c-{number}/1/{'abc'[number % 3]}" for number in range(30) if number % 3 < 2}
            listed = await lines(settings, "list")
            assert {one["trigger_id"] for one in listed} == every
            assert {(one["reason"], one["target"], one["requests"], one["sent_back"]) for one in listed} == {("refused", "crm", 1, False)}
            shown = await run(settings, "show", f"{listed[0]['partition']}/{listed[0]['offset']}")
            assert f"of campaign {listed[0]['campaign']}\ntarget    crm, asked 1 time\n" in shown.stdout.decode()
            assert "in-the-url" not in shown.stdout.decode()
            of_a = {key for key in every if key.endswith("/a")}
            tried = await lines(settings, "redrive", "--campaign", "a", "--dry-run")
            assert {(one["trigger_id"], one["outcome"]) for one in tried} == {(key, "would_be_sent") for key in of_a}
            assert len(await read_all(settings, settings.topic_campaign_triggers)) == 30, "a dry run sent something"
            unasked = await run(settings, "redrive", "--campaign", "a")
            assert unasked.returncode == 2
            assert b"the input is not a terminal, so no confirmation can be asked for; add --yes" in unasked.stderr
            is_mended = True
            receiver.requests.clear()
            sent = await lines(settings, "redrive", "--campaign", "a", "--yes")
            assert {(one["trigger_id"], one["outcome"]) for one in sent} == {(key, "sent") for key in of_a}
            await seen(lambda: {request.key for request in receiver.requests} == of_a, "those of the campaign, delivered")
            again = await run(settings, "redrive", "--all", "--target", "crm", "--limit", "4", "--yes")
            assert b"4 dead letters sent back" in again.stderr
            rest = await run(settings, "redrive", "--all", "--yes")
            assert b"6 dead letters sent back" in rest.stderr
            assert b"14 sent back before, and passed over; --again sends them once more" in rest.stderr
            await seen(lambda: {request.key for request in receiver.requests} == every, "all of them")
            nothing = await run(settings, "redrive", "--all", "--yes")
            assert b"0 dead letters sent back" in nothing.stderr
            assert {one["sent_back"] for one in await lines(settings, "list")} == {True}
            await seen(lambda: worker.metric("etapa_delivery_lag_triggers") == 0, "no lag")
            await stopped(worker)
            assert all(receiver.answered[key] == 1 for key in every), "delivered more than once"
            records = await read_all(settings, settings.topic_campaign_triggers)
            before, after = ({one.key: one for one in records if ("etapa.attempt" in dict(one.headers)) is sent} for sent in (False, True))
            assert len(after) == 20
            for key, one in after.items():
                assert (one.value, one.partition) == (before[key].value, partition_of(key.decode(), 2))
                assert list(one.headers[: len(before[key].headers)]) == list(before[key].headers)
                assert dict(one.headers)["etapa.attempt"] == b"1"

    asyncio.run(scenario())


def test_they_are_selected_by_reason_target_and_campaign_and_left_when_tried_too_often(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server)
        letters = [
            ("a", Undelivered("refused", "HTTP 410 Gone", "crm", 1)),
            ("b", Undelivered("gave_up", "12: HTTP 500", "crm", 12)),
            ("a", Undelivered("gave_up", "12: HTTP 500", "whatsapp", 12)),
            ("z", Undelivered("no_target", "the delivery file names no target for campaign 'z', and no default")),
        ]
        await bury(settings, letters)

        async def offsets(*options: str) -> list[int]:
            return [one["offset"] for one in await lines(settings, "list", *options)]

        assert await offsets("--campaign", "a") == [0, 2]
        assert await offsets("--campaign", "a", "--target", "crm") == [0]
        assert await offsets("--target", "crm", "--target", "whatsapp", "--reason", "gave_up") == [1, 2]
        assert await offsets("--reason", "no_target") == [3]
        assert await offsets("--campaign", "y") == []
        table = (await run(settings, "list")).stdout.decode().splitlines()
        assert table[0].split() == ["PLACE", "TIME", "REASON", "TARGET", "CAMPAIGN", "ATTEMPTS", "SENT", "KEY", "DETAIL"]
        assert table[4].split()[2:7] == ["no_target", "-", "z", "0", "no"]
        outcomes = await lines(settings, "redrive", "0/3", "0/1", "--yes")
        assert [(one["offset"], one["outcome"], one["campaign"]) for one in outcomes] == [(1, "sent", "b"), (3, "sent", "z")]
        outcomes = await lines(settings, "redrive", "0/1", "0/2", "--yes", "--again")
        assert [(one["offset"], one["outcome"], one["target"]) for one in outcomes] == [(1, "sent", "crm"), (2, "sent", "whatsapp")]
        # A dead letter once more, as it would be after failing again.
        sent = [one for one in await read_all(settings, settings.topic_campaign_triggers) if one.key == b"c-2"]
        async with started_producer(settings) as producer:
            record = (sent[0].key, sent[0].value, sent[0].headers)
            key, value, headers = encode_undelivered(*record, letters[2][1], settings.topic_campaign_triggers, 0, sent[0].offset)
            topic = settings.topic_campaign_trigger_dead_letters
            await producer.send_and_wait(topic, value, key, partition=0, headers=list(headers))
        once_more = await lines(settings, "redrive", "0/4", "--yes", "--max-attempts", "1")
        assert [(one["outcome"], one["to"]["attempt"]) for one in once_more] == [("attempts", 2)]
        strange = await run(settings, "redrive", "7/0", "--yes")
        assert (strange.returncode, strange.stderr.decode()) == (
            2,
            "Error: there is no partition 7; the topics have 1 partition, the first is 0\n",
        )

    asyncio.run(scenario())


def test_one_that_is_cut_is_sent_back_whole_while_its_original_is_there(kafka_server: KafkaServer, tmp_path: Path) -> None:
    is_mended = False

    async def behave(request: ReceivedRequest) -> Behaviour:
        return "good" if is_mended else 410

    async def scenario() -> None:
        nonlocal is_mended
        settings = await a_place(kafka_server)
        await alter(settings, settings.topic_campaign_trigger_dead_letters, {"max.message.bytes": "20000"})
        large = msgspec.structs.replace(trigger(0, "a"), payload={"noise": random.Random(3).randbytes(50_000).hex()})
        async with Receiver(behave) as receiver:
            file = delivery_file(tmp_path, f'targets: [{{id: t, url: "{receiver.url("x")}"}}]\ndefault: t\n')
            worker = started_delivery(settings, tmp_path, file)
            await asyncio.to_thread(worker.wait_ready)
            await publish(settings, [large])
            await seen(lambda: worker.metric("etapa_delivery_dead_letters_total") == 1, "its dead letter")
            [listed] = await lines(settings, "list")
            assert (listed["campaign"], listed["cut"]["parts"]) == ("a", ["value"])
            shown = await run(settings, "show", "0/0", "--raw")
            assert shown.stdout == receiver.requests[0].body
            is_mended = True
            [sent] = await lines(settings, "redrive", "--all", "--yes")
            assert sent["outcome"] == "sent"
            await seen(lambda: receiver.answered["c-0/1/a"] == 1, "its delivery")
            assert receiver.requests[-1].body == receiver.requests[0].body
            await stopped(worker)
        await wait_until_settled(settings, settings.topic_campaign_triggers)

    asyncio.run(scenario())
