"""Another number of partitions on three brokers under load, while workers are killed: how long touchpoints wait, and whether all is right.

`python -m tests.faults.trials.moving --rate 1000` says what it did and measured, and ends with 1 if a change is not that of `etapa simulate`.
"""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from random import Random

import click
import msgspec
from confluent_kafka import Producer

from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.journey.units import DAY, SECOND
from etapa.settings import Settings
from etapa.settings.values import RedisUrl
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topics.creation import create_topics
from tests.faults.checking.timing import percentile
from tests.faults.trials.scene import Wrong
from tests.faults.trials.waits import Waits
from tests.integration.command_line import run_etapa
from tests.integration.outcome import expected_changes
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import ServerError, wait_until
from tests.servers.redis_server import RedisServer

LAYOUTS = (4, 12, 5)
_LONG_AGO = 1_704_067_200 * SECOND
_SAFE_COPIES = {"min.insync.replicas": "2", "transaction.state.log.min.isr": "2"}
_TICK = 0.02
_JOURNEY = """
journey: there-and-back
version: 1
stages: [{id: here}, {id: there}]
rules:
  - {id: go, from: here, to: there, when: {event: step}}
  - {id: return, from: there, to: here, when: {event: step}}
"""
"""Every touchpoint moves its customer."""


class MovingPlan(msgspec.Struct, frozen=True):
    """How much of everything."""

    brokers: int = 3
    workers: int = 3
    customers: int = 10_000
    rate: float = 400.0
    """Touchpoints a second."""
    pace: float = 500.0
    """Customers who leave in a second, over all partitions."""
    calm_seconds: float = 15.0
    """How long touchpoints are sent before anything happens, and again before anybody moves."""
    kill_every: float = 20.0
    """Seconds between kills of a worker, each another one in turn; 0: none."""
    session_timeout: int = 6_000_000
    """In microseconds."""
    settle_seconds: float = 90.0
    """How long the last touchpoints may take."""


_USUAL = MovingPlan()


class Steps:
    """Sends touchpoints at a constant rate, in a thread of its own, by the number of partitions that it has noticed.

    A customer takes a step only when the last one has made its change. So there is one right order, by the old layout and the new.
    """

    def __init__(self, settings: Settings, plan: MovingPlan, waits: Waits) -> None:
        self.values: list[bytes] = []
        self.held_back = 0
        """How often a customer was passed over because a touchpoint of theirs still waited."""
        self._settings = settings
        self._plan = plan
        self._waits = waits
        self._random = Random(19)
        self._producer = Producer(
            {
                "bootstrap.servers": settings.kafka_bootstrap_servers,
                "linger.ms": 5,
                "acks": "all",
                "enable.idempotence": True,
                "log_level": 2,
            }
        )
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="steps", daemon=True)
        self.error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop sending, and wait until everything is confirmed."""
        self._stopped.set()
        self._thread.join()
        if self._producer.flush(30):
            raise Wrong("some touchpoints were not confirmed")

    def _run(self) -> None:
        try:
            began = looked = time.monotonic()
            layout = self._partitions()
            while not self._stopped.wait(_TICK):
                now = time.monotonic()
                if now - looked >= 1:
                    layout, looked = self._partitions(), now
                for _ in range(int((now - began) * self._plan.rate) - len(self.values)):
                    self._step(layout)
                self._producer.poll(0)
        except BaseException as error:
            self.error = error
            raise

    def _partitions(self) -> int:
        topic = self._settings.topic_touchpoints
        return len(self._producer.list_topics(topic, timeout=10).topics[topic].partitions)

    def _step(self, layout: int) -> None:
        customer = self._random.randrange(self._plan.customers)
        while self._waits.is_waiting(customer):
            self.held_back += 1
            customer = self._random.randrange(self._plan.customers)
        who, name = f"walker-{customer}", f"t{len(self.values)}"
        at = format_time(_LONG_AGO + len(self.values) * 1000)
        value = msgspec.json.encode({"id": name, "customer_id": who, "type": "step", "occurred_at": at})
        self.values.append(value)
        self._waits.sends(name, customer)
        self._producer.produce(self._settings.topic_touchpoints, value, who.encode(), partition_of(who, layout))


class Killer:
    """Kills one of the supervisor's workers after another, in a thread of its own."""

    def __init__(self, supervisor: StartedWorker, every: float) -> None:
        self.kills = 0
        self._supervisor = supervisor
        self._every = every
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while self._every and not self._stopped.wait(self._every):
            workers = self._supervisor.supervised()
            # One that is not there at the moment is left out.
            with suppress(ProcessLookupError):
                os.kill(workers[1 + self.kills % len(workers)], signal.SIGKILL)
            self.kills += 1


