"""A worker whose topic holds another system's records, on real servers, killed in the middle of them."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.partitioner import partition_of
from etapa.journey.units import DAY
from etapa.sources import presets
from etapa.sources.record_outcome import Mapped
from etapa.sources.several import SOURCE_HEADER
from tests.integration.outcome import check, end_of, followed, published_changes, put_touchpoints, records_of, view_from_the_log
from tests.integration.places import new_place, read_all, started_producer
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.simulation.worlds.sourced import TEXT, source_decoder
from tests.support.clickstream import clickstream
from tests.unit.cli.process import etapa

OUTCOMES = ("touchpoints", "skipped", "dead_letter")
pytestmark = [pytest.mark.kafka, pytest.mark.redis]

TRAILS = TEXT.replace("  traits:", '  properties: {"*": properties}\n  traits:')


def sessions() -> list[tuple[bytes, bytes]]:
    """A customer's touchpoints, several per record, each record with an unwanted one between them."""
    records: list[tuple[bytes, bytes]] = []
    held: dict[bytes, list[Any]] = {}
    for one in clickstream()[:1500]:
        batch = held.setdefault(one.key, [{"type": "ping"}])
        batch.append(json.loads(one.value))
        if len(batch) > 4:
            records.append((one.key, json.dumps({"batch": held.pop(one.key)}).encode()))
    return records + [(key, json.dumps({"batch": batch}).encode()) for key, batch in held.items()]


