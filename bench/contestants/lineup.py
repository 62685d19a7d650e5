"""Who takes part: how each is started, how it is known to be done, and whether what it did is right."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Sequence
from threading import Timer
from typing import NamedTuple

import msgspec
import redis

from bench.contestants.jvm_peers import FLINK, KAFKA_STREAMS, JavaPeer, command_of, committed_offsets
from bench.contestants.outcomes import Changes, changes_in, must_be_the_same, must_end_so, settled_changes, stages_after
from bench.contestants.results import ContestError, Length, RunResult, Topic
from bench.contestants.watching import GIVE_UP_AFTER, watched
from bench.servers.place import BenchPlace, create_topic, create_worker_topics, running, running_command
from etapa.contracts.stored.state import decode_standing


class Contestant(NamedTuple):
    """`run(place, topic, name)` gives the result; `name` is one that nobody has had before, for groups, topics and keys."""

    name: str
    run: "Callable[[Contest, Topic, str], RunResult]"
    length: Length = Length.LONG
    """Those in Python with a core that is not compiled get less of the stream, and the slowest least."""
    on_the_jvm: bool = False
    is_aside: bool = False
    """Takes part only when asked for by name."""


class Contest:
    """Where it takes place, and what Etapa published there, which others that judge by stream time must publish too."""

    def __init__(self, place: BenchPlace) -> None:
        self.place = place
        self.ours: dict[str, Changes] = {}
        """By topic."""


def run_ceiling(contest: Contest, topic: Topic, name: str) -> RunResult:
    """It judges nothing, so there are no stages."""
    return tells_itself("bench.contestants.ceiling", contest.place, topic, name)


def run_etapa(contest: Contest, topic: Topic, name: str) -> RunResult:
    """Done is what Redis shows, as seen from outside."""
    result = _run_etapa(contest.place, topic, name, ["etapa", "run"])
    contest.ours[topic.name] = changes_in(contest.place, f"{name}-stage-changes")
    return result


def run_etapa_uncompiled(contest: Contest, topic: Topic, name: str) -> RunResult:
    """As it runs where there is no C compiler."""
    return _run_etapa(contest.place, topic, name, ["bench.contestants.uncompiled_worker", "run"])


def _run_etapa(place: BenchPlace, topic: Topic, name: str, module: Sequence[str]) -> RunResult:
    environment = place.worker_environment(name, topic.name)
    create_worker_topics(environment)
    with place.redis() as view:
        with running(module, environment) as process:
            result = watched(place, topic, process, lambda: shown(view, name, place.partitions))
        stages: dict[str, str] = {}
        for partition in range(place.partitions):
            stages |= {key.decode(): value.decode() for key, value in view.hgetall(f"{name}:{{{partition}}}:stage").items()}
            view.delete(*(f"{name}:{{{partition}}}:{key}" for key in ("stage", "state", "counts", "timers", "mark")))
    must_end_so(name, topic.book.by_stream_time, stages)
    return result


def shown(view: redis.Redis, name: str, partitions: int) -> int:
    """How many touchpoints the view includes: offsets begin at 0 and have no gaps, since nothing else is in the topic."""
    with view.pipeline(transaction=False) as pipeline:
        for partition in range(partitions):
            pipeline.hget(f"{name}:{{{partition}}}:mark", "through")
        return sum(int(through) + 1 for through in pipeline.execute() if through is not None)


_BY_THE_BOOK = {
    "PEER_STORE": "rocksdb",
    "PEER_COMMIT_MS": "100",
    "PEER_HEAP": "0",
    "PEER_CACHE_MB": "10",
    "PEER_POLL": "1000",
    "PEER_BUFFERED": "1000",
    "PEER_BATCH_KB": "16",
    "PEER_IDLE_MS": "0",
    "PEER_PUNCTUATE": "1",
}
"""Kafka Streams' defaults, a store in RocksDB, and timers by punctuation, as its tutorials show it."""


def run_streams(contest: Contest, topic: Topic, name: str) -> RunResult:
    return _run_on_the_jvm(KAFKA_STREAMS, contest, topic, name)


def run_streams_with_redis(contest: Contest, topic: Topic, name: str) -> RunResult:
    """The stage in Redis as well, written after the fact: what is there is not part of the transaction."""
    result = _run_on_the_jvm(KAFKA_STREAMS, contest, topic, name, PEER_REDIS=contest.place.redis_url)
    with contest.place.redis() as view:
        stages = {key.decode(): value.decode() for key, value in view.hgetall(f"{name}:stage").items()}
        view.delete(f"{name}:stage")
    must_end_so(name, topic.book.by_stream_time, stages)
    return result


def run_streams_by_the_book(contest: Contest, topic: Topic, name: str) -> RunResult:
    return _run_on_the_jvm(KAFKA_STREAMS, contest, topic, name, **_BY_THE_BOOK)


def run_flink(contest: Contest, topic: Topic, name: str) -> RunResult:
    return _run_on_the_jvm(FLINK, contest, topic, name)


def _run_on_the_jvm(program: JavaPeer, contest: Contest, topic: Topic, name: str, **others: str) -> RunResult:
    """Done is what its group has committed, which exactly once commits together with what it published."""
    place = contest.place
    for output in ("changes", "triggers", "dead-letters"):
        asyncio.run(create_topic(place.kafka, f"{name}-{output}", place.partitions))
    environment = {**_environment(place, topic, name), **others}
    with (
        committed_offsets(place.kafka, name, topic.name, place.partitions) as committed,
        running_command(command_of(program), environment) as process,
    ):
        result = watched(place, topic, process, committed)
        changes = settled_changes(place, f"{name}-changes", topic.book.changes)
    must_end_so(name, topic.book.by_stream_time, stages_after(changes))
    if topic.name in contest.ours:
        must_be_the_same(name, contest.ours[topic.name], changes)
    return result


