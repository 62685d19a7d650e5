"""How a contestant measures itself: from the first touchpoint that it has seen to the last, in time and in CPU."""

import json
import os
import time

STDOUT = 1


class Stopwatch:
    """Starts with the first touchpoints, so that starting up and joining the group count for nobody."""

    def __init__(self, goal: int) -> None:
        self._goal = goal
        self._first = 0
        self._seen = 0
        self._started = 0.0
        self._spent = 0.0

    def seen(self, touchpoints: int) -> bool:
        """So many more are done. Tells the result with the last of all, and is true then."""
        if not self._seen:
            self._first, self._started, self._spent = touchpoints, time.perf_counter(), time.process_time()
        self._seen += touchpoints
        if self._seen < self._goal:
            return False
        tell(self._seen - self._first, time.perf_counter() - self._started, time.process_time() - self._spent)
        return True


def tell(touchpoints: int, seconds: float, cpu_seconds: float) -> None:
    """Print the result, one line of JSON."""
    result = {"touchpoints": touchpoints, "seconds": seconds, "cpu_seconds": cpu_seconds}
    # Past whatever has replaced `sys.stdout` (Faust makes log messages of it).
    os.write(STDOUT, (json.dumps(result) + "\n").encode())