def test_a_source_in_workers_that_are_killed_gives_what_converting_first_gives(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    source = tmp_path / "trails.yaml"
    source.write_text(TRAILS)
    mapper = source_decoder(TRAILS).mapper

    async def scenario() -> None:
        # Batches of seven touchpoints nearly always end in the middle of a record.
        settings = await new_place(
            kafka_server.bootstrap_servers,
            redis_server.url,
            partitions=2,
            batch_records=7,
            session_timeout=3_000_000,
            quiet_after=DAY,
            source=(str(source),),
        )
        records = sessions()
        broken = [(b"c-1", b"\0\0\0\0\1avro"), (b"c-2", json.dumps({"batch": [{"type": "ping"}, {}, {}]}).encode())]
        killed = 0
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, records[: len(records) // 2])
            for part in (0.1, 0.25, 0.4):
                await progress.wait_processed(int(len(records) * part))
                worker.kill()
                killed += 1
                worker = StartedWorker(settings, tmp_path)
            await put_touchpoints(settings, [*records[len(records) // 2 :], *broken])
            await progress.wait_through()
        converted = await new_place(
            kafka_server.bootstrap_servers, redis_server.url, partitions=2, session_timeout=3_000_000, quiet_after=DAY
        )
        touchpoints = [
            (key, one.json)
            for key, value in records
            for one in mapper.outcomes(json.loads(value), TouchpointLimits())
            if isinstance(one, Mapped)
        ]
        other = StartedWorker(converted, tmp_path)
        async with followed(converted) as progress:
            await put_touchpoints(converted, touchpoints)
            await progress.wait_through()
        assert await published_changes(settings) == await published_changes(converted)
        assert await view_from_the_log(settings) == await view_from_the_log(converted)
        other.ask_to_stop()
        assert other.exit_code() == 0
        letters = [
            decode_dead_letter(one.key, one.value, one.headers)
            for partition in range(2)
            for one in await read_all(settings, settings.topic_dead_letters, partition)
        ]
        assert sorted((letter.key or b"", letter.value or b"", letter.reason) for letter in letters) == [
            (*broken[0], "not_json"),
            (*broken[1], "invalid"),
        ]
        deadline = time.monotonic() + 30
        while worker.metric('etapa_source_records_total{outcome="dead_letter"}') < 2 and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        outcomes = {name: worker.metric(f'etapa_source_records_total{{outcome="{name}"}}') for name in OUTCOMES}
        assert (outcomes["skipped"], outcomes["dead_letter"]) == (0, 2)
        touched = worker.metric('etapa_touchpoints_total{outcome="applied"}') + worker.metric(
            'etapa_touchpoints_total{outcome="duplicate"}'
        )
        assert outcomes["touchpoints"] < touched
        # One is skipped in each record, but in each partition this worker may have begun in the middle of one.
        assert worker.metric("etapa_source_skipped_total") >= outcomes["touchpoints"] - 2
        assert killed == 3
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())


def test_records_that_are_not_keyed_by_their_customer_are_dead_letters_and_can_be_sent_where_they_belong(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    source = tmp_path / "trails.yaml"
    source.write_text(TRAILS)

    async def scenario() -> None:
        settings = await new_place(
            kafka_server.bootstrap_servers,
            redis_server.url,
            partitions=2,
            session_timeout=3_000_000,
            quiet_after=DAY,
            source=(str(source),),
        )
        customer = next(f"c-{number}" for number in range(99) if partition_of(f"c-{number}", 2) == 1)
        stranger = next(f"s-{number}" for number in range(99) if partition_of(f"s-{number}", 2) == 0)
        touchpoint = {"id": "1", "customer_id": customer, "type": "purchase", "occurred_at": "2025-03-01T10:00:00Z"}
        value = json.dumps({"batch": [touchpoint]}).encode()
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, [(stranger.encode(), value)])
            await progress.wait_through()
            (record,) = await read_all(settings, settings.topic_dead_letters, 0)
            letter = decode_dead_letter(record.key, record.value, record.headers)
            assert (letter.reason, letter.value) == ("key_mismatch", value)
            sent = await asyncio.to_thread(
                lambda: etapa("dead-letters", "redrive", "--all", "--rekey", "--yes", env=environment_of(settings))
            )
            assert sent.returncode == 0, sent.stderr
            # A redrive is a transaction; a record without one after it shows when everything is processed.
            last = {**touchpoint, "id": "2", "type": "view"}
            await put_touchpoints(settings, [(customer.encode(), json.dumps({"batch": [last]}).encode())])
            await progress.wait_through()
        with redis_server.client() as client:
            await check(settings, client, [json.dumps(each).encode() for each in (touchpoint, last)], None)
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())


def shop_records(touchpoints: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes, str]]:
    """These touchpoints as Segment's calls and as Shopify's orders in turn, each with the source that it goes through."""
    records: list[tuple[bytes, bytes, str]] = []
    for number, (key, value) in enumerate(touchpoints):
        touchpoint = json.loads(value)
        customer, at = touchpoint["customer_id"], touchpoint["occurred_at"]
        call = {"type": "track", "event": touchpoint["type"], "messageId": f"m-{number}", "userId": customer, "timestamp": at}
        order = {"id": number, "created_at": at, "total_price": "12.50", "customer": {"id": customer}}
        name, record = ("shopify", order) if touchpoint["type"] == "purchase" or number % 5 == 0 else ("segment", call)
        records.append((key, json.dumps(record).encode(), name))
    return records


def test_a_worker_reads_the_records_of_two_systems_from_one_topic(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(
            kafka_server.bootstrap_servers,
            redis_server.url,
            partitions=2,
            session_timeout=3_000_000,
            quiet_after=DAY,
            source=("segment", "shopify"),
        )
        trail = clickstream()[:400]
        until_time, last = end_of(settings, trail)
        records = shop_records([*records_of(trail), *last])
        skipped = [(b"c-0", b'{"type": "group", "userId": "c-0"}', "segment")]
        refused = [(b"c-1", b'{"type": "track"}', "crm"), (b"c-2", b"{}", "segment"), (b"c-3", b"\x00\xff", "shopify")]
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress, started_producer(settings) as producer:
            for key, value, name in [*records, *skipped, *refused]:
                partition = partition_of(key.decode(), settings.partitions)
                headers = [(SOURCE_HEADER, name.encode())]
                await producer.send(settings.topic_touchpoints, value, key, partition=partition, headers=headers)
            await producer.flush()
            await progress.wait_through()
        mappers = {name: source_decoder(presets.text_of(name)).mapper for name in ("segment", "shopify")}
        outcomes = [one for _, value, name in records for one in mappers[name].outcomes(json.loads(value), TouchpointLimits())]
        touchpoints = [one.json for one in outcomes if isinstance(one, Mapped)]
        assert len(touchpoints) == len(records)
        with redis_server.client() as client:
            assert len(await check(settings, client, touchpoints, until_time)) > 10
        letters = [decode_dead_letter(one.key, one.value, one.headers) for one in await read_all(settings, settings.topic_dead_letters)]
        assert sorted((letter.key, letter.value, letter.reason) for letter in letters) == [
            (b"c-1", refused[0][1], "invalid"),
            (b"c-2", refused[1][1], "invalid"),
            (b"c-3", refused[2][1], "not_json"),
        ]
        (unknown,) = [letter for letter in letters if letter.key == b"c-1"]
        assert dict(unknown.headers)[SOURCE_HEADER] == b"crm"
        assert "the worker has `segment` and `shopify`" in unknown.detail
        counted = {name: worker.metric(f'etapa_source_records_total{{outcome="{name}"}}') for name in OUTCOMES}
        assert counted == {"touchpoints": len(records), "skipped": len(skipped), "dead_letter": len(refused)}
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())
