"""A process that was told to stop is gone within a bounded time, whatever still waits for a server that is away."""

import logging
import os
import sys
import threading

logger = logging.getLogger(__name__)


class StopDeadline:
    """Ends the process, with exit code 1 and words, when stopping it takes too long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # A thread, because the event loop may be what does not end, and so may be threads that Python waits for at its exit.
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._has_begun = False

    def begin(self) -> None:
        """From now on the time runs. Once it does, it is not begun again."""
        if not self._has_begun:
            self._has_begun = True
            self._timer.start()

    def _end(self) -> None:
        logger.error(
            "not stopped within %g s, so this process is ended now: what it had not committed is done again",
            self._seconds,
        )
        logging.shutdown()
        sys.stderr.flush()
        os._exit(1)
