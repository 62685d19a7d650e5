"""Makes sure that a worker does not outlive its supervisor, however that ends."""

import os
import signal
import sys
import threading


def stop_when_alone() -> None:
    """Send this process SIGTERM when its standard input ends. The supervisor holds the other end, so it ends with the supervisor."""
    threading.Thread(target=_wait, name="supervisor", daemon=True).start()


def _wait() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
