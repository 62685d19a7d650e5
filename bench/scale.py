"""One, two and four workers on one machine, on a single Redis and on a Redis Cluster of three nodes, with the contest's touchpoints.

    python -m bench.scale [--touchpoints N] [--rounds N] [--workers N …]

Workers, Kafka and Redis share the machine's cores, so this shows where the shared cores end, and whether a touchpoint costs more when
others are at work. All workers of a run join the group together, before the first touchpoint is read. In the end every customer's stage
and the counts are compared with what the core alone makes of the same touchpoints.
"""

import contextlib
import glob
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import psutil
import redis

from bench.contestants.results import ContestError, Topic
from bench.contestants.watching import GIVE_UP_AFTER
from bench.reporting.figures import Scaled
from bench.reporting.report import Table, machine, write_json
from bench.reporting.results_folder import HISTORY, RESULTS, topic_of
from bench.servers.place import OUTPUTS, BenchPlace, create_worker_topics, prefer, running
from bench.workload.touchpoints import made_up
from etapa.journey.units import DAY
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import free_ports
from tests.servers.redis_server import RedisCluster, RedisServer

SINGLE, CLUSTER = "one Redis", "Redis Cluster, three nodes"
JOIN_TOGETHER = {"group.initial.rebalance.delay.ms": "6000"}
"""What Kafka waits for others when the first member of a group comes."""


