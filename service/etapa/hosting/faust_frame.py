"""Faust's frame for a process: an app and a worker without what Faust does for a terminal and a developer's machine."""

import asyncio
import logging
import signal
from typing import Any

import faust

logger = logging.getLogger(__name__)


class DisklessApp(faust.App):
    """An app that keeps nothing on disk."""

    def _create_directories(self) -> None:
        """None: nothing is kept on disk, and the working directory may not be ours to write to."""


class StoppableWorker(faust.Worker):
    """Faust's worker without what it does for a terminal, and with signals that only ever mean to stop."""

    def __init__(self, app: faust.App, **options: Any) -> None:
        super().__init__(app, quiet=True, override_logging=False, redirect_stdouts=False, **options)
        self.spinner = None
        self.asked_to_stop = asyncio.Event()

    def install_signal_handlers(self) -> None:
        # mode's own handlers stop the worker beside whoever waits for it, who would then leave before that is done.
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(number, self._ask_to_stop, number)

    def _ask_to_stop(self, number: signal.Signals) -> None:
        logger.info("%s: finishing what was begun", number.name)
        self.asked_to_stop.set()
