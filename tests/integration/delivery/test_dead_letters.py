"""Dead letters of delivery on a real Kafka: none is too large, and a refused one does not affect the others."""

import asyncio
import random
from pathlib import Path

import msgspec
import pytest

from etapa.contracts.outgoing.dead_letter import CUT, ORIGINAL_BYTES, ORIGINAL_SHA256, digest_of
from etapa.journey.engine.facts.changes import Trigger
from tests.integration.delivery_scene import a_place, delivery_file, publish, seen, started_delivery, stopped, trigger
from tests.integration.places import alter, read_all
from tests.integration.receiver import Behaviour, ReceivedRequest, Receiver
from tests.servers.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka

LARGEST = "max.message.bytes"


async def refuse(request: ReceivedRequest) -> Behaviour:
    return 410


def large(number: int, size: int) -> Trigger:
    """A trigger with a payload of twice this size, which compresses to not much less than this."""
    return msgspec.structs.replace(trigger(number, "a"), payload={"noise": random.Random(number).randbytes(size).hex()})


def test_a_dead_letter_that_the_topic_does_not_take_is_cut_and_others_follow(kafka_server: KafkaServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, partitions=2)
        topic = settings.topic_campaign_trigger_dead_letters
        await alter(settings, topic, {LARGEST: "60000"})
        async with Receiver(refuse) as receiver:
            file = delivery_file(tmp_path, f'targets: [{{id: t, url: "{receiver.url("x")}", breaker: {{failures: 1000}}}}]\ndefault: t\n')
            worker = started_delivery(settings, tmp_path, file)
            await asyncio.to_thread(worker.wait_ready)
            compressible = msgspec.structs.replace(trigger(2, "a"), payload={"spaces": " " * 400_000})
            await publish(settings, [trigger(0, "a"), large(1, 300_000), compressible, trigger(3, "a")])
            await seen(lambda: worker.metric("etapa_delivery_dead_letters_total") == 4, "the first dead letters")
            # The limit is read once; that the topic now accepts less is learnt from a refusal.
            await alter(settings, topic, {LARGEST: "20000"})
            await publish(settings, [large(number, 30_000) for number in range(4, 10)], tag="-later")
            await publish(settings, [trigger(number, "a") for number in range(10, 60)], tag="-last")
            await seen(lambda: worker.metric("etapa_delivery_dead_letters_total") == 60, "the other dead letters")
            await seen(lambda: worker.metric("etapa_delivery_lag_triggers") == 0, "no lag")
            await stopped(worker)
            originals = {record.key: record for record in await read_all(settings, settings.topic_campaign_triggers)}
            letters = await read_all(settings, topic)
            assert {letter.key for letter in letters} == originals.keys()
            for letter in letters:
                original, added = originals[letter.key], dict(letter.headers)
                if CUT not in added:
                    assert letter.value == original.value
                    assert len(original.value) < 20_000 or letter.key == b"c-2"
                    continue
                assert original.value.startswith(letter.value)
                assert added[CUT] == b"value"
                assert (added[ORIGINAL_BYTES], added[ORIGINAL_SHA256].decode()) == (
                    b"%d" % len(original.value),
                    digest_of(original.value),
                )
            cut = {letter.key for letter in letters if CUT in dict(letter.headers)}
            assert cut == {f"c-{number}".encode() for number in (1, *range(4, 10))}

    asyncio.run(scenario())
