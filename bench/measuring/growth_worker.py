"""How the worker's cost grows: the real process on a real Kafka and Redis, fed one portion after the other.

While a portion is put into the topic the worker is stopped by a signal, so that it finds all of it there. Then it runs until Redis
shows the last of it, and the CPU that it spent in between is the portion's.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Iterable, Iterator

import msgspec
import psutil

from bench.contestants.lineup import shown
from bench.contestants.results import ContestError
from bench.contestants.watching import GIVE_UP_AFTER
from bench.servers.place import BenchPlace, create_topic, create_worker_topics, put, running
from bench.workload.touchpoints import KeyAndValue


class Spent(msgspec.Struct, frozen=True):
    """What a portion took, from when it was all there to when Redis showed all of it."""

    touchpoints: int
    seconds: float
    cpu_seconds: float
    redis_cpu_seconds: float

    @property
    def cpu_microseconds(self) -> float:
        return self.cpu_seconds / self.touchpoints * 1e6

    @property
    def redis_cpu_microseconds(self) -> float:
        return self.redis_cpu_seconds / self.touchpoints * 1e6


class FedWorker:
    """A worker that is given touchpoints in portions."""

    def __init__(self, place: BenchPlace, name: str, topic: str, process: psutil.Process) -> None:
        self._place = place
        self._name = name
        self._topic = topic
        self._process = process
        self._view = place.redis()
        self._redis = psutil.Process(int(self._view.info("server")["process_id"]))
        self._goal = 0

    def feed(self, portion: Iterable[KeyAndValue], *, at_once: bool = True) -> Spent:
        """What the worker spent on these; unless `at_once`, it begins while they are still being put into the topic."""
        before = self._cpu()
        started = time.perf_counter()
        if at_once:
            self._process.send_signal(signal.SIGSTOP)
        try:
            count = sum(asyncio.run(put(self._place.kafka, self._topic, self._place.partitions, portion)))
        finally:
            if at_once:
                self._process.send_signal(signal.SIGCONT)
                before, started = self._cpu(), time.perf_counter()
        self._goal += count
        deadline = time.monotonic() + GIVE_UP_AFTER
        while shown(self._view, self._name, self._place.partitions) < self._goal:
            if not self._process.is_running() or self._process.status() == psutil.STATUS_ZOMBIE or time.monotonic() > deadline:
                raise ContestError("the worker did not finish")
            time.sleep(0.005)
        after = self._cpu()
        return Spent(count, time.perf_counter() - started, after[0] - before[0], after[1] - before[1])

    def idle(self, seconds: float) -> float:
        """The share of a core that the worker takes when there is nothing to do."""
        before = self._cpu()
        time.sleep(seconds)
        return (self._cpu()[0] - before[0]) / seconds

    def _cpu(self) -> tuple[float, float]:
        worker, view = self._process.cpu_times(), self._redis.cpu_times()
        return worker.user + worker.system, view.user + view.system


@contextlib.contextmanager
def fed_worker(place: BenchPlace, name: str) -> Iterator[FedWorker]:
    """A worker with topics and keys of its own. Its history never jumps to the wall clock."""
    topic = f"{name}-touchpoints"
    asyncio.run(create_topic(place.kafka, topic, place.partitions))
    environment = {**place.worker_environment(name, topic), "ETAPA_QUIET_AFTER": "1d"}
    create_worker_topics(environment)
    with running(["etapa", "run"], environment) as process:
        yield FedWorker(place, name, topic, psutil.Process(process.pid))
    with place.redis() as view:
        view.flushall()
