"""Another number of partitions on three brokers under load, while workers are killed: how long touchpoints wait, and whether all is right.

`python -m tests.faults.trials.moving --rate 1000` says what it did and measured, and ends with 1 if a change is not that of `etapa simulate`.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

import click
import msgspec

from etapa.journey.units import DAY, SECOND
from etapa.settings import Settings
from etapa.settings.values import RedisUrl
from tests.faults.checking.timing import percentile
from tests.faults.trials.moving_scene import FOLDER, installed, try_in
from tests.faults.trials.scene import Wrong
from tests.faults.trials.steps import STEPS_JOURNEY, Steps
from tests.faults.trials.waits import Waits
from tests.integration.command_line import run_etapa
from tests.integration.outcome import expected_changes
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import wait_until
from tests.servers.redis_server import RedisServer

LAYOUTS = (4, 12, 5)
_SAFE_COPIES = {"min.insync.replicas": "2", "transaction.state.log.min.isr": "2"}


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
    session_seconds: float = 30.0
    """`ETAPA_SESSION_TIMEOUT`."""
    settle_seconds: float = 90.0
    """How long the last touchpoints may take."""


_USUAL = MovingPlan()


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
        steps = Steps(settings, waits, customers=plan.customers, rate=plan.rate)
        killer = Killer(supervisor, plan.kill_every)
        waits.start()
        steps.start()
        figures: dict[str, float] = {}
        try:
            measured = partial(_measured, waits=waits, seconds=plan.settle_seconds, figures=figures, tell=tell)
            with measured("nothing happens"):
                time.sleep(plan.calm_seconds)
            killer.start()
            if plan.kill_every:
                with measured("workers are killed"):
                    time.sleep(plan.calm_seconds)
            for before, after in pairwise(LAYOUTS):
                with measured(f"{before} to {after} partitions"):
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
    (folder / "journey.yaml").write_text(STEPS_JOURNEY, encoding="utf-8")
    kafka = KafkaServer(folder / "kafka", plan.brokers, _SAFE_COPIES if plan.brokers > 2 else {}, heap="384m")
    redis = RedisServer(folder / "redis")
    settings = Settings(
        kafka_bootstrap_servers=kafka.bootstrap_servers,
        redis_url=RedisUrl(redis.url),
        journey=str(folder / "journey.yaml"),
        partitions=LAYOUTS[0],
        replication=min(plan.brokers, 3),
        session_timeout=int(plan.session_seconds * SECOND),
        workers=plan.workers,
        # Timers follow the touchpoints alone, so that the expected output is known.
        quiet_after=DAY,
    )
    with installed(kafka, redis, settings, folder) as supervisor:
        # Its checks name a partition only once a worker has it.
        wait_until(_all_owned(supervisor), 90, f"the owners of all {LAYOUTS[0]} partitions", 0.2)
        yield settings, supervisor


def _all_owned(supervisor: StartedWorker) -> Callable[[], bool]:
    def asked() -> bool:
        told = supervisor.ask("readyz")
        return bool(told["ready"]) and sum(": partition " in name for name in told["checked"]) == LAYOUTS[0]

    return asked


@contextmanager
def _measured(name: str, waits: Waits, seconds: float, figures: dict[str, float], tell: Callable[[str], None]) -> Iterator[None]:
    """Measure the waits of what is sent meanwhile. The last of these may take so many `seconds`."""
    began = time.monotonic()
    yield
    ended = time.monotonic()
    # Those that were sent last are still on their way, and wait the longest.
    wait_until(lambda: not waits.still_waiting(began, ended), seconds, f"the last change of {name!r}", 0.1)
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
@click.option("--session-seconds", type=float, default=_USUAL.session_seconds, show_default=True, help="ETAPA_SESSION_TIMEOUT.")
@FOLDER
def main(folder: Path | None, **options: float) -> None:
    """Exit code 1 if something was wrong."""
    plan = msgspec.convert(options, MovingPlan, strict=False)
    try_in(folder, "moving", partial(moving, plan=plan, tell=click.echo))


if __name__ == "__main__":
    main()
