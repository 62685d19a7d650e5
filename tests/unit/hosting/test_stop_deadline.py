"""A process that does not end by itself is ended, with a message."""

import subprocess
import sys

STUCK = """
import logging, threading
from etapa.hosting.stop_deadline import StopDeadline

logging.basicConfig()
deadline = StopDeadline({seconds})
deadline.begin()
deadline.begin()
threading.Thread(target=threading.Event().wait, args=({stuck},)).start()
"""


def run(seconds: float, stuck: float) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", STUCK.format(seconds=seconds, stuck=stuck)], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_thread_that_waits_for_ever_does_not_keep_the_process() -> None:
    done = run(0.2, 3_600)
    assert done.returncode == 1
    assert "not stopped within 0.2 s, so this process is ended now" in done.stderr


def test_a_process_that_ends_in_time_says_nothing() -> None:
    done = run(3_600, 0.01)
    assert (done.returncode, done.stderr) == (0, "")
