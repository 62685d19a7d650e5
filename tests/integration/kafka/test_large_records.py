"""Records larger than a topic accepts: split, compressed, cut, or refused with a message; and redriven whole."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.outgoing.dead_letter import Cut, DeadLetter, decode_dead_letter, digest_of, encode_dead_letter
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.limits import BatchTooLarge, RecordTooLarge
from etapa.stream.kafka.partition import log as kafka_log
from etapa.stream.kafka.topic_settings import topic_settings
from etapa.stream.kafka.topics.creation import create_topics
from etapa.stream.protocol.ports import Transaction
from etapa.stream.protocol.records import Outgoing
from tests.integration.buried_letters import arrived, outcomes, run
from tests.integration.outcome import followed
from tests.integration.places import alter, new_place, new_settings, opened_log, read_all, started_producer
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import wait_until
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

LARGEST = "max.message.bytes"
NOISE = random.Random(12).randbytes(300_000)
"""An incompressible text."""
WHY = Rejected("too_large", "more than 1024 bytes")


def transaction(**others: Any) -> Transaction:
    lists: dict[str, Any] = {"stage_changes": (), "campaign_triggers": (), "dead_letters": (), "states": (), **others}
    return Transaction(**lists, mark_key=b"\xffmark", mark_value=b"{}", next_offset=1)


def letter_of(settings: Settings, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> Outgoing:
    return Outgoing(*encode_dead_letter(key, value, headers, WHY, settings.topic_touchpoints, 0, 17))


async def letters_in(settings: Settings) -> list[DeadLetter]:
    return [decode_dead_letter(one.key, one.value, one.headers) for one in await read_all(settings, settings.topic_dead_letters, 0)]


def touchpoint(number: int, **properties: Any) -> bytes:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return msgspec.json.encode({"id": f"t-{number}", "customer_id": "ada", "type": "home", "occurred_at": now, "properties": properties})


async def put_compressed(settings: Settings, values: Sequence[bytes], codec: str = "gzip") -> None:
    async with started_producer(settings, compression_type=codec, max_request_size=64_000_000, max_batch_size=64_000_000) as producer:
        for value in values:
            await producer.send_and_wait(settings.topic_touchpoints, value, b"ada", partition=0)


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_a_touchpoint_that_compression_made_small_becomes_a_dead_letter_that_is_whole(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path, codec: str
) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=1, session_timeout=10_000_000)
        dump = touchpoint(1, dump=" ".join(f"line {number} of a cart that somebody dumped" for number in range(35_000)))
        assert len(dump) > 1_300_000
        await put_compressed(settings, [dump, *(touchpoint(number) for number in range(2, 7))], codec)
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await progress.wait_through()
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        [letter] = await letters_in(settings)
        assert (letter.reason, letter.value, letter.cut) == ("too_large", dump, None)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("key", "headers", "cut", "kept"),
    [
        (b"ada", [("trace", b"1")], ["value"], 16_384),
        (b"ada", [("trace", b"1"), ("long", NOISE)], ["headers", "value"], 16_384),
        (NOISE, [("long", NOISE)], ["key", "headers", "value"], 16_384),
        (NOISE[:18_000], [], ["value"], 1_000),
        (None, [("long", NOISE[:18_000])], ["value"], 1_000),
    ],
)
def test_a_dead_letter_is_possible_whatever_its_topic_takes(
    kafka_server: KafkaServer, key: bytes | None, headers: list[tuple[str, bytes]], cut: Sequence[Any], kept: int
) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await alter(settings, settings.topic_dead_letters, {LARGEST: "20000"})
        small = letter_of(settings, b"bob", b"{")
        async with opened_log(settings) as log:
            await log.fence()
            await log.commit(transaction(dead_letters=[small, letter_of(settings, key, NOISE, headers), small]))
        first, letter, last = await letters_in(settings)
        assert (first.value, last.value, first.cut, last.cut) == (b"{", b"{", None, None)
        assert letter.cut == Cut(cut, len(NOISE), digest_of(NOISE))
        assert letter.key == (None if "key" in cut else key)
        assert list(letter.headers) == ([] if "headers" in cut else headers)
        assert NOISE.startswith(letter.value or b"never")
        assert kept <= len(letter.value or b"") <= 16_384
        assert (letter.reason, letter.topic, letter.partition, letter.offset) == ("too_large", settings.topic_touchpoints, 0, 17)

    asyncio.run(scenario())


def test_a_dead_letter_whose_headers_alone_are_too_large_keeps_a_small_value(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await alter(settings, settings.topic_dead_letters, {LARGEST: "20000"})
        async with opened_log(settings) as log:
            await log.fence()
            await log.commit(
                transaction(dead_letters=[letter_of(settings, b"ada", b"{}", [("long", NOISE)]), letter_of(settings, NOISE, None)])
            )
        of_headers, of_key = await letters_in(settings)
        assert (of_headers.key, of_headers.value, of_headers.cut) == (b"ada", b"{}", Cut(["headers"], 2, digest_of(b"{}")))
        assert (of_key.key, of_key.value, of_key.cut) == (None, None, Cut(["key"], 0, digest_of(None)))

    asyncio.run(scenario())


def states(count: int) -> list[Outgoing]:
    return [Outgoing(b"c-%05d" % number, NOISE[number : number + 90]) for number in range(count)]


def test_batches_are_kept_to_what_each_topic_takes(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await alter(settings, settings.topic_customer_state, {LARGEST: "20000"})
        await alter(settings, settings.topic_stage_changes, {LARGEST: "3000"})
        async with opened_log(settings) as log:
            await log.fence()
            await log.commit(transaction(states=states(2000), stage_changes=states(500)))
        assert len(await read_all(settings, settings.topic_customer_state, 0)) == 2001
        assert len(await read_all(settings, settings.topic_stage_changes, 0)) == 500

    asyncio.run(scenario())


async def alter_broker(settings: Settings, configs: Mapping[str, str], topic: str, expected: str) -> None:
    """Change the broker's settings, and wait until a topic without its own settings shows them."""
    async with Cluster(settings).admin() as admin, asyncio.timeout(30):
        await admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", dict(configs))])
        while (await topic_settings(admin, [topic]))[topic][LARGEST] != expected:
            await asyncio.sleep(0.01)


