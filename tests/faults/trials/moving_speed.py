"""How many customers one worker moves to new partitions in a minute, without touchpoints and with no limit on the pace.

`python -m tests.faults.trials.moving_speed --customers 1000000` says what it measured, and ends with 1 if somebody is missing afterwards.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
from confluent_kafka import Producer

from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.journey.units import DAY, SECOND
from etapa.settings import Settings
from etapa.settings.values import RedisUrl
from tests.faults.installation.installation import journey_file
from tests.faults.trials.moving_scene import FOLDER, installed, try_in
from tests.faults.trials.scene import Wrong
from tests.integration.command_line import run_etapa
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import wait_until
from tests.servers.redis_server import RedisServer

BEFORE, AFTER = 4, 8
_LONG_AGO = 1_704_067_200 * SECOND
_NO_LIMIT = "1000000"
_MOVED = "etapa_customers_moved_total"
_LOOK_SECONDS = 0.2
_FILL_SECONDS = 300.0


class MovesWatch(threading.Thread):
    """Looks at the worker's count of customers who left or arrived: when it began to grow, and when it reached an end."""

    def __init__(self, worker: StartedWorker) -> None:
        super().__init__(name="moves", daemon=True)
        self.began = self.ended = 0.0
        self.moves = 0.0
        self.cpu_began = self.cpu_ended = 0.0
        self._worker = worker
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def run(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            cpu, moves, now = self._worker.total("process_cpu_seconds_total"), self._worker.total(_MOVED), time.monotonic()
            if not moves:
                # As of the last look at which nobody had moved.
                self.began, self.cpu_began = now, cpu
            elif moves > self.moves:
                self.moves, self.ended, self.cpu_ended = moves, now, cpu


def moving_speed(folder: Path, customers: int) -> dict[str, float]:
    """Run it. Returns what was measured, by name. Raises `Wrong`."""
    with _installation(folder) as (settings, worker):
        began = time.monotonic()
        _send_one_each(settings, customers)
        wait_until(lambda: worker.total("etapa_touchpoints_total") >= customers, _FILL_SECONDS, f"{customers:,} customers", _LOOK_SECONDS)
        filled = time.monotonic() - began
        watch = MovesWatch(worker)
        watch.start()
        asked = time.monotonic()
        told = run_etapa(settings, "repartition", "--to", str(AFTER), "--rate", _NO_LIMIT, "--json")
        took = time.monotonic() - asked
        if told.returncode:
            raise Wrong(f"the command failed:\n{told.stderr}\n{worker.said()[-3000:]}")
        left = sum(partition_of(_customer(number), BEFORE) != partition_of(_customer(number), AFTER) for number in range(customers))
        wait_until(lambda: worker.total(_MOVED) >= 2 * left, 60, "everybody's arriving", _LOOK_SECONDS)
        time.sleep(2 * _LOOK_SECONDS)
        watch.stop()
        here = worker.total("etapa_customers")
        if (watch.moves, here) != (2 * left, customers):
            raise Wrong(f"{watch.moves / 2:,.0f} of {left:,} customers moved, and {here:,.0f} of {customers:,} are there")
        seconds = watch.ended - watch.began
        return {
            "customers": customers,
            "filling took, s": round(filled, 1),
            "moved": left,
            "the command took, s": round(took, 1),
            "from the first batch to the last, s": round(seconds, 1),
            "customers a minute": round(left * 60 / seconds),
            "the worker's processor time for each, us": round((watch.cpu_ended - watch.cpu_began) * 1e6 / left, 1),
        }


@contextmanager
def _installation(folder: Path) -> Iterator[tuple[Settings, StartedWorker]]:
    """A broker, Redis, and a worker that owns every partition."""
    folder.mkdir(parents=True, exist_ok=True)
    kafka, redis = KafkaServer(folder / "kafka"), RedisServer(folder / "redis")
    settings = Settings(
        kafka_bootstrap_servers=kafka.bootstrap_servers,
        redis_url=RedisUrl(redis.url),
        journey=str(journey_file(folder)),
        partitions=BEFORE,
        quiet_after=DAY,
    )
    with installed(kafka, redis, settings, folder) as worker:
        worker.wait_ready(BEFORE)
        yield settings, worker


def _send_one_each(settings: Settings, customers: int) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, "linger.ms": 20, "acks": "all", "log_level": 2})
    for number in range(customers):
        customer = _customer(number)
        value = b'{"id":"t%d","customer_id":"%s","type":"purchase","occurred_at":"%s"}' % (
            number,
            customer.encode(),
            format_time(_LONG_AGO + number).encode(),
        )
        while True:
            try:
                producer.produce(settings.topic_touchpoints, value, customer.encode(), partition_of(customer, BEFORE))
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(60):
        raise Wrong("not every touchpoint could be sent")


def _customer(number: int) -> str:
    return f"shopper-{number}"


@click.command(help=__doc__)
@click.option("--customers", type=int, default=200_000, show_default=True)
@FOLDER
def main(customers: int, folder: Path | None) -> None:
    """Exit code 1 if something was wrong."""
    try_in(folder, "moving-speed", partial(moving_speed, customers=customers))


if __name__ == "__main__":
    main()