class ScaleServers:
    """The servers, and what they have spent so far."""

    def __init__(self, folder: Path, partitions: int, *, preferred: bool) -> None:
        self.preferred = preferred
        before = {child.pid for child in psutil.Process().children()}
        self.kafka = KafkaServer(folder / "kafka", settings=JOIN_TOGETHER)
        self.kafka.start()
        [self._broker] = [child for child in psutil.Process().children() if child.pid not in before]
        self.single, self.cluster = RedisServer(folder / "redis"), RedisCluster(folder / "cluster")
        self.single.start()
        self.cluster.start()
        self.places = {
            SINGLE: BenchPlace(self.kafka.bootstrap_servers, self.single.url, partitions, folder),
            CLUSTER: BenchPlace(self.kafka.bootstrap_servers, self.cluster.url, partitions, folder),
        }
        if preferred:
            prefer(child.pid for child in psutil.Process().children())

    def stop(self) -> None:
        self.cluster.stop()
        self.single.stop()
        self.kafka.stop()

    def client(self, store: str) -> Any:
        if store == SINGLE:
            return redis.Redis(port=self.single.port)
        return redis.RedisCluster(host="127.0.0.1", port=self.cluster.nodes[0].port)

    def redis_spent(self, store: str) -> list[float]:
        nodes = [self.single] if store == SINGLE else self.cluster.nodes
        told = []
        for node in nodes:
            with node.client() as client:
                cpu: Any = client.info("cpu")
                told.append(float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"]))
        return told

    def kafka_spent(self) -> float:
        return spent_by(self._broker)


@contextlib.contextmanager
def surroundings(partitions: int, *, preferred: bool) -> Iterator[ScaleServers]:
    with tempfile.TemporaryDirectory(prefix="etapa-bench-") as name:
        around = ScaleServers(Path(name), partitions, preferred=preferred)
        try:
            yield around
        finally:
            around.stop()


def spent_by(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def shown(client: Any, name: str, partitions: int) -> int:
    """How many touchpoints the view includes."""
    through = [client.hget(f"{name}:{{{partition}}}:mark", "through") for partition in range(partitions)]
    return sum(int(each) + 1 for each in through if each is not None)


def run(around: ScaleServers, store: str, workers: int, topic: Topic, name: str) -> Scaled:
    place = around.places[store]
    environment = place.worker_environment(name, topic.name)
    create_worker_topics(environment)
    goal = len(topic.touchpoints)
    ports = free_ports(workers)
    with around.client(store) as client, contextlib.ExitStack() as stack:
        started = [stack.enter_context(running(["etapa", "run"], {**environment, "ETAPA_HTTP_PORT": str(port)})) for port in ports]
        if around.preferred:
            prefer(each.pid for each in started)
        processes = [psutil.Process(each.pid) for each in started]

        def spent() -> tuple[float, list[float], list[float], float]:
            return time.perf_counter(), [spent_by(each) for each in processes], around.redis_spent(store), around.kafka_spent()

        deadline = time.monotonic() + GIVE_UP_AFTER
        first_shown, done = 0, 0
        begun = spent()
        while done < goal:
            if time.monotonic() > deadline or any(each.poll() is not None for each in started):
                raise ContestError(f"{workers} workers on {store} did not finish")
            time.sleep(0.02)
            done = shown(client, name, place.partitions)
            if done and not first_shown:
                first_shown, begun = done, spent()
        ended = spent()
        check(client, name, place.partitions, topic)
    return Scaled(
        store,
        workers,
        done - first_shown,
        ended[0] - begun[0],
        [after - before for before, after in zip(begun[1], ended[1], strict=True)],
        [after - before for before, after in zip(begun[2], ended[2], strict=True)],
        ended[3] - begun[3],
        kafka_bytes(place, environment, goal),
    )


def kafka_bytes(place: BenchPlace, environment: Mapping[str, str], touchpoints: int) -> dict[str, float]:
    topics = {"touchpoints": environment["ETAPA_TOPIC_TOUCHPOINTS"]}
    topics |= {name.lower().replace("_", "-"): environment[f"ETAPA_TOPIC_{name}"] for name in OUTPUTS}
    folder = place.folder / "kafka" / "node-1"
    return {
        name: sum(path.stat().st_size for path in folder.glob(f"{glob.escape(topic)}-*/*.log")) / touchpoints
        for name, topic in topics.items()
    }


def check(client: Any, name: str, partitions: int, topic: Topic) -> None:
    """Stages and counts are what they must be. Removes them then."""
    stages: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for partition in range(partitions):
        tagged = f"{name}:{{{partition}}}"
        stages |= {key.decode(): value.decode() for key, value in client.hgetall(f"{tagged}:stage").items()}
        counts.update({key.decode(): int(value) for key, value in client.hgetall(f"{tagged}:counts").items()})
        client.delete(*(f"{tagged}:{kind}" for kind in ("stage", "state", "counts", "timers", "mark")))
    if stages != topic.book.by_stream_time or counts != Counter(stages.values()):
        raise ContestError(f"{name} ended with other stages or counts than it should")


def table_of(runs: Mapping[tuple[str, int], Sequence[Scaled]]) -> Table:
    rows = []
    for (store, workers), results in runs.items():
        rows.append(
            [
                f"{store}, {workers} worker{'s' if workers > 1 else ''}",
                f"{statistics.median(one.per_second for one in results):,.0f}",
                f"{min(one.per_second for one in results):,.0f} to {max(one.per_second for one in results):,.0f}",
                f"{statistics.median(one.cpu_microseconds for one in results):.1f}",
                f"{statistics.median(sum(one.redis_cpu_seconds) / one.touchpoints * 1e6 for one in results):.1f}",
                f"{statistics.median(one.kafka_cpu_seconds / one.touchpoints * 1e6 for one in results):.1f}",
                f"{statistics.median(one.cores for one in results):.1f}",
            ]
        )
    return Table(["", "touchpoints/s", "spread", "worker CPU µs each", "Redis", "Kafka", "cores busy"], rows)


@click.command()
@click.option("--touchpoints", "count", default=150_000, show_default=True)
@click.option("--customers", default=20_000, show_default=True)
@click.option("--partitions", default=4, show_default=True)
@click.option("--workers", multiple=True, default=(1, 2, 4), show_default=True)
@click.option("--rounds", default=2, show_default=True)
@click.option("--preferred", is_flag=True, help="Where other work shares the cores (Linux, as root): let it wait. Said in the results.")
@click.option("--save/--no-save", default=True, help="Write bench/results/scale.{json,png,svg}.")
def main(
    count: int,
    customers: int,
    partitions: int,
    workers: tuple[int, ...],
    rounds: int,
    preferred: bool,  # noqa: FBT001
    save: bool,  # noqa: FBT001
) -> None:
    """Measure several workers, and a Redis Cluster."""
    about = machine()
    yesterday = time.time_ns() // 1000 - DAY
    touchpoints = list(made_up(count, customers, yesterday - HISTORY, yesterday))
    runs: dict[tuple[str, int], list[Scaled]] = {(store, number): [] for store in (SINGLE, CLUSTER) for number in workers}
    with surroundings(partitions, preferred=preferred) as around:
        topic = topic_of(around.places[SINGLE], "touchpoints", touchpoints)
        for turn in range(1, rounds + 1):
            for place_in_turn, (store, number) in enumerate(runs):
                result = run(around, store, number, topic, f"run-{turn}-{place_in_turn}")
                runs[store, number].append(result)
                shares = " ".join(f"{each:.1f}" for each in result.worker_cpu_seconds)
                click.echo(f"round {turn}: {store}, {number}: {result.per_second:,.0f}/s, CPU s of workers {shares}", err=True)
    click.echo(table_of(runs).as_text())
    if save:
        settings = {
            "touchpoints": count,
            "customers": customers,
            "partitions": partitions,
            "rounds": rounds,
            "preferred": preferred,
            "changes_of_a_touchpoint": round(topic.book.changes / count, 3),
        }
        everything = [one for results in runs.values() for one in results]
        write_json(RESULTS / "scale.json", about, settings, everything)
        from bench.reporting.plots import plot_scale

        plot_scale(runs, RESULTS)


if __name__ == "__main__":
    main()
