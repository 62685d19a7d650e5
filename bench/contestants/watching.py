"""How a contestant is measured from outside: how far it is, and what it and the servers have spent by then, many times a second."""

import subprocess
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import psutil

from bench.contestants.peak import peak_mebibytes
from bench.contestants.results import ContestError, RunResult, Topic, WarmSpan
from bench.servers.place import BenchPlace

GIVE_UP_AFTER = 600.0
_LOOKS_APART = 0.02


class _Look(NamedTuple):
    done: int
    at: float
    spent: tuple[float, float, float]
    """Seconds of CPU of the contestant, of Kafka and of Redis."""


def watched(place: BenchPlace, topic: Topic, process: subprocess.Popen[str], done_so_far: Callable[[], int]) -> RunResult:
    """Look at a contestant until it is done. Raises `ContestError` when it ends before that, or takes too long."""
    programs = [psutil.Process(pid) for pid in (process.pid, place.kafka_pid, place.redis_pid)]
    looks: list[_Look] = []
    deadline = time.monotonic() + GIVE_UP_AFTER
    while not looks or looks[-1].done < len(topic.touchpoints):
        time.sleep(_LOOKS_APART)
        if process.poll() is not None or time.monotonic() > deadline:
            done = looks[-1].done if looks else 0
            raise ContestError(f"did not finish: {done} of {len(topic.touchpoints)}, exit code {process.poll()}")
        contestant, kafka, store = map(_spent, programs)
        looks.append(_Look(done_so_far(), time.perf_counter(), (contestant, kafka, store)))
    since, until = topic.warm
    return RunResult(_between(looks, since, until), len(topic.touchpoints), looks[-1].spent[0], peak_mebibytes(process.pid))


def _between(looks: Sequence[_Look], since: int, until: int) -> WarmSpan:
    """From the first look at which so many were done to the first at which so many were."""
    first = next(look for look in looks if look.done >= since)
    last = next(look for look in looks if look.done >= until)
    if last.done == first.done:
        raise ContestError(f"commits too seldom to be measured: {first.done} touchpoints at once; use more of them")
    contestant, kafka, store = (end - begin for begin, end in zip(first.spent, last.spent, strict=True))
    return WarmSpan(last.done - first.done, last.at - first.at, contestant, kafka, store)


def _spent(program: psutil.Process) -> float:
    times = program.cpu_times()
    return float(times.user + times.system)
