"""How a contestant measures itself that nobody can look into from outside: the same moments, by its own count of touchpoints."""

import json
import os
import time

from bench.contestants.peak import peak_mebibytes

STDOUT = 1


class Stopwatch:
    """Counts touchpoints; the environment says how many there are and which of them are measured (see `results.Topic.warm`)."""

    def __init__(self) -> None:
        self._goal = int(os.environ["BENCH_TOUCHPOINTS"])
        self._since, self._until = int(os.environ["BENCH_WARM_FROM"]), int(os.environ["BENCH_WARM_TO"])
        self._seen = 0
        self._moments: list[tuple[int, float, float]] = []

    def seen(self, touchpoints: int) -> bool:
        """So many more are done. True with the last of all."""
        self._seen += touchpoints
        if self._seen >= (self._until if self._moments else self._since) and len(self._moments) < 2:
            self._moments.append((self._seen, time.perf_counter(), time.process_time()))
        return self._seen >= self._goal

    def tell(self) -> None:
        """Print the result, one line of JSON: once everything that belongs to the last touchpoint is done."""
        (first, began, spent), (last, ended, spent_at_end) = self._moments
        result = {
            "warm": {"touchpoints": last - first, "seconds": ended - began, "cpu_seconds": spent_at_end - spent},
            "touchpoints": self._seen,
            "whole_cpu_seconds": time.process_time(),
            "peak_mebibytes": peak_mebibytes(),
        }
        # Past whatever has replaced `sys.stdout` (Faust makes log messages of it).
        os.write(STDOUT, (json.dumps(result) + "\n").encode())
