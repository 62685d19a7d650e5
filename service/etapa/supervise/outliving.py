"""A worker does not outlive its supervisor, however that ends."""

import os
import signal
import sys
import threading


def stop_when_alone() -> None:
    """Have this process stop as if told to (SIGTERM) when its standard input ends, whose other end the supervisor holds."""
    threading.Thread(target=_wait, name="supervisor", daemon=True).start()


def _wait() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
