"""A journey that uses the whole language, on a real Kafka and Redis: the worker gives the same as `etapa simulate`, triggers included."""

import asyncio
import io
import json
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from etapa.contracts.outgoing.campaign_trigger import encode_campaign_trigger
from etapa.contracts.rfc3339 import format_time
from etapa.journey.engine.judging.campaigns import offers_of, triggers_of
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.units import DAY, HOUR, MINUTE, SECOND
from etapa.rehearsal.identities import Gone
from etapa.rehearsal.summary import replayed
from etapa.settings import Settings
from tests.integration.outcome import Message, check, closing, followed, journey_of, put_touchpoints
from tests.integration.places import new_place, read_all
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

JOURNEY = Path(__file__).with_name("language.yaml")
# Touchpoints in every quarter of a year, with the clock changes of both hemispheres.
BEGIN = round(datetime(2025, 2, 20, tzinfo=UTC).timestamp()) * SECOND
ZONES = ["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/Madrid", "Nowhere/At_All"]
CUSTOMERS = 120


def bought(rnd: random.Random, at: int) -> dict[str, object]:
    """The properties of a purchase or a refund: numbers and dates as text, as shops send them, and now and then as anything else."""
    lines = [
        {
            "sku": f"{rnd.choice('abc')}-{rnd.randrange(3)}",
            "price": rnd.choice([f"{rnd.randrange(5, 100)}.50", f"{rnd.randrange(5, 100)}", "free"]),
        }
        for _ in range(rnd.randrange(3))
    ]
    paid_at = format_time(at)[:10] if rnd.random() < 0.9 else "soon"
    return {
        "amount": rnd.randrange(20, 400),
        "item": f"item-{rnd.randrange(5)}",
        "lines": lines,
        "gift": rnd.choice(["true", "false"]),
        "paid_at": paid_at,
    }


def touchpoints() -> list[tuple[bytes, bytes]]:
    """Some months of customers who come and go, ordered by time, with some touchpoints a little late and some sent twice."""
    rnd = random.Random(14)
    made = []
    for number in range(CUSTOMERS):
        customer = f"c-{number}"
        at = BEGIN + rnd.randrange(20 * DAY)
        for turn in range(rnd.randrange(4, 45)):
            at += rnd.choice([HOUR, 9 * HOUR, DAY, 3 * DAY, 20 * DAY]) + rnd.randrange(90) * MINUTE
            traits: dict[str, object] = {"agreed": rnd.random() < 0.9}
            if turn == 0:
                traits |= {"timezone": ZONES[number % 5], "birthday": f"19{60 + number % 40}-{number % 12 + 1:02}-{number % 28 + 1:02}"}
            kind = rnd.choice(["visit"] * 6 + ["purchase"] * 3 + ["refund"])
            fields = {
                "id": f"{customer}-{turn}",
                "customer_id": customer,
                "type": kind,
                "occurred_at": format_time(at),
                "channel": rnd.choice(["web", "shop", "app"]),
                "properties": {} if kind == "visit" else bought(rnd, at),
                "traits": traits,
            }
            record = (customer.encode(), json.dumps(fields).encode())
            made.append((at + rnd.choice([0, 0, 0, 8 * SECOND]), record))
            if rnd.random() < 0.05:
                # Some are sent again much later, after more than the last few others.
                made.append((at + rnd.choice([SECOND, 20 * HOUR]), record))
    return [record for _, record in sorted(made)]


def expected_triggers(settings: Settings, values: list[bytes], until: int) -> tuple[dict[bytes, list[Message]], Counter[str]]:
    """By customer; and the outcomes of all offers."""
    journey = journey_of(settings)
    expected: dict[bytes, list[Message]] = defaultdict(list)
    outcomes: Counter[str] = Counter()
    for each in replayed(compile_journey(journey), journey, io.BytesIO(b"".join(value + b"\n" for value in values)), until):
        if isinstance(each, Gone):
            continue
        outcomes.update(offer.outcome for offer in offers_of([each]))
        for trigger in triggers_of([each]):
            key, value, headers = encode_campaign_trigger(trigger, journey.id, journey.version)
            expected[key].append((key, value, tuple(headers)))
    return dict(expected), outcomes


def test_a_worker_makes_of_the_whole_language_what_simulate_does(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(
            kafka_server.bootstrap_servers,
            redis_server.url,
            partitions=4,
            batch_records=150,
            session_timeout=3_000_000,
            quiet_after=DAY,
            journey=str(JOURNEY),
        )
        records = touchpoints()
        half = len(records) // 2
        until = BEGIN + 600 * DAY
        last = closing(settings, until + journey_of(settings).grace)
        values = [value for _, value in [*records, *last]]
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, records[:half])
            await progress.wait_processed(half // 2)
            # Held triggers, and memories of calendars, must survive this.
            worker.kill()
            worker = StartedWorker(settings, tmp_path)
            await put_touchpoints(settings, [*records[half:], *last])
            await progress.wait_through()
            with redis_server.client() as client:
                changes = await check(settings, client, values, until)
        expected, outcomes = expected_triggers(settings, values, until)
        published: dict[bytes, list[Message]] = defaultdict(list)
        for record in await read_all(settings, settings.topic_campaign_triggers):
            published[record.key].append((record.key, record.value, tuple(record.headers)))
        assert published == expected
        assert set(outcomes) >= {"published", "holdout", "held", "quiet", "consent", "cap"}
        rules = Counter(json.loads(value or b"")["rule"] for made in changes.values() for _, value, _ in made)
        assert rules.keys() >= {rule.id for rule in journey_of(settings).rules}
        worker.wait_ready(settings.partitions)
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())
