"""What the trials of moving customers share: servers with a worker, and how a trial is run from the command line."""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topics.creation import create_topics
from tests.faults.trials.scene import Wrong
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import ServerError
from tests.servers.redis_server import RedisServer

FOLDER = click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Where logs and data are kept; by default they are removed."
)


@contextmanager
def installed(kafka: KafkaServer, redis: RedisServer, settings: Settings, folder: Path) -> Iterator[StartedWorker]:
    """The servers with their topics, and a worker that has just been started; all of them end with the block."""
    worker: StartedWorker | None = None
    try:
        kafka.start()
        redis.start()
        asyncio.run(create_topics(Cluster(settings)))
        worker = StartedWorker(settings, folder)
        yield worker
    finally:
        if worker is not None:
            worker.kill()
        redis.stop()
        kafka.stop()


def try_in(folder: Path | None, name: str, trial: Callable[[Path], Mapping[str, float]]) -> None:
    """Run a trial and print its figures. Ends with exit code 1, and keeps the logs, if something was wrong."""
    place = folder or Path(tempfile.mkdtemp(prefix=f"etapa-{name}-"))
    try:
        figures = trial(place)
    except (Wrong, ServerError, AssertionError, subprocess.TimeoutExpired) as error:
        click.echo(f"WRONG; logs are in {place}\n{error}", err=True)
        sys.exit(1)
    if folder is None:
        shutil.rmtree(place)
    width = max(map(len, figures))
    for label, value in figures.items():
        click.echo(f"{label:{width}} {value:>12,}")
