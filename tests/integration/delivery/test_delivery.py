"""Delivery on a real Kafka to a real HTTP server: nothing is lost, and nothing comes twice without a reason."""

import asyncio
import base64
import hashlib
import hmac
import logging
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from etapa.contracts.outgoing.campaign_trigger import trigger_id
from tests.integration.delivery_scene import (
    KEY,
    SECRET,
    TOKEN,
    a_place,
    committed,
    delivery_file,
    join_and_leave,
    publish,
    seen,
    started_delivery,
    stopped,
    trigger,
)
from tests.integration.outcome import until
from tests.integration.places import read_all, started_producer
from tests.integration.receiver import Behaviour, ReceivedRequest, Receiver
from tests.servers.kafka_server import KafkaServer

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.kafka


def test_every_trigger_arrives_at_receivers_that_are_slow_fail_reset_connections_and_die(kafka_server: KafkaServer, tmp_path: Path) -> None:
    chance = random.Random(7)

    async def behave(request: ReceivedRequest) -> Behaviour:
        if request.path == "slow":
            await asyncio.sleep(chance.uniform(0.05, 0.2))
            return "good"
        if request.path == "faulty":
            await asyncio.sleep(chance.uniform(0, 0.02))
            faults: list[Behaviour] = ["good", "lost", "reset", 500, 503, 429, 408]
            return chance.choices(faults, [60, 10, 10, 8, 4, 4, 4])[0]
        return "good"

    async def scenario() -> None:
        settings = await a_place(kafka_server, partitions=3)
        async with Receiver(behave) as receiver, Receiver() as mortal:
            target = "retry: {attempts: 50, first: 1s, longest: 1s}, breaker: {failures: 10, pause: 1s}, secrets: {env: HOOK_SECRET}"
            file = delivery_file(
                tmp_path,
                f"""
targets:
  - {{id: slow, url: "{receiver.url("slow")}", parallel: 12, {target}}}
  - {{id: faulty, url: "{receiver.url("faulty")}", headers: {{Authorization: {{env: HOOK_TOKEN}}}}, {target}}}
  - {{id: mortal, url: "{mortal.url("mortal")}", {target}}}
campaigns: [{{id: slow, target: slow}}, {{id: faulty, target: faulty}}, {{id: mortal, target: mortal}}]
""",
            )
            names = ["slow", "faulty", "mortal"]
            triggers = [trigger(number, names[number % 3], holdout=number % 10 == 9) for number in range(600)]
            chance.shuffle(triggers)
            worker = started_delivery(settings, tmp_path, file)
            await publish(settings, triggers[:300])
            await publish(settings, [trigger(number, "slow") for number in range(5000, 5050)], abort=True, tag="-aborted")
            await seen(lambda: len(mortal.answered) >= 20, "some deliveries before the receiver dies")
            await mortal.die()
            await publish(settings, triggers[300:], tag="-2")
            await seen(lambda: len(receiver.answered) >= 250, "deliveries to the others while one is dead")
            await mortal.start()
            due = {trigger_id(one) for one in triggers if not one.holdout}

            def answered() -> Counter[str]:
                return receiver.answered + mortal.answered

            await seen(lambda: answered().keys() >= due, "every trigger delivered")
            await seen(lambda: worker.metric("etapa_delivery_held") == 0, "everything crossed off")
            assert worker.metric("etapa_deliveries_total") == len(due)
            assert worker.metric("etapa_delivery_not_sent_total") == len(triggers) - len(due)
            assert worker.metric("etapa_delivery_dead_letters_total") == 0
            assert worker.metric("etapa_delivery_retries_total") >= sum(receiver.lost.values())
            await stopped(worker)
            everything = [*receiver.requests, *mortal.requests]
            assert {request.key for request in everything} == due, "a holdout or an aborted trigger was delivered"
            taken = answered() + receiver.lost
            # A dying receiver may have written answers that were never sent.
            assert all(count == 1 for key, count in receiver.answered.items()), "delivered again although its answer arrived"
            assert all(taken[key] == 1 + receiver.lost[key] for key in receiver.answered)
            assert sum(count - 1 for count in mortal.answered.values()) <= 8 * 1
            counts = {
                "triggers": len(triggers),
                "holdout": len(triggers) - len(due),
                "delivered": len(answered()),
                "requests": len(everything),
                "answers_lost": sum(receiver.lost.values()),
                "keys_taken_more_than_once": sum(count > 1 for count in taken.values()),
            }
            logger.info("delivery: %s", counts)
            for request in everything:
                message_id, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
                signed = hmac.new(KEY, f"{message_id}.{at}.".encode() + request.body, hashlib.sha256).digest()
                assert request.headers["webhook-signature"] == "v1," + base64.b64encode(signed).decode()
            assert {request.headers.get("Authorization") for request in everything if request.path == "faulty"} == {TOKEN}
            values = {record.value for record in await read_all(settings, settings.topic_campaign_triggers)}
            assert {request.body for request in everything} <= values

    asyncio.run(scenario())


