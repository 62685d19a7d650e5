"""Made-up shoppers for a running Etapa: `python load.py --rate 50` sends 50 touchpoints a second until it is told to stop.

Etapa's settings say where to send them (ETAPA_KAFKA_BOOTSTRAP_SERVERS, ETAPA_TOPIC_TOUCHPOINTS).
"""

import asyncio
import os
import signal
import time

import click

from etapa.contracts.partitioner import partition_of
from etapa.embedded.shoppers import ShoppingTrip, touchpoints
from etapa.journey.units import DAY, MINUTE
from etapa.settings import Settings
from etapa.settings.reading import load_settings
from etapa.stream.kafka.cluster import Cluster

EVERY_SECONDS = 0.1
HISTORY = 400 * DAY


@click.command()
@click.option("--rate", default=50.0, show_default=True, type=click.FloatRange(0.1, 100_000), help="Touchpoints a second.")
@click.option("--customers", default=5_000, show_default=True, type=click.IntRange(1), help="Most shoppers.")
@click.option("--touchpoints", "most", type=click.IntRange(1), help="Stop after this many; without it, run until told to stop.")
@click.option("--seed", default=1, show_default=True, help="Seed of the random shoppers.")
def load(rate: float, customers: int, most: int | None, seed: int) -> None:
    """Send made-up touchpoints to the topic that workers read."""
    settings = load_settings(os.environ, {})
    end = time.time_ns() // 1000
    trip = ShoppingTrip(seed, end - HISTORY, end, MINUTE, customers)
    click.echo(f"{rate:g} touchpoints a second to {settings.topic_touchpoints} at {settings.kafka_bootstrap_servers}", err=True)
    sent = asyncio.run(_send(settings, trip, rate, most))
    click.echo(f"{sent} touchpoints sent", err=True)


async def _send(settings: Settings, trip: ShoppingTrip, rate: float, most: int | None) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Cluster(settings).producer("etapa-load", linger_ms=20) as producer:
        partitions = len(await producer.partitions_for(settings.topic_touchpoints))
        shoppers, began, sent = touchpoints(trip), loop.time(), 0
        while not stop.is_set() and sent != most:
            due = int((loop.time() - began + EVERY_SECONDS) * rate)
            for _ in range(due - sent if most is None else min(due, most) - sent):
                one = next(shoppers)
                await producer.send(
                    settings.topic_touchpoints, one.value, one.key, partition=partition_of(one.key.decode(), partitions), timestamp_ms=None
                )
                sent += 1
            try:
                await asyncio.wait_for(stop.wait(), EVERY_SECONDS)
            except TimeoutError:
                continue
        await producer.flush()
    return sent


if __name__ == "__main__":
    load()
