"""Customers of the shipped clothes shop, made up from a seed: most follow the ideal path, some do not, and one defect can be planted."""

import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from etapa.journey.engine.facts.instant import time_text
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.units import DAY, HOUR

BEGINS: Final = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z."""
_USUAL_DAYS: Final = {"discovery": 2.0, "consideration": 5.0, "purchase": 2.0, "service": 14.0, "loyalty": 60.0}


@dataclass(frozen=True, slots=True)
class Planted:
    """A shop's planted defect."""

    slow: str | None = None
    """Customers stay here five times as long as anywhere else, relative to what is promised."""
    unhappy: str | None = None
    """Customers feel two points of four worse here."""
    detour: str | None = None
    """Seven of ten customers go back from here."""


NOTHING: Final = Planted()


def shop(seed: int, customers: int, planted: Planted = NOTHING) -> list[Touchpoint]:
    """The touchpoints of all customers, ordered by time."""
    chance = random.Random(seed)
    found = [each for number in range(customers) for each in _life(chance, f"c{number:05}", planted)]
    return sorted(found, key=lambda each: (each.at, each.customer_id, each.id))


class _Customer:
    def __init__(self, chance: random.Random, name: str, planted: Planted) -> None:
        self.chance = chance
        self.name = name
        self.planted = planted
        self.at = BEGINS + int(chance.random() * 120 * DAY)
        self.sent = 0
        self.traits = {"persona": "student" if chance.random() < 0.6 else "professional", "accepts_messages": chance.random() < 0.7}

    def does(self, kind: str, channel: str | None, **properties: object) -> Touchpoint:
        """A touchpoint a little later."""
        self.at += int((0.05 + self.chance.random() * 0.2) * HOUR)
        self.sent += 1
        return Touchpoint(
            f"{self.name}-{self.sent}", self.name, kind, self.at, channel, dict(properties), self.traits if self.sent == 1 else {}
        )

    def stays(self, stage: str) -> None:
        """Let the time pass that customers spend in a stage."""
        days = _USUAL_DAYS[stage] * self.chance.lognormvariate(0, 0.35)
        self.at += int(days * (5 if stage == self.planted.slow else 1) * DAY)

    def says(self, stage: str) -> Touchpoint:
        """The customer's feeling; never so bad that it causes a move."""
        middle = 3.2 if stage == self.planted.unhappy else 4.4
        return self.does("survey", "whatsapp", rating=min(5, max(3, round(self.chance.gauss(middle, 0.6)))))

    def goes_back(self, stage: str, usually: float) -> bool:
        """Whether this customer leaves the ideal path here."""
        return self.chance.random() < (0.7 if stage == self.planted.detour else usually)


def _life(chance: random.Random, name: str, planted: Planted) -> Iterator[Touchpoint]:
    her = _Customer(chance, name, planted)
    yield her.does("ad_view", chance.choice(["facebook", "instagram"]))
    yield her.does("reel_view", "instagram")
    yield her.says("discovery")
    her.stays("discovery")
    if chance.random() < 0.25:
        return
    yield her.does("product_view", "web")
    yield her.does("size_question", "whatsapp")
    yield her.says("consideration")
    if her.goes_back("consideration", 0.12):
        yield her.does("add_to_cart", "web")
        her.at += 8 * DAY
        yield her.does("reel_view", "instagram")
        her.at += 2 * DAY
        yield her.does("product_view", "web")
    her.stays("consideration")
    if chance.random() < 0.08:
        return
    yield her.does("purchase", chance.choice(["web", "web", "whatsapp"]), amount=chance.randint(80, 400))
    yield her.does("packed", None)
    yield her.says("purchase")
    her.stays("purchase")
    yield her.does("delivery" if chance.random() < 0.7 else "pickup", chance.choice(["courier", "store"]))
    yield her.says("service")
    her.stays("service")
    if chance.random() < 0.4:
        return
    yield her.does("loyalty_signup", "store")
    yield her.says("loyalty")
    if her.goes_back("loyalty", 0.08):
        her.at += 3 * DAY
        yield her.does("complaint", "whatsapp")
        her.at += 5 * DAY
        yield her.does("loyalty_signup", "store")
    her.stays("loyalty")
    if chance.random() < 0.5:
        return
    yield her.does("photo_tag", "instagram")
    yield her.says("advocacy")


def as_file(touchpoints: list[Touchpoint]) -> io.BytesIO:
    """The touchpoints as a JSON Lines file."""
    lines = [
        json.dumps(
            {
                "id": each.id,
                "customer_id": each.customer_id,
                "type": each.type,
                "occurred_at": time_text(each.at),
                **({} if each.channel is None else {"channel": each.channel}),
                "properties": each.properties,
                "traits": each.traits,
            }
        ).encode()
        for each in touchpoints
    ]
    return io.BytesIO(b"\n".join(lines) + b"\n")
