"""Where results are kept, and the topic that several benches read."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from bench.book import book_of
from bench.contestants import Topic
from bench.place import Place, fill
from bench.touchpoints import Sent
from etapa.journey.units import DAY

HISTORY = 180 * DAY
RESULTS = Path(__file__).parent / "results"


def topic_of(place: Place, name: str, touchpoints: Sequence[Sent]) -> Topic:
    filled = asyncio.run(fill(place, name, touchpoints))
    return Topic(name, touchpoints, filled, book_of(touchpoints, place.partitions, time.time_ns() // 1000))