def run_faust(contest: Contest, topic: Topic, name: str) -> RunResult:
    return _run_faust("bench.contestants.faust_app", contest.place, topic, name)


def run_faust_in_batches(contest: Contest, topic: Topic, name: str) -> RunResult:
    return _run_faust("bench.contestants.faust_batches", contest.place, topic, name)


def _run_faust(module: str, place: BenchPlace, topic: Topic, name: str) -> RunResult:
    asyncio.run(create_topic(place.kafka, f"{name}-changes", place.partitions))
    result = tells_itself(module, place, topic, name, BENCH_CORE="python")
    with place.redis() as view:
        states = view.hgetall(f"{name}:state")
        view.delete(f"{name}:state")
    must_end_so(name, topic.book.by_touchpoints, {key.decode(): decode_standing(value).stage for key, value in states.items()})
    return result


def run_quix_at_least_once(contest: Contest, topic: Topic, name: str) -> RunResult:
    return _run_by_touchpoints(
        "bench.contestants.quix_app", contest.place, topic, name, BENCH_GUARANTEE="at-least-once", BENCH_CORE="python"
    )


def run_quix_exactly_once(contest: Contest, topic: Topic, name: str) -> RunResult:
    return _run_by_touchpoints(
        "bench.contestants.quix_app", contest.place, topic, name, BENCH_GUARANTEE="exactly-once", BENCH_CORE="python"
    )


def run_quix_with_compiled_core(contest: Contest, topic: Topic, name: str) -> RunResult:
    """What nobody would have who does not use Etapa: it tells what of the distance is carrying, and what is judging."""
    return _run_by_touchpoints(
        "bench.contestants.quix_app", contest.place, topic, name, BENCH_GUARANTEE="exactly-once", BENCH_CORE="compiled"
    )


def run_bytewax(contest: Contest, topic: Topic, name: str) -> RunResult:
    return _run_by_touchpoints("bench.contestants.bytewax_app", contest.place, topic, name, BENCH_CORE="python")


def _run_by_touchpoints(module: str, place: BenchPlace, topic: Topic, name: str, **others: str) -> RunResult:
    """Those whose timers are looked at only when the customer's next touchpoint comes."""
    asyncio.run(create_topic(place.kafka, f"{name}-changes", place.partitions))
    result = tells_itself(module, place, topic, name, **others)
    must_end_so(name, topic.book.by_touchpoints, stages_after(changes_in(place, f"{name}-changes")))
    return result


def tells_itself(module: str, place: BenchPlace, topic: Topic, name: str, **others: str) -> RunResult:
    """Run a contestant that measures itself until it tells its result."""
    with running([module], {**_environment(place, topic, name), **others}) as process:
        impatience = Timer(GIVE_UP_AFTER, process.kill)
        impatience.start()
        # Frameworks print things of their own first.
        told = next((line for line in process.stdout or () if line.startswith("{")), None)
        impatience.cancel()
        if told is None:
            raise ContestError(f"{module} ended without a result, or took longer than {GIVE_UP_AFTER:g} s (exit code {process.wait()})")
    return msgspec.convert(json.loads(told), RunResult)


def _environment(place: BenchPlace, topic: Topic, name: str) -> dict[str, str]:
    folder = place.folder / name
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
    since, until = topic.warm
    return {
        "BENCH_KAFKA": place.kafka,
        "BENCH_REDIS": place.redis_url,
        "BENCH_PARTITIONS": str(place.partitions),
        "BENCH_TOPIC": topic.name,
        "BENCH_GROUP": name,
        "BENCH_CHANGES": f"{name}-changes",
        "BENCH_TRIGGERS": f"{name}-triggers",
        "BENCH_DEAD_LETTERS": f"{name}-dead-letters",
        "BENCH_FOLDER": str(folder),
        "BENCH_TOUCHPOINTS": str(len(topic.touchpoints)),
        "BENCH_WARM_FROM": str(since),
        "BENCH_WARM_TO": str(until),
    }


HAS_BYTEWAX = sys.version_info < (3, 13)
"""There are no wheels of it for newer Pythons."""

ETAPA = "Etapa, exactly once"
"""What the others are compared with."""

CONTESTANTS = (
    Contestant("ceiling", run_ceiling),
    Contestant(ETAPA, run_etapa),
    Contestant("Etapa, not compiled", run_etapa_uncompiled, Length.MIDDLE),
    Contestant("Kafka Streams, tuned", run_streams, on_the_jvm=True),
    Contestant("Kafka Streams, tuned, with Redis", run_streams_with_redis, on_the_jvm=True),
    Contestant("Kafka Streams, by the book", run_streams_by_the_book, on_the_jvm=True),
    Contestant("Flink", run_flink, on_the_jvm=True),
    Contestant("Quix Streams, exactly once", run_quix_exactly_once, Length.MIDDLE),
    Contestant("Quix Streams, at least once", run_quix_at_least_once, Length.MIDDLE),
    *([Contestant("Bytewax, at least once", run_bytewax, Length.MIDDLE)] if HAS_BYTEWAX else []),
    Contestant("Faust, in batches", run_faust_in_batches, Length.MIDDLE),
    Contestant("Faust, one by one", run_faust, Length.SHORT),
    Contestant("Quix Streams, exactly once, with our compiled core", run_quix_with_compiled_core, Length.MIDDLE, is_aside=True),
)
