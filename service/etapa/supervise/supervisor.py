"""`etapa run --workers N`: the processes, and the port that they share."""

import asyncio
import logging
import re
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

from etapa.metrics import catalogue
from etapa.metrics.http import HttpMetrics
from etapa.metrics.process import empty_registry
from etapa.serve.service import HttpService
from etapa.settings import Settings
from etapa.supervise.front import Front
from etapa.supervise.supervised_worker import SupervisedWorker
from etapa.supervise.worker_processes import WorkerPlace, WorkerProcesses

logger = logging.getLogger(__name__)


async def supervise(settings: Settings, count: int, command: Sequence[str]) -> None:
    """Run `count` workers until told to stop (SIGTERM, or Ctrl-C).

    `command` runs a worker that reads from its standard input which one it is. Raises `WrongSettings` when a worker cannot run with its settings, and `HttpServerError` when the port cannot be opened.
    """
    # A short path, because that of a socket can have only about a hundred characters. Only this user may enter the folder.
    folder = Path(tempfile.mkdtemp(prefix="etapa-"))
    try:
        await _supervise(settings, count, command, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _supervise(settings: Settings, count: int, command: Sequence[str], folder: Path) -> None:
    registry = empty_registry()
    restarts = catalogue.supervisor.WORKER_RESTARTS.counter(registry)
    catalogue.supervisor.WORKERS_WANTED.gauge(registry).set(count)

    def restarted(number: int) -> None:
        restarts.inc()

    name = settings.group_instance or _name_of_this_process()
    processes = WorkerProcesses(command)
    # Started again under its name, a worker gets its partitions back at once.
    places = [WorkerPlace(number, f"{name}-{number}", str(folder / f"{number}.sock")) for number in range(1, count + 1)]
    workers = [SupervisedWorker(place, processes, restarted) for place in places]
    catalogue.supervisor.WORKERS_UP.gauge(registry).set_function(lambda: sum(worker.is_running for worker in workers))
    stopping = asyncio.Event()

    def stop(number: signal.Signals) -> None:
        if not stopping.is_set():
            logger.info("%s: stopping %d workers", number.name, count)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    async with Front(workers, registry, HttpMetrics(registry)) as front:
        http = HttpService(front.application(), settings.http_host, settings.http_port)
        await http.start()
        polling = asyncio.create_task(front.poll())
        running = [asyncio.create_task(worker.run(stopping)) for worker in workers]
        try:
            await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
            # If one of them cannot run, the others are stopped as if told to.
            stopping.set()
            await asyncio.gather(*running)
        finally:
            stopping.set()
            await asyncio.gather(*running, return_exceptions=True)
            await processes.stop()
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
            await http.stop()


def _name_of_this_process() -> str:
    """A name that no other process has, from what is allowed in names of members."""
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())
    return f"{host[:100]}-{secrets.token_hex(4)}"
