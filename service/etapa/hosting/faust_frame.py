"""Faust's frame for a process: an app and a worker without what Faust does for a terminal and a developer's machine.

Faust provides services that start and stop in order, signals, and agents. The process's work is one service, the main one: when
it ends by itself, so does the process.
"""

import asyncio
import logging
import signal
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

import faust
from faust.app.base import BootStrategy
from mode import Service

from etapa.hosting.stop_deadline import StopDeadline
from etapa.settings import Settings

logger = logging.getLogger(__name__)


class DisklessApp(faust.App):
    """An app that keeps nothing on disk."""

    def _create_directories(self) -> None:
        """Create none: nothing is kept on disk, and the working directory may not be writable."""


_App = TypeVar("_App", bound=DisklessApp)


def made_app(kind: type[_App], name: str, settings: Settings, services: Sequence[Service], *, consumes: bool, **options: Any) -> _App:
    """An app of this kind with these services, which start after Faust's own and stop before them.

    Without `consumes` Faust connects to no broker. It never produces, and serves no HTTP. `options` are further Faust settings.
    """

    class Boot(BootStrategy):
        enable_kafka = consumes
        enable_kafka_producer = False
        enable_web = False

        def server(self) -> Iterable[Any]:
            """Faust's own services, then ours."""
            return self._chain(super().server(), services)

    # A separate class, since Faust looks the strategy up in the class.
    hosted: type[_App] = type(kind.__name__, (kind,), {"BootStrategy": Boot})
    # All at once: Faust ignores settings that change later, or warns about them.
    return hosted(
        name,
        broker=[f"kafka://{address}" for address in settings.kafka_bootstrap_servers.split(",")],
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,
        **options,
    )


class Main(Protocol):
    """The main service of the process."""

    ended: asyncio.Event
    """Set when it ended by itself."""
    error: Exception | None
    """Why it ended."""


class StoppableWorker(faust.Worker):
    """Faust's worker without its terminal features, and with signals that only ever stop it, in bounded time."""

    def __init__(self, app: faust.App, stop_seconds: float) -> None:
        """The process ends at most `stop_seconds` after it was asked to stop, or began to stop by itself."""
        super().__init__(app, quiet=True, override_logging=False, redirect_stdouts=False, loop=asyncio.get_running_loop())
        self.spinner = None
        self.asked_to_stop = asyncio.Event()
        self._deadline = StopDeadline(stop_seconds)

    def install_signal_handlers(self) -> None:
        # mode's own handlers stop the worker in the background, and `run_until_stopped` would return before that is done.
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(number, self._ask_to_stop, number)

    def _ask_to_stop(self, number: signal.Signals) -> None:
        logger.info("%s: finishing the current work", number.name)
        self._deadline.begin()
        self.asked_to_stop.set()

    async def run_until_stopped(self, main: Main) -> None:
        """Run until a signal or until something ends by itself, then stop everything in order. Raises the error that ended it, if any."""
        started = asyncio.ensure_future(self.start())
        ended = asyncio.ensure_future(main.ended.wait())
        asked = asyncio.ensure_future(self.asked_to_stop.wait())
        try:
            await asyncio.wait({started, ended, asked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._deadline.begin()
            await self.stop()
            ended.cancel()
            asked.cancel()
            await asyncio.wait({started})
        # In order of time: a service that did not start, a main one that gave up, a service that failed later.
        started.result()
        error = main.error or self.crash_reason
        if error is not None:
            raise error
