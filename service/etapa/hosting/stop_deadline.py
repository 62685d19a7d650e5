"""Ensures that a process stops within a bounded time, even if something is still waiting for an unreachable server."""

import logging
import os
import sys
import threading

logger = logging.getLogger(__name__)


class StopDeadline:
    """Ends the process with exit code 1 and a message when stopping it takes too long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # A thread, because the event loop itself may hang, and so may threads that Python waits for at exit.
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._has_begun = False

    def begin(self) -> None:
        """Start the clock. Calling it again has no effect."""
        if not self._has_begun:
            self._has_begun = True
            self._timer.start()

    def _end(self) -> None:
        logger.error(
            "not stopped within %g s, so this process is ended now: work that it had not committed will be done again",
            self._seconds,
        )
        logging.shutdown()
        sys.stderr.flush()
        os._exit(1)