def test_nothing_is_lost_when_the_process_is_killed_mid_request_and_nothing_that_was_committed_comes_again(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    chance = random.Random(11)
    held = asyncio.Event()

    async def behave(request: ReceivedRequest) -> Behaviour:
        if request.key == "c-0/1/a":
            await held.wait()
        await asyncio.sleep(chance.uniform(0, 0.05))
        return 500 if chance.random() < 0.2 else "good"

    async def scenario() -> None:
        settings = await a_place(kafka_server, session_timeout=2_000_000)
        async with Receiver(behave) as receiver:
            file = delivery_file(
                tmp_path, f'targets: [{{id: t, url: "{receiver.url("x")}", timeout: 5m, retry: {{first: 1s, longest: 1s}}}}]\ndefault: t\n'
            )
            triggers = [trigger(number, "a") for number in range(400)]
            worker = started_delivery(settings, tmp_path, file)
            await publish(settings, triggers)
            kills = 0
            through: set[str] = set()
            at_risk: set[str] = set()
            for enough in (60, 150):
                await seen(lambda enough=enough: len(receiver.answered) >= enough and receiver.under_way["c-0/1/a"], f"{enough} deliveries")

                async def remembered() -> bool:
                    return any(point[1].upto > point[0] + 20 for point in (await committed(settings, file)).values())

                await until(remembered, "a commit that remembers what is through beyond its offset")
                worker.kill()
                kills += 1
                before = Counter(receiver.answered)
                # In flight when it was killed: they may still be answered, with nobody to receive the answers.
                at_risk |= {key for key, count in receiver.under_way.items() if count}
                ((offset, done),) = (await committed(settings, file)).values()
                assert offset == 0, "committed past a trigger that is under way"
                through = {f"c-{number}/1/a" for number in range(400) if done.holds("t", number)}
                assert through <= before.keys(), "committed as through what was not delivered"
                assert "c-0/1/a" not in through
                at_risk |= before.keys() - through
                worker = started_delivery(settings, tmp_path, file)
                asked = len(receiver.requests)
                await seen(lambda asked=asked: len(receiver.requests) > asked, "deliveries by the next process")
                await seen(lambda before=before: len(receiver.answered) > len(before) + 20, "progress of the next process")
                assert not {request.key for request in receiver.requests[asked:]} & through, "delivered again although it was committed"
            held.set()
            due = {trigger_id(one) for one in triggers}
            await seen(lambda: receiver.answered.keys() == due, "every trigger delivered")

            async def all_committed() -> bool:
                return all(point[0] >= 400 for point in (await committed(settings, file)).values())

            await until(all_committed, "everything committed")
            await stopped(worker)
            again = sum(count - 1 for count in receiver.answered.values())
            logger.info("killed: %s", {"triggers": 400, "kills": kills, "delivered": len(receiver.answered), "delivered_again": again})
            assert {key for key, count in receiver.answered.items() if count > 1} <= at_risk

    asyncio.run(scenario())


def test_a_stop_and_a_rebalance_deliver_nothing_twice_however_out_of_order_deliveries_end(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    chance = random.Random(13)
    stuck = True

    async def behave(request: ReceivedRequest) -> Behaviour:
        await asyncio.sleep(chance.uniform(0, 0.1))
        # Some fail until the end, so that there is always something open far behind.
        return 500 if stuck and int(request.key[2:].partition("/")[0]) % 100 == 0 else "good"

    async def scenario() -> None:
        nonlocal stuck
        settings = await a_place(kafka_server, partitions=4, delivery_window=50, session_timeout=6_000_000)
        async with Receiver(behave) as receiver:
            file = delivery_file(
                tmp_path,
                f'targets: [{{id: t, url: "{receiver.url("x")}", retry: {{attempts: 500, first: 1s, longest: 1s}},'
                " breaker: {failures: 1000}}]\ndefault: t\n",
            )
            triggers = [trigger(number, "a") for number in range(800)]
            first = started_delivery(settings, tmp_path, file)
            await publish(settings, triggers)
            await seen(lambda: len(receiver.answered) >= 100, "deliveries by one")
            second = started_delivery(settings, tmp_path, file)
            await asyncio.to_thread(second.wait_ready)
            await seen(lambda: 0 < len(second.partitions()) < 4, "both deliver")
            await seen(lambda: len(receiver.answered) >= 300, "deliveries by two")
            await stopped(first)
            await seen(lambda: len(second.partitions()) == 4, "one has all partitions again")
            for _ in range(3):
                await join_and_leave(settings)
            await seen(lambda: len(receiver.answered) >= 700, "deliveries by the other")
            stuck = False
            await seen(lambda: len(receiver.answered) == 800, "every trigger delivered")
            await stopped(second)
            assert set(receiver.answered.values()) == {1}

    asyncio.run(scenario())


def test_a_target_that_does_not_answer_holds_up_no_other_and_no_more_in_memory_than_its_window(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    released = asyncio.Event()

    async def behave(request: ReceivedRequest) -> Behaviour:
        if request.path == "stuck":
            await released.wait()
        return "good"

    async def scenario() -> None:
        settings = await a_place(kafka_server, delivery_window=20)
        async with Receiver(behave) as receiver:
            file = delivery_file(
                tmp_path,
                f"""
targets:
  - {{id: stuck, url: "{receiver.url("stuck")}", timeout: 5m, parallel: 3}}
  - {{id: well, url: "{receiver.url("well")}"}}
campaigns: [{{id: stuck, target: stuck}}, {{id: well, target: well}}]
""",
            )
            triggers = [trigger(number, "well" if number % 3 == 0 else "stuck") for number in range(450)]
            worker = started_delivery(settings, tmp_path, file)
            await publish(settings, triggers)
            await seen(lambda: len(receiver.answered) == 150, "everything for the target that is well")
            assert receiver.keys("stuck") == {key for key, count in receiver.under_way.items() if count}
            assert len(receiver.keys("stuck")) == 3, "more requests at a time than allowed"
            assert worker.metric('etapa_delivery_held{target="stuck"}') <= 20
            points = await committed(settings, file)
            assert all(offset <= 1 for offset, _ in points.values()), "committed past a trigger that is under way"
            released.set()
            await seen(lambda: len(receiver.answered) == 450, "everything for the other, once it answers")
            assert set(receiver.answered.values()) == {1}
            await stopped(worker)

    asyncio.run(scenario())


def test_what_cannot_be_delivered_becomes_a_dead_letter_with_its_original_bytes_and_no_secret_is_told(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    async def behave(request: ReceivedRequest) -> Behaviour:
        return {"gone": 410, "moved": 302, "broken": 500}.get(request.path, "good")

    async def scenario() -> None:
        settings = await a_place(kafka_server)
        async with Receiver(behave) as receiver, Receiver() as absent:
            await absent.die()
            target = (
                "secrets: {env: HOOK_SECRET}, headers: {Authorization: {env: HOOK_TOKEN}}, retry: {attempts: 3, first: 1s, longest: 1s}"
            )
            names = ["gone", "moved", "broken", "absent"]
            urls = {name: (absent if name == "absent" else receiver).url(f"{name}?pass=in-the-url") for name in names}
            targets = "".join(f'  - {{id: {name}, url: "{url}", {target}}}\n' for name, url in urls.items())
            campaigns = "".join(f"  - {{id: {name}, target: {name}}}\n" for name in names)
            file = delivery_file(tmp_path, f"targets:\n{targets}campaigns:\n{campaigns}")
            settings_text = {"ETAPA_LOG_LEVEL": "debug"}
            worker = started_delivery(settings, tmp_path, file, **settings_text)
            await publish(settings, [trigger(number, name) for number, name in enumerate([*names, "unheard-of"])])
            async with started_producer(settings) as producer:
                await producer.send_and_wait(settings.topic_campaign_triggers, b"{not json", b"key", partition=0, headers=[("x", b"\xff")])
            await asyncio.to_thread(worker.wait_ready)
            await seen(lambda: worker.metric("etapa_delivery_dead_letters_total") == 6, "six dead letters")
            await seen(lambda: worker.metric("etapa_delivery_lag_triggers") == 0, "no lag")
            await stopped(worker)
            originals = {record.offset: record for record in await read_all(settings, settings.topic_campaign_triggers)}
            found = {}
            for letter in await read_all(settings, settings.topic_campaign_trigger_dead_letters):
                added = dict(letter.headers[-7:])
                original = originals.pop(int(added["etapa.offset"]))
                assert (letter.key, letter.value, letter.headers[:-7]) == (original.key, original.value, original.headers)
                assert added["etapa.topic"].decode() == settings.topic_campaign_triggers
                found[added["etapa.target"].decode() or added["etapa.reason"].decode()] = added
            assert not originals
            assert {name: added["etapa.reason"] for name, added in found.items()} == {
                "gone": b"refused",
                "moved": b"refused",
                "broken": b"gave_up",
                "absent": b"gave_up",
                "no_target": b"no_target",
                "not_a_trigger": b"not_a_trigger",
            }
            assert {name: int(added["etapa.requests"]) for name, added in found.items()} == {
                "gone": 1,
                "moved": 1,
                "broken": 3,
                "absent": 3,
                "no_target": 0,
                "not_a_trigger": 0,
            }
            assert b"HTTP 410 Gone" in found["gone"]["etapa.detail"]
            assert b"no connection: connection refused" in found["absent"]["etapa.detail"]
            assert "elsewhere" not in {request.path for request in receiver.requests}, "followed a redirect"
            told = worker.said() + str(found)
            assert SECRET not in told
            assert TOKEN not in told
            assert "in-the-url" not in told
            assert not re.search(rf"\b({receiver.port}|{absent.port})\b", told), "the address of a target was told"

    asyncio.run(scenario())


def test_offsets_that_faust_would_commit_are_never_committed_by_it(kafka_server: KafkaServer, tmp_path: Path) -> None:
    """While one delivery is open and everything after it is done, the committed offset stays at the open one."""
    released = asyncio.Event()

    async def behave(request: ReceivedRequest) -> Behaviour:
        if request.key == "c-3/1/a":
            await released.wait()
        return "good"

    async def scenario() -> None:
        settings = await a_place(kafka_server)
        async with Receiver(behave) as receiver:
            file = delivery_file(tmp_path, f'targets: [{{id: t, url: "{receiver.url("x")}", timeout: 5m}}]\ndefault: t\n')
            worker = started_delivery(settings, tmp_path, file)
            await publish(settings, [trigger(number, "a") for number in range(50)])
            await seen(lambda: len(receiver.answered) == 49, "all but one")

            async def remembered() -> bool:
                points = await committed(settings, file)
                assert all(offset <= 3 for offset, _ in points.values()), "committed past a trigger that is under way"
                return any(done.upto == 50 and done.open == {3} for _, done in points.values())

            await until(remembered, "the commit that remembers the 49")
            worker.ask_to_stop()
            released.set()
            await stopped(worker)
            ((offset, _),) = (await committed(settings, file)).values()
            assert offset == 50, "a delivery that ended during the stop was not committed"
            assert set(receiver.answered.values()) == {1}

    asyncio.run(scenario())
