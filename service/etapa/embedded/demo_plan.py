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
"""How long ago the shop opened. Its time slows down on the way to today, so that it never runs out, however long you watch."""
DAYS_PER_SECOND = 18
DAYS_TO_SHOW = 400
"""A short demo runs faster: it must show customers who stop buying falling back, which takes months."""
SEED = 1
SECONDS_BETWEEN = 3.0
"""Seconds of the demo between two touchpoints of a customer, when the journey is the user's own."""


class DemoOptions(msgspec.Struct, frozen=True):
    """`seconds` None: run until stopped. `rate`: touchpoints a second. `customers` None: no limit.

    `recorded`: touchpoints of real customers in order of time, and where they come from; None: customers are simulated.
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
    """How fast time runs for simulated customers, in microseconds of their time."""

    per_second: float
    """Their time that passes in one second, if the demo has no end."""
    to_show: int
    """The span of their time that a short demo must cover."""
    history: int
    """The longest span of their time."""


SHOPPING: Final = Tempo(DAYS_PER_SECOND * DAY, DAYS_TO_SHOW * DAY, HISTORY)


def tempo_of(improvisation: Improvisation) -> Tempo:
    """The tempo at which a customer does something every few seconds, whether the journey is about minutes or weeks."""
    return Tempo(improvisation.gap / SECONDS_BETWEEN, 2 * improvisation.longest, max(HISTORY, 20 * improvisation.longest))


def plan_for(options: DemoOptions, now: int, tempo: Tempo = SHOPPING) -> ShoppingTrip:
    """A history that ends an hour before `now` (microseconds since 1970), at the pace that `options` ask for."""
    per_second = tempo.per_second
    newcomer_every = None
    if options.seconds is not None:
        per_second = max(per_second, tempo.to_show / options.seconds)
    if options.customers is not None:
        newcomer_every = 4.0
        if options.seconds is not None:
            # All of them should have arrived well before the end, but not so fast that nobody comes twice.
            newcomer_every = max(2.0, min(newcomer_every, 0.7 * options.rate * options.seconds / options.customers))
    end = now - DAY // 24
    pace = max(1, int(per_second / options.rate))
    return ShoppingTrip(SEED, end - tempo.history, end, pace, options.customers, newcomer_every)


def touchpoints_for(options: DemoOptions) -> Iterator[SentTouchpoint]:
    """The touchpoints to send, in order."""
    now = time.time_ns() // 1000
    if options.recorded is not None:
        return options.recorded
    if options.journey_path == SHIPPED_JOURNEY:
        return touchpoints(plan_for(options, now))
    improvisation = Improvisation(options.journey)
    return touchpoints(plan_for(options, now, tempo_of(improvisation)), improvisation.character)
