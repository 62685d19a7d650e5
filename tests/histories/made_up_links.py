"""Random histories of several ids with links between them, drawn by `random`: Hypothesis takes ten times as long to draw one as the engine takes to judge it."""

from random import Random
from typing import Any

from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.journey.language.model import LINK, Identity
from etapa.journey.units import HOUR
from tests.reference.made_up import TYPES

IDS = ("ada", "anon", "bert", "carla", "dora", "emil")
MOST_TOUCHPOINTS = 14
MANY_TOUCHPOINTS = 60
LATEST = 48
"""Hours. Touchpoints are at whole hours or a microsecond later, so that many are at the same time or at the very end of a window."""
LATEST_LINK = 4
"""Microseconds. So few moments that many links are at the same one."""
VALUES = (
    *range(-3, 7),
    0.1,
    2.5,
    1e16,
    -1e16,
    "x",
    "y",
    True,
    False,
    None,
    "2",
    " 2.5 ",
    "1e0",
    "",
    "1970-01-02",
    "1970-01-01T20:00:00-04:00",
)
ZONES = ("Pacific/Auckland", "Asia/Kathmandu", "Nowhere", 5)
KNOWN_BY = "t"


def identities(random: Random) -> Identity:
    """How two ids of a person are united: always by judging again, and sometimes only if they are not both known."""
    return Identity("replay", merge_known=random.random() < 0.5, known=(KNOWN_BY,) if random.random() < 0.3 else ())


def histories(random: Random) -> list[Touchpoint]:
    """Touchpoints and links in order of arrival, which is the order of time only sometimes; some arrive twice."""
    ids = random.sample(IDS, random.randrange(2, len(IDS) + 1))
    history = _touchpoints(random, ids)
    if random.random() < 0.5:
        history.sort(key=lambda each: each.at)
    for number in range(random.randrange(1, len(ids) + 2)):
        moved, kept = random.sample(ids, 2)
        link = Touchpoint(f"l-{number}", moved, LINK, random.randrange(LATEST_LINK + 1), properties={SAME_AS: kept})
        for _ in range(1 + (random.random() < 0.1)):
            history.insert(random.randrange(len(history) + 1), link)
    return history


def _touchpoints(random: Random, ids: list[str]) -> list[Touchpoint]:
    many = random.random() < 0.1
    made: list[Touchpoint] = []
    for number in range(random.randrange(3, (MANY_TOUCHPOINTS if many else MOST_TOUCHPOINTS) + 1)):
        # The same touchpoint again, perhaps under another id of what may be the same person.
        if made and random.random() < 0.12:
            again = random.choice(made)
            made.append(again if random.random() < 0.7 else _touchpoint(random, again.id, random.choice(ids)))
        else:
            made.append(_touchpoint(random, f"e-{number}", random.choice(ids)))
    return made


def _touchpoint(random: Random, touchpoint_id: str, customer_id: str) -> Touchpoint:
    at = random.randrange(LATEST + 1) * HOUR + random.randrange(2)
    channel = random.choice(("web", "x", None))
    return Touchpoint(touchpoint_id, customer_id, random.choice(TYPES), at, channel, _properties(random), _traits(random))


def _properties(random: Random) -> dict[str, Any]:
    match random.randrange(4):
        case 0:
            return {}
        case 1:
            return {"v": random.choice(VALUES)}
        case 2:
            return {"items": random.choice(VALUES) if random.random() < 0.5 else _items(random)}
        case _:
            return {"deep": {"v": random.choice(VALUES)}}


def _traits(random: Random) -> dict[str, Any]:
    match random.randrange(4):
        case 0:
            return {}
        case 1:
            return {KNOWN_BY: random.choice(VALUES)}
        case 2:
            return {KNOWN_BY: _items(random)}
        case _:
            return {KNOWN_BY: random.choice(VALUES), "zone": random.choice(ZONES)}


def _items(random: Random) -> list[Any]:
    return [random.choice((random.choice(VALUES), {"v": random.choice(VALUES)})) for _ in range(random.randrange(4))]
