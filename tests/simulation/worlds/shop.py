"""Made-up touchpoints, good and bad, and when they arrive."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any, Literal

import msgspec

from etapa.contracts.rfc3339 import format_time
from etapa.journey.units import SECOND
from etapa.stream.protocol.records import Headers

HISTORY = 2 * 365 * 86_400 * SECOND
"""How long before the run the history begins."""

LEAPS = 3
"""One history in so many skips weeks and then years, after which the ledger folds its pages into days and months."""


class SimulatedShop(msgspec.Struct, frozen=True):
    """What kind of touchpoints a run sees."""

    kind: Literal["live", "history"]
    touchpoints: int
    customers: int
    late: int
    """The most microseconds by which a touchpoint is late."""
    bad: float
    """Chance of a record that cannot be used."""
    duplicate: float
    poison: float
    burst: int
    """The most touchpoints that arrive at once."""
    pause: float
    """The most seconds between two bursts."""


class Arrival(msgspec.Struct, frozen=True):
    """A record as produced. `gap`: the number of offsets without a record before it."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    gap: int
    late: int = 0
    """Microseconds by which it occurred before it arrived, or before the previous arrival."""


def arrivals(random: Random, shop: SimulatedShop, now: Iterator[int]) -> Iterator[Arrival]:
    """Records one after the other; `now` gives the wall clock at each, in microseconds."""
    latest: int | None = None
    sent: list[Arrival] = []
    for number in range(shop.touchpoints):
        wall = next(now)
        if shop.kind == "history":
            start = wall - HISTORY - sum(_leap(shop, each) for each in range(shop.touchpoints)) if latest is None else latest
            latest = (
                start
                + _leap(shop, number)
                + random.choice((0, random.randrange(SECOND), random.randrange(4 * SECOND), random.randrange(20 * SECOND)))
            )
        else:
            latest = wall
        gap = random.randrange(1, 4) if random.random() < 0.1 else 0
        if sent and random.random() < shop.duplicate:
            arrival = msgspec.structs.replace(random.choice(sent[-5:]), gap=gap)
        elif random.random() < shop.bad:
            arrival = _bad(random, number, wall, gap)
        else:
            kind = "boom" if random.random() < shop.poison else random.choice(("purchase", "purchase", "view", "view", "complaint"))
            late = random.choice((0, random.randrange(shop.late + 1)))
            touchpoint = _touchpoint(random, f"e{number}", f"c{random.randrange(shop.customers)}", kind, latest - late)
            arrival = msgspec.structs.replace(_arrival(touchpoint, gap), late=late)
            sent.append(arrival)
        yield arrival


def _leap(shop: SimulatedShop, number: int) -> int:
    """Microseconds that a history skips before this touchpoint. Nothing is drawn for it, so all else stays as it is."""
    if shop.kind == "live" or shop.touchpoints % LEAPS or not number:
        return 0
    return {shop.touchpoints // 3: 20, shop.touchpoints * 2 // 3: 850}.get(number, 0) * 86_400 * SECOND


def _touchpoint(random: Random, touchpoint_id: str, customer_id: str, kind: str, at: int) -> dict[str, Any]:
    touchpoint: dict[str, Any] = {"id": touchpoint_id, "customer_id": customer_id, "type": kind, "occurred_at": format_time(at)}
    if kind == "purchase":
        touchpoint["properties"] = {"amount": int(touchpoint_id[1:]) % 97 / 10}
    if random.random() < 0.2:
        touchpoint["channel"] = random.choice(("web", "shop", "whatsapp"))
    if random.random() < 0.1:
        touchpoint["traits"] = {"persona": random.choice(("student", "retired"))}
    return touchpoint


def _arrival(touchpoint: dict[str, Any], gap: int) -> Arrival:
    return Arrival(touchpoint["customer_id"].encode(), json.dumps(touchpoint).encode(), (("source", b"till"),), gap)


def _bad(random: Random, number: int, wall: int, gap: int) -> Arrival:
    good = _touchpoint(random, f"b{number}", "c0", "purchase", wall)
    future = {**good, "occurred_at": format_time(wall + 86_400 * SECOND)}
    return random.choice(
        (
            Arrival(b"c0", b"not json", (("x", b"\xff"),), gap),
            Arrival(b"c0", None, (), gap),
            Arrival(b"c1", json.dumps(good).encode(), (), gap),
            Arrival(None, json.dumps(good).encode(), (), gap),
            _arrival(future, gap),
        )
    )
