"""Who takes part: how each is started, how it is known to be done, and what stages it ended with."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import psutil
import redis

from bench.servers.place import BenchPlace, create_topic, create_worker_topics, everything_in, running
from bench.workload.book import Book, Stages
from bench.workload.touchpoints import KeyAndValue
from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.stored.state import decode_standing

GIVE_UP_AFTER = 600.0


class ContestError(Exception):
    """A contestant did not finish, or ended with other stages than it should."""


class Topic(NamedTuple):
    """A filled topic, and what must come of it."""

    name: str
    touchpoints: Sequence[KeyAndValue]
    filled: Sequence[int]
    book: Book


class RunResult(msgspec.Struct, frozen=True):
    """What one run took, once it was under way."""

    touchpoints: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.touchpoints / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        return self.cpu_seconds / self.touchpoints * 1e6


class Contestant(NamedTuple):
    """`run(place, topic, name)` gives the result; `name` is one that nobody has had before, for groups, topics and keys."""

    name: str
    short: bool
    """Whether it is so slow that it gets the short topic."""
    run: Callable[[BenchPlace, Topic, str], RunResult]


def run_ceiling(place: BenchPlace, topic: Topic, name: str) -> RunResult:
    """It judges nothing, so there are no stages."""
    return _tells_itself("bench.contestants.ceiling", place, topic, name)


def run_faust(place: BenchPlace, topic: Topic, name: str) -> RunResult:
    asyncio.run(create_topic(place.kafka, f"{name}-changes", place.partitions))
    result = _tells_itself("bench.contestants.faust_app", place, topic, name, BENCH_CORE="python")
    with place.redis() as view:
        states = view.hgetall(f"{name}:state")
        view.delete(f"{name}:state")
    _must_be(name, topic.book.by_touchpoints, {key.decode(): decode_standing(value).stage for key, value in states.items()})
    return result


def run_quix_at_least_once(place: BenchPlace, topic: Topic, name: str) -> RunResult:
    return _run_quix(place, topic, name, "at-least-once")


def run_quix_exactly_once(place: BenchPlace, topic: Topic, name: str) -> RunResult:
    return _run_quix(place, topic, name, "exactly-once")


def run_etapa(place: BenchPlace, topic: Topic, name: str) -> RunResult:
    """Done is what Redis shows, as seen from outside."""
    return _run_etapa(place, topic, name, ["etapa", "run"])


def run_etapa_uncompiled(place: BenchPlace, topic: Topic, name: str) -> RunResult:
    """As it runs where there is no C compiler."""
    return _run_etapa(place, topic, name, ["bench.contestants.uncompiled_worker", "run"])


def _run_etapa(place: BenchPlace, topic: Topic, name: str, command: Sequence[str]) -> RunResult:
    environment = place.worker_environment(name, topic.name)
    create_worker_topics(environment)
    goal = len(topic.touchpoints)
    first: tuple[int, float, float] | None = None
    with place.redis() as view, running(command, environment) as process:
        program = psutil.Process(process.pid)
        deadline = time.monotonic() + GIVE_UP_AFTER
        while True:
            time.sleep(0.02)
            if process.poll() is not None or time.monotonic() > deadline:
                raise ContestError(f"the worker did not finish (exit code {process.poll()})")
            spent = program.cpu_times()
            done, at, cpu = shown(view, name, place.partitions), time.perf_counter(), spent.user + spent.system
            first = first or ((done, at, cpu) if done else None)
            if first is not None and done >= goal:
                break
    with place.redis() as view:
        stages: dict[str, str] = {}
        for partition in range(place.partitions):
            stages |= {key.decode(): value.decode() for key, value in view.hgetall(f"{name}:{{{partition}}}:stage").items()}
            view.delete(*(f"{name}:{{{partition}}}:{key}" for key in ("stage", "state", "counts", "timers", "mark")))
    _must_be(name, topic.book.by_stream_time, stages)
    return RunResult(done - first[0], at - first[1], cpu - first[2])


def shown(view: redis.Redis, name: str, partitions: int) -> int:
    """How many touchpoints the view includes: offsets begin at 0 and have no gaps, since nothing else is in the topic."""
    with view.pipeline(transaction=False) as pipeline:
        for partition in range(partitions):
            pipeline.hget(f"{name}:{{{partition}}}:mark", "through")
        return sum(int(through) + 1 for through in pipeline.execute() if through is not None)


def run_quix_with_compiled_core(place: BenchPlace, topic: Topic, name: str) -> RunResult:
    """What nobody would have who does not use Etapa: it tells what of the distance is carrying, and what is judging."""
    return _run_quix(place, topic, name, "exactly-once", core="compiled")


def _run_quix(place: BenchPlace, topic: Topic, name: str, guarantee: str, core: str = "python") -> RunResult:
    changes = f"{name}-changes"
    asyncio.run(create_topic(place.kafka, changes, place.partitions))
    result = _tells_itself("bench.contestants.quix_app", place, topic, name, BENCH_GUARANTEE=guarantee, BENCH_CORE=core)
    stages: dict[str, str] = {}
    for value in asyncio.run(everything_in(place.kafka, changes, place.partitions)):
        change = decode_stage_change(value)
        stages[change.customer_id] = change.to
    _must_be(name, topic.book.by_touchpoints, stages)
    return result


def _tells_itself(module: str, place: BenchPlace, topic: Topic, name: str, **others: str) -> RunResult:
    """Run a contestant that measures itself until it tells its result."""
    folder = place.folder / name
    folder.mkdir()
    environment = {
        "BENCH_KAFKA": place.kafka,
        "BENCH_REDIS": place.redis_url,
        "BENCH_PARTITIONS": str(place.partitions),
        "BENCH_TOPIC": topic.name,
        "BENCH_GROUP": name,
        "BENCH_CHANGES": f"{name}-changes",
        "BENCH_FOLDER": str(folder),
        "BENCH_TOUCHPOINTS": str(len(topic.touchpoints)),
        **others,
    }
    with running([module], environment) as process:
        # Frameworks print things of their own first.
        told = next((line for line in process.stdout or () if line.startswith("{")), None)
        if told is None:
            raise ContestError(f"{module} ended without a result (exit code {process.wait()})")
    return RunResult(**json.loads(told))


def _must_be(name: str, book: Stages, found: Stages) -> None:
    if book != found:
        different = sum(found.get(customer_id) != stage for customer_id, stage in book.items())
        raise ContestError(f"{name} ended with other stages than it should: {different} of {len(book)} customers, {len(found)} found")


CONTESTANTS = (
    Contestant("ceiling", False, run_ceiling),
    Contestant("Etapa, exactly once", False, run_etapa),
    Contestant("Faust agent", True, run_faust),
    Contestant("Quix Streams, at least once", False, run_quix_at_least_once),
    Contestant("Quix Streams, exactly once", False, run_quix_exactly_once),
    Contestant("Quix Streams, exactly once, with our compiled core", False, run_quix_with_compiled_core),
    Contestant("Etapa, not compiled", False, run_etapa_uncompiled),
)
