"""Small journeys for tests of the engine, written as users write them, and a way to send touchpoints through them."""

from itertools import count
from typing import Any

from etapa.journey.duration import parse_duration
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import run_until, touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.load import journey_or_raise

HEAD = """
journey: shop
version: {version}
remember_ids: {remember_ids}
grace: {grace}
stages: [{{id: new}}, {{id: warm, phase: later}}, {{id: hot}}, {{id: lost}}]
rules:
"""
_numbers = count(1)


def program_of(rules: str, version: int = 1, remember_ids: int | str = 4, grace: str = "10s") -> Program:
    """The program of a journey with the stages new, warm, hot and lost, and these rules (YAML, one per line)."""
    lines = [f"  {line.strip()}" for line in rules.strip().splitlines()]
    head = HEAD.format(version=version, remember_ids=remember_ids, grace=grace)
    return compile_journey(journey_or_raise(head + "\n".join(lines), "shop.yaml"))


def us(duration: str) -> int:
    """`1d12h` in microseconds; `-1h` too."""
    return -parse_duration(duration[1:]) if duration.startswith("-") else parse_duration(duration)


def did(
    kind: str,
    at: str | int,
    *,
    touchpoint_id: str = "",
    who: str = "c-1",
    channel: str | None = None,
    traits: dict[str, Any] | None = None,
    **properties: Any,
) -> Touchpoint:
    """A touchpoint, with a new id if none is given."""
    when = at if isinstance(at, int) else us(at)
    return Touchpoint(touchpoint_id or f"e-{next(_numbers)}", who, kind, when, channel, properties, traits or {})


def play(program: Program, *touchpoints: Touchpoint, until: str | int | None = None) -> tuple[Customer, list[StageChange]]:
    """Process one customer's touchpoints, and then its timers."""
    customer = None
    changes: list[StageChange] = []
    for touchpoint in touchpoints:
        touched = touch(program, customer, touchpoint)
        customer = touched.customer
        changes += touched.changes
    assert customer is not None
    if until is not None:
        changes += run_until(program, customer, until if isinstance(until, int) else us(until))
    return customer, changes


def path(changes: list[StageChange]) -> list[tuple[str, int]]:
    """The stages entered, and when."""
    return [(change.to, change.at) for change in changes]