def moving(folder: Path, plan: MovingPlan, tell: Callable[[str], None]) -> dict[str, float]:
    """Run it. Returns waits and counts by name. Raises `Wrong`."""
    with _installation(folder, plan) as (settings, supervisor):
        waits = Waits(settings)
        steps = Steps(settings, plan, waits)
        killer = Killer(supervisor, plan.kill_every)
        waits.start()
        steps.start()
        figures: dict[str, float] = {}
        try:
            with _measured("nothing happens", waits, figures, tell):
                time.sleep(plan.calm_seconds)
            killer.start()
            if plan.kill_every:
                with _measured("workers are killed", waits, figures, tell):
                    time.sleep(plan.calm_seconds)
            for before, after in pairwise(LAYOUTS):
                with _measured(f"{before} to {after} partitions", waits, figures, tell):
                    told = run_etapa(settings, "repartition", "--to", str(after), "--rate", str(plan.pace), "--json")
                    if told.returncode:
                        raise Wrong(f"the command failed:\n{told.stderr}\n{supervisor.said()[-3000:]}")
        finally:
            killer.stop()
            steps.stop()
        wait_until(lambda: not waits.outstanding or waits.error is not None, plan.settle_seconds, "a change for every touchpoint", 0.1)
        waits.stop()
        for error in (waits.error, steps.error):
            if error is not None:
                raise error
        if waits.repeated:
            raise Wrong(f"{len(waits.repeated)} changes came twice, the first: {waits.repeated[0]!r}")
        expected = expected_changes(settings, steps.values, None)
        found = waits.changes()
        wrong = [customer for customer in expected.keys() | found.keys() if expected.get(customer) != found.get(customer)]
        if wrong:
            raise Wrong(f"the changes of {len(wrong)} customers are not those of simulate, those of {wrong[0]!r} among them")
        counts = {"touchpoints": len(steps.values), "changes": sum(map(len, found.values())), "kills": killer.kills}
        return {**counts, "customers passed over since they waited": steps.held_back, **figures}


@contextmanager
def _installation(folder: Path, plan: MovingPlan) -> Iterator[tuple[Settings, StartedWorker]]:
    """Brokers, Redis, and a supervisor whose workers own every partition."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "journey.yaml").write_text(_JOURNEY, encoding="utf-8")
    kafka = KafkaServer(folder / "kafka", plan.brokers, _SAFE_COPIES if plan.brokers > 2 else {}, heap="384m")
    redis = RedisServer(folder / "redis")
    settings = Settings(
        kafka_bootstrap_servers=kafka.bootstrap_servers,
        redis_url=RedisUrl(redis.url),
        journey=str(folder / "journey.yaml"),
        partitions=LAYOUTS[0],
        replication=min(plan.brokers, 3),
        session_timeout=plan.session_timeout,
        workers=plan.workers,
        # Timers follow the touchpoints alone, so that the expected output is known.
        quiet_after=DAY,
    )
    supervisor: StartedWorker | None = None
    try:
        kafka.start()
        redis.start()
        asyncio.run(create_topics(Cluster(settings)))
        supervisor = StartedWorker(settings, folder)
        # Its checks name a partition only once a worker has it.
        wait_until(_all_owned(supervisor), 90, f"the owners of all {LAYOUTS[0]} partitions", 0.2)
        yield settings, supervisor
    finally:
        if supervisor is not None:
            supervisor.kill()
        redis.stop()
        kafka.stop()


def _all_owned(supervisor: StartedWorker) -> Callable[[], bool]:
    def asked() -> bool:
        told = supervisor.ask("readyz")
        return bool(told["ready"]) and sum(": partition " in name for name in told["checked"]) == LAYOUTS[0]

    return asked


@contextmanager
def _measured(name: str, waits: Waits, figures: dict[str, float], tell: Callable[[str], None]) -> Iterator[None]:
    began = time.monotonic()
    yield
    ended = time.monotonic()
    # Those that were sent last are still on their way, and wait the longest.
    wait_until(lambda: not waits.still_waiting(began, ended), 60, f"the last change of {name!r}", 0.1)
    found = waits.between(began, ended)
    for label, value in (("p50", percentile(found, 50)), ("p99", percentile(found, 99)), ("longest", max(found))):
        figures[f"{name}: waits, {label}, s"] = round(value, 2)
    figures[f"{name}: took, s"] = round(ended - began, 1)
    tell(
        f"{name}: {len(found)} touchpoints in {ended - began:.0f} s, waits {percentile(found, 50):.2f} / {percentile(found, 99):.2f} / {max(found):.2f} s"
    )


@click.command(help=__doc__)
@click.option("--rate", type=float, default=_USUAL.rate, show_default=True, help="Touchpoints a second.")
@click.option("--customers", type=int, default=_USUAL.customers, show_default=True)
@click.option("--pace", type=float, default=_USUAL.pace, show_default=True, help="Customers who leave in a second.")
@click.option("--workers", type=int, default=_USUAL.workers, show_default=True)
@click.option("--brokers", type=int, default=_USUAL.brokers, show_default=True)
@click.option("--calm-seconds", type=float, default=_USUAL.calm_seconds, show_default=True, help="Seconds before customers move, twice.")
@click.option("--kill-every", type=float, default=_USUAL.kill_every, show_default=True, help="Seconds between kills; 0 kills nobody.")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Where logs and data are kept; by default they are removed."
)
def main(folder: Path | None, **options: float) -> None:
    """Exit code 1 if something was wrong."""
    plan = msgspec.convert(options, MovingPlan, strict=False)
    place = folder or Path(tempfile.mkdtemp(prefix="etapa-moving-"))
    try:
        figures = moving(place, plan, click.echo)
    except (Wrong, ServerError, AssertionError) as error:
        click.echo(f"WRONG; logs are in {place}\n{error}", err=True)
        sys.exit(1)
    if folder is None:
        shutil.rmtree(place)
    for name, value in figures.items():
        click.echo(f"{name:60} {value:>12,}")


if __name__ == "__main__":
    main()