def test_batches_are_kept_to_what_the_brokers_take(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = new_settings(kafka_server.bootstrap_servers)
        await create_topics(Cluster(settings), [LARGEST])
        topic = settings.topic_customer_state
        await alter_broker(settings, {"message.max.bytes": "20000"}, topic, "20000")
        try:
            async with opened_log(settings) as log:
                await log.fence()
                await log.commit(transaction(states=states(2000), dead_letters=[letter_of(settings, b"ada", NOISE)]))
        finally:
            await alter_broker(settings, {}, topic, "1048588")
        assert len(await read_all(settings, topic, 0)) == 2001
        assert [letter.cut is not None for letter in await letters_in(settings)] == [True]

    asyncio.run(scenario())


def test_a_bound_that_nobody_tells_is_found_out_by_being_refused(kafka_server: KafkaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def not_allowed(*_: object) -> dict[str, Any]:
        return {}

    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await alter(settings, settings.topic_customer_state, {LARGEST: "50000"})
        await alter(settings, settings.topic_dead_letters, {LARGEST: "20000"})
        monkeypatch.setattr(kafka_log, "topic_settings", not_allowed)
        batch = transaction(states=states(5000), dead_letters=[letter_of(settings, b"ada", NOISE)])
        refused = []
        async with opened_log(settings) as log:
            for _ in range(20):
                await log.fence()
                try:
                    await log.commit(batch)
                    break
                except BatchTooLarge as error:
                    refused.append(str(error))
        # What both topics refuse at once is reported for one.
        assert {text.split()[0] for text in refused} <= {settings.topic_customer_state, settings.topic_dead_letters}
        assert 1 < len(refused) < 10
        assert all("max.message.bytes" in text for text in refused)
        assert len(await read_all(settings, settings.topic_customer_state, 0)) == 5001
        assert [letter.cut is not None for letter in await letters_in(settings)] == [True]

    asyncio.run(scenario())


def test_a_state_that_fits_only_when_it_is_compressed_is_compressed(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await alter(settings, settings.topic_customer_state, {LARGEST: "20000"})
        async with opened_log(settings) as log:
            await log.fence()
            offset = await log.commit(transaction(states=[Outgoing(b"a", b"1"), Outgoing(b"b", b"state" * 20_000), Outgoing(b"c", b"3")]))
            assert offset == 3
        found = await read_all(settings, settings.topic_customer_state, 0)
        assert [len(record.value) for record in found] == [1, 100_000, 1, 2]

    asyncio.run(scenario())


def test_a_record_that_does_not_fit_in_any_way_is_refused_with_topic_bound_and_setting(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await alter(settings, settings.topic_stage_changes, {LARGEST: "20000"})
        async with opened_log(settings) as log:
            await log.fence()
            with pytest.raises(RecordTooLarge) as refusal:
                await log.commit(transaction(stage_changes=[Outgoing(b"ada", NOISE)]))
        said = str(refusal.value)
        assert f"does not fit into {settings.topic_stage_changes}, which takes at most 20,000" in said
        assert f"--entity-name {settings.topic_stage_changes} --add-config max.message.bytes=302080" in said
        assert "ada" not in said

    asyncio.run(scenario())


def test_a_partition_that_is_refused_for_a_large_record_goes_on_once_the_topic_takes_it(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, session_timeout=10_000_000)
        await alter(settings, settings.topic_stage_changes, {LARGEST: "300"})
        await put_compressed(settings, [touchpoint(1)])
        worker = StartedWorker(settings, tmp_path)
        wanted = f"does not fit into {settings.topic_stage_changes}, which takes at most 300"
        await asyncio.to_thread(
            wait_until,
            lambda: any(wanted in one.get("detail", "") for one in worker.ask("readyz").get("not_ready", ())),
            60,
            "the refusal in /readyz",
        )
        await alter(settings, settings.topic_stage_changes, {LARGEST: "1048588"})
        async with followed(settings) as progress:
            await progress.wait_through()
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        assert len(await read_all(settings, settings.topic_stage_changes)) == 1

    asyncio.run(scenario())


def test_a_letter_that_is_cut_says_so_and_its_original_goes_back_for_as_long_as_it_is_there(kafka_server: KafkaServer) -> None:
    original = touchpoint(1, noise=NOISE.hex())

    async def bury() -> Settings:
        settings = await new_place(kafka_server.bootstrap_servers, partitions=1)
        await alter(settings, settings.topic_dead_letters, {LARGEST: "20000"})
        async with started_producer(settings, max_request_size=4_000_000) as producer:
            for value in (b"before", original):
                await producer.send_and_wait(settings.topic_touchpoints, value, b"ada", partition=0, headers=[("trace", b"1")])
        async with opened_log(settings) as log:
            await log.fence()
            letters = [
                encode_dead_letter(b"ada", value, [("trace", b"1")], WHY, settings.topic_touchpoints, 0, offset)
                # The second place no longer holds the same record.
                for value, offset in ((original, 1), (NOISE, 0))
            ]
            await log.commit(transaction(dead_letters=[Outgoing(*letter) for letter in letters]))
        return settings

    settings = asyncio.run(bury())
    listed = run(settings, "list").stdout.decode().splitlines()
    assert listed[1].endswith("more than 1024 bytes (cut)")
    shown = run(settings, "show", "0/0").stdout.decode()
    assert f"not all there: value. The original value has {len(original):,} bytes (SHA-256 {digest_of(original)});" in shown
    assert f"it is at {settings.topic_touchpoints} 0/1 for as long as" in shown
    assert run(settings, "show", "0/0", "--raw").stdout == original
    raw = run(settings, "show", "0/1", "--raw")
    assert (raw.returncode, raw.stdout) == (1, b"")
    assert b"does not hold its original any more" in raw.stderr
    done = run(settings, "redrive", "0/0", "--yes", "--json")
    assert outcomes(done) == [("0/0", "sent")]
    back = arrived(settings)[-1]
    assert (back.key, back.value) == (b"ada", original)
    assert [name for name, _ in back.headers] == ["trace", "etapa.attempt", "etapa.redriven-from"]
    left = run(settings, "redrive", "0/1", "--yes")
    assert (left.returncode, left.stdout) == (1, b"0/1 left, cut and its original gone, key ada, too_large\n")
    assert b"1 left, because they are cut and their originals are not in their topic any more" in left.stderr
