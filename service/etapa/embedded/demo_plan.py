"""What a demo shows: whose journey, which touchpoints, and how fast their time runs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from etapa.embedded.improvised import Improvisation
from etapa.embedded.shoppers import SentTouchpoint, ShoppingTrip, touchpoints
from etapa.journey.language.model import Journey
from etapa.journey.units import DAY
from etapa.settings import SHIPPED_JOURNEY

HISTORY = 3 * 365 * DAY
"""How long ago the shop opened. Its time runs ever slower on the way to today, so that it lasts however long one watches."""
DAYS_PER_SECOND = 18
DAYS_TO_SHOW = 400
"""A short demo runs faster: whoever stops buying has to be seen going back, and that takes months."""
SEED = 1
SECONDS_BETWEEN = 3.0
"""Seconds of the demo between two touchpoints of a customer, where the journey is somebody's own."""


class DemoOptions(msgspec.Struct, frozen=True):
    """`seconds` none: until it is stopped. `rate` is touchpoints a second. `customers` none: as many as come.

    `recorded`: touchpoints of real customers in order of time, and where they come from; none: customers are made up.
    """

    journey: Journey
    journey_path: Path
    usual_port: int
    recorded: Iterator[SentTouchpoint] | None = None
    recorded_from: str = ""
    seconds: float | None = None
    rate: float = 200.0
    customers: int | None = None
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Tempo:
    """How fast time runs for made-up customers, in microseconds of theirs."""

    per_second: float
    """In one second, if there is no end to the demo."""
    to_show: int
    """What a short demo has to get through."""
    history: int
    """How long it lasts at most."""


SHOPPING: Final = Tempo(DAYS_PER_SECOND * DAY, DAYS_TO_SHOW * DAY, HISTORY)


def tempo_of(improvisation: Improvisation) -> Tempo:
    """A customer of any journey does something every few seconds, whether that stands for minutes or for weeks."""
    return Tempo(improvisation.gap / SECONDS_BETWEEN, 2 * improvisation.longest, max(HISTORY, 20 * improvisation.longest))


def plan_for(options: DemoOptions, now: int, tempo: Tempo = SHOPPING) -> ShoppingTrip:
    """A history that ends an hour before `now` (microseconds since 1970), told at the pace that `options` ask for."""
    per_second = tempo.per_second
    newcomer_every = None
    if options.seconds is not None:
        per_second = max(per_second, tempo.to_show / options.seconds)
    if options.customers is not None:
        newcomer_every = 4.0
        if options.seconds is not None:
            # All of them should have come well before the end, but not so many that nobody comes twice.
            newcomer_every = max(2.0, min(newcomer_every, 0.7 * options.rate * options.seconds / options.customers))
    end = now - DAY // 24
    pace = max(1, int(per_second / options.rate))
    return ShoppingTrip(SEED, end - tempo.history, end, pace, options.customers, newcomer_every)


def touchpoints_for(options: DemoOptions) -> Iterator[SentTouchpoint]:
    """What is sent, in the order in which it is."""
    now = time.time_ns() // 1000
    if options.recorded is not None:
        return options.recorded
    if options.journey_path == SHIPPED_JOURNEY:
        return touchpoints(plan_for(options, now))
    improvisation = Improvisation(options.journey)
    return touchpoints(plan_for(options, now, tempo_of(improvisation)), improvisation.character)
