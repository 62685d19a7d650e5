"""`etapa why`: read from a real Redis, for people at a narrow terminal and for programs."""

import asyncio
import json
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import time_text
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.units import DAY, HOUR
from tests.servers.redis_server import RedisServer
from tests.unit.cli.process import etapa
from tests.unit.cli.view import show

JOURNEY = """\
journey: shop
version: 3
stages:
  - {id: new}
  - {id: curious}
  - {id: loyal}
  - {id: asleep}
rules:
  - id: looks-around
    from: new
    to: curious
    when: {event: [view, search]}
  - id: loyal-by-frequency
    from: curious
    to: loyal
    when:
      all:
        - {count: purchase, within: 90d, gte: 3}
        - any: [{absent: complaint, for: 30d}, {trait: forgiving, eq: true}]
  - id: falls-asleep
    from: curious
    to: asleep
    when: {idle: 60d}
"""
groups = (f"why-{number}" for number in count())


def program(text: str = JOURNEY) -> Program:
    return compile_journey(journey_or_raise(text, "shop.yaml"))


def customer_of(customer_id: str, given: Sequence[tuple[int, str]]) -> Customer:
    """A customer with touchpoints this many microseconds ago."""
    now = time.time_ns() // 1000
    customer = None
    for number, (ago, kind) in enumerate(given):
        customer = touch(program(), customer, Touchpoint(f"e-{number}", customer_id, kind, now - ago)).customer
    assert customer is not None
    return customer


@pytest.fixture
def environ(redis_server: RedisServer, tmp_path: Path) -> dict[str, str]:
    """Settings for a separate group with its own journey, on the Redis of this run."""
    journey = tmp_path / "shop.yaml"
    journey.write_text(JOURNEY)
    return {"ETAPA_REDIS_URL": redis_server.url, "ETAPA_GROUP": next(groups), "ETAPA_JOURNEY": str(journey)}


def lines_of(environ: dict[str, str], customer_id: str, *options: str) -> list[str]:
    done = etapa("why", *options, "--", customer_id, env=environ)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().splitlines()


@pytest.mark.redis
def test_a_person_reads_every_rule_clause_by_clause(environ: dict[str, str]) -> None:
    customer = customer_of("c-42", [(20 * DAY, "view"), (10 * DAY, "purchase"), (9 * DAY, "purchase")])
    asyncio.run(show(environ, customer))
    lines = lines_of(environ, "c-42")
    last, falls_asleep = (time_text(at) for at in (customer.clock, customer.clock + 60 * DAY))
    loyal, asleep = lines.index("loyal-by-frequency -> loyal"), lines.index("falls-asleep -> asleep")
    assert lines[0].startswith("c-42 is in curious since ")
    assert lines[1].startswith("judged at ")
    assert " ".join(lines[2:4]).split() == f"if nothing happens: to asleep by falls-asleep, at {falls_asleep}".split()
    assert lines[loyal + 1].startswith("  From “curious” to “loyal” when “purchase” has happened at least 3 times in the")
    loyal = lines.index("  no   count(purchase, 90d) >= 3")
    assert lines[loyal + 1].startswith("       2 of 3; 1 more")
    assert lines[loyal + 2] == "  no   any of"
    assert lines[loyal + 3] == "       no   absent(complaint, 30d)"
    assert lines[asleep + 1] == "  From “curious” to “asleep” when the customer has done nothing for 60 days."
    idle = lines.index("  no   idle(60d)")
    assert lines[idle + 1].startswith("       51d more")
    assert last in " ".join(lines[idle + 1 :])
    assert all(len(line) <= 80 for line in lines)
    assert "\x1b" not in "".join(lines)


@pytest.mark.redis
def test_the_sentences_are_in_the_language_asked_for(environ: dict[str, str]) -> None:
    asyncio.run(show(environ, customer_of("c-1", [(HOUR, "home")])))
    assert "  De «new» a «curious» cuando ocurre «search» o «view»." in lines_of(environ, "c-1", "--lang", "es")


