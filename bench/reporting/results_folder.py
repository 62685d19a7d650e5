"""Where results are kept, and the topic that several benches read."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from bench.contestants.results import Topic
from bench.servers.place import BenchPlace, fill
from bench.workload.book import book_of
from bench.workload.touchpoints import KeyAndValue
from etapa.journey.units import DAY

HISTORY = 180 * DAY
RESULTS = Path(__file__).parents[1] / "results"


def topic_of(place: BenchPlace, name: str, touchpoints: Sequence[KeyAndValue]) -> Topic:
    filled = asyncio.run(fill(place, name, touchpoints))
    return Topic(name, touchpoints, filled, book_of(touchpoints, place.partitions, time.time_ns() // 1000))
