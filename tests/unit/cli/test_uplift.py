"""`etapa uplift`: what campaigns did, from files, and of a running installation."""

import asyncio
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import parse_time
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.engine.partition import Partition
from etapa.journey.language.load import journey_or_raise
from etapa.settings.reading import load_settings
from etapa.stream.protocol.ledger_keeper import LedgerKeeper
from etapa.stream.protocol.ports import VIEW_FORMAT, ViewMark
from etapa.stream.redis.client import connect, disconnect
from etapa.stream.redis.view import RedisView
from tests.servers.redis_server import RedisServer
from tests.unit.cli.process import etapa

JOURNEY = """
journey: shop
version: 1
stages: [{id: new}, {id: buyer}, {id: fan}]
rules:
  - {id: buys, from: [new, fan], to: buyer, when: {event: purchase}}
  - {id: praises, from: buyer, to: fan, when: {event: praise}}
campaigns:
  - id: hello
    on: {enter: buyer}
    holdout: 50%
    goal: {enter: fan, within: 10d, value: {sum: properties.amount, of: tip}}
  - {id: plain, on: {enter: fan}}
"""
ROOT = Path(__file__).parents[3]


@pytest.fixture
def shop(tmp_path: Path) -> tuple[str, str]:
    """A shop where everybody praises, and the first customers do so again after another purchase."""
    journey, events = tmp_path / "shop.yaml", tmp_path / "events.jsonl"
    journey.write_text(JOURNEY)
    lines: list[str] = []

    def did(number: int, kind: str, day: int, **properties: float) -> None:
        fields = {"id": f"e{len(lines)}", "customer_id": f"c{number}", "type": kind, "occurred_at": f"2026-01-{day:02}T00:00:00Z"}
        lines.append(json.dumps(fields | {"properties": properties}))

    for number in range(40):
        did(number, "purchase", 1)
    for number in range(40):
        did(number, "tip", 2, amount=3)
        did(number, "praise", 3)
    did(0, "purchase", 4)
    did(0, "praise", 5)
    events.write_text("\n".join(lines) + "\n")
    return str(journey), str(events)


def test_each_customer_counts_once_in_one_of_the_groups(shop: tuple[str, str]) -> None:
    done = etapa("uplift", "--journey", *shop, "--json")
    found = json.loads(done.stdout)
    Draft202012Validator(json.loads((ROOT / "schemas" / "uplift.schema.json").read_text("utf-8"))).validate(found)
    (campaign,) = found["campaigns"]
    sent, holdout = campaign["sent"], campaign["holdout"]
    assert (campaign["campaign"], campaign["offered"]) == ("hello", 41)
    assert sent["customers"] + holdout["customers"] == 40
    assert (sent["rate"], holdout["rate"], sent["value_each"], holdout["value_each"]) == (1.0, 1.0, 3.0, 3.0)
    assert campaign["verdict"] == "undecided"
    assert campaign["sample_ratio"]["alarm"] is False


def test_it_is_told_to_people_too_and_one_campaign_may_be_asked_for(shop: tuple[str, str]) -> None:
    journey, events = shop
    words = etapa("uplift", "--journey", journey, "hello", events).stdout.decode()
    assert "hello: undecided" in words
    assert "difference +0.00 points, between -" in words
    assert "values are compared once 100 goals have ended in each group" in words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("hello", "--until", "2026-02-01"), "--until, --source, --sort and --strict are about EVENTS, and none are given"),
        (("helo",), "helo is neither a file nor a campaign of the journey shop; these have a goal: hello"),
        (("plain", "x.jsonl"), "the campaign plain has no goal; these have one: hello"),
    ],
)
def test_what_is_asked_wrongly_is_answered_with_what_would_be_right(
    shop: tuple[str, str], arguments: tuple[str, ...], message: str
) -> None:
    done = etapa("uplift", "--journey", shop[0], *arguments)
    assert (done.returncode, done.stderr.decode()) == (2, f"Error: {message}\n")


@pytest.mark.parametrize("campaign", [(), ("hello",)])
def test_the_journey_may_come_first_as_in_simulate(shop: tuple[str, str], campaign: tuple[str, ...]) -> None:
    done = etapa("uplift", shop[0], *campaign, shop[1])
    assert (done.returncode, done.stdout) == (0, etapa("uplift", "--journey", shop[0], *campaign, shop[1]).stdout)
    assert done.stdout


def test_a_journey_without_goals_says_what_to_write(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(JOURNEY.replace("    goal: {enter: fan, within: 10d, value: {sum: properties.amount, of: tip}}\n", ""))
    done = etapa("uplift", "--journey", str(path), "-")
    assert done.returncode == 2
    assert b"no campaign of the journey shop has a goal" in done.stderr


async def process(environ: dict[str, str], events: str, partitions: int) -> None:
    """Judge these lines as the workers of all partitions do it, and leave in Redis what they count."""
    settings = load_settings(environ, {})
    program = compile_journey(journey_or_raise(JOURNEY, "shop.yaml"))
    touchpoints = [
        Touchpoint(each["id"], each["customer_id"], each["type"], parse_time(each["occurred_at"]), None, each["properties"], {})
        for each in map(json.loads, events.splitlines())
    ]
    now = touchpoints[-1].at
    client = connect(settings)
    for number in range(partitions):
        partition = Partition(program, None)
        for touchpoint in touchpoints:
            if partition_of(touchpoint.customer_id, partitions) == number:
                partition.admit(touchpoint.customer_id, None)
                assert partition.take(touchpoint, now)
        tally = partition.collect().tally
        assert tally is not None
        pages = await LedgerKeeper({}, None).enter(tally, now, lambda: asyncio.sleep(0))
        mark = ViewMark(1, 0, now, settings.group, partitions, VIEW_FORMAT)
        assert await RedisView(settings, client, number).apply(None, mark, [], pages) == "applied"
    await disconnect(client)


@pytest.mark.redis
def test_a_running_installation_says_the_same_as_a_file(shop: tuple[str, str], redis_server: RedisServer) -> None:
    journey, events = shop
    environ = {"ETAPA_REDIS_URL": redis_server.url, "ETAPA_GROUP": "uplift"}
    asyncio.run(process(environ, Path(events).read_text(), 4))
    live = etapa("uplift", "--journey", journey, "--json", env=environ)
    assert (live.returncode, live.stderr) == (0, b"")
    assert json.loads(live.stdout) == json.loads(etapa("uplift", "--journey", journey, events, "--json").stdout)
    assert json.loads(live.stdout)["campaigns"][0]["offered"] == 41
    assert b"hello: undecided" in etapa("uplift", "--journey", journey, "hello", env=environ).stdout


def test_a_redis_that_does_not_answer_is_told(shop: tuple[str, str]) -> None:
    done = etapa("uplift", "--journey", shop[0], env={"ETAPA_REDIS_URL": "redis://127.0.0.1:1"})
    assert done.returncode == 1
    assert b"127.0.0.1:1" in done.stderr