@pytest.mark.redis
def test_a_touchpoint_that_is_waited_for_says_so(environ: dict[str, str]) -> None:
    asyncio.run(show(environ, customer_of("c-1", [(HOUR, "home")])))
    assert "  no   waits for event(search | view)" in lines_of(environ, "c-1")
    assert "without a touchpoint nothing will change" in lines_of(environ, "c-1")


@pytest.mark.redis
def test_a_stage_without_a_way_out_says_so(environ: dict[str, str]) -> None:
    asleep = customer_of("c-1", [(100 * DAY, "view"), (HOUR, "home")])
    assert asleep.stage == "asleep"
    asyncio.run(show(environ, asleep))
    assert lines_of(environ, "c-1")[-1] == "no rule leads out of asleep"


@pytest.mark.redis
def test_a_timer_that_is_due_and_has_not_been_run_is_told(environ: dict[str, str]) -> None:
    asyncio.run(show(environ, customer_of("c-1", [(100 * DAY, "view")])))
    text = " ".join(" ".join(lines_of(environ, "c-1")).split())
    assert "to asleep by falls-asleep" in text
    assert "that timer is due, but has not run yet" in text


@pytest.mark.redis
def test_a_state_of_another_version_is_judged_as_it_will_be_and_stays_as_it_is(environ: dict[str, str]) -> None:
    asyncio.run(show(environ, customer_of("c-1", [(20 * DAY, "view"), (10 * DAY, "purchase"), (9 * DAY, "purchase")])))
    newer = JOURNEY.replace("version: 3", "version: 4").replace("gte: 3", "gte: 2")
    newer = newer.replace("{absent: complaint, for: 30d}", "{count: complaint, within: 30d, eq: 0}")
    newer += "  - {id: forgives, from: loyal, to: curious, when: {all: [{event: refund}, {count: view, gte: 9}]}}\n"
    Path(environ["ETAPA_JOURNEY"]).write_text(newer)
    for _ in range(2):
        text = " ".join(" ".join(lines_of(environ, "c-1")).split())
        assert text.startswith("c-1 is in loyal since ")
        assert "its state is from version 3, and is judged here as version 4 will judge it: to loyal by loyal-by-frequency" in text
    assert b"c-1 is in curious" in etapa("stage", "c-1", env=environ).stdout


@pytest.mark.redis
def test_a_machine_gets_one_object_whatever_the_id(environ: dict[str, str]) -> None:
    asyncio.run(show(environ, customer_of("--json", [(HOUR, "view")])))
    done = etapa("why", "--json", "--", "--json", env=environ)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["customer_id"], found["stage"], found["journey"], found["version"]) == ("--json", "curious", "shop", 3)
    assert [rule["rule"] for rule in found["rules"]] == ["loyal-by-frequency", "falls-asleep"]


@pytest.mark.redis
def test_what_touchpoints_say_cannot_play_with_the_terminal(environ: dict[str, str], tmp_path: Path) -> None:
    customer = customer_of("c-1", [(HOUR, "view")])
    customer.tell("forgiving", customer.clock, "\x1b[2J\nno way")
    asyncio.run(show(environ, customer))
    done = etapa("why", "c-1", env=environ)
    assert b"\x1b" not in done.stdout
    assert b"no way" in done.stdout


@pytest.mark.redis
def test_an_unknown_customer_is_a_failed_check(environ: dict[str, str]) -> None:
    asyncio.run(show(environ, customer_of("c-42", [(HOUR, "view")])))
    done = etapa("why", "C-42", env=environ)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith("Error: no customer 'C-42' in Redis")


def test_a_journey_with_errors_is_not_used(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(JOURNEY.replace("to: loyal", "to: loyall"))
    done = etapa("why", "c-1", "--journey", str(broken))
    assert done.returncode == 1
    assert b"loyall" in done.stderr


def test_a_closed_port_is_one_clear_line() -> None:
    done = etapa("why", "c-42", env={"ETAPA_REDIS_URL": "redis://127.0.0.1:1"})
    assert done.returncode == 1
    assert done.stderr.decode().startswith("Error: Redis at 127.0.0.1:1: nobody listens there")
