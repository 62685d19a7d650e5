"""Touchpoints a second, and CPU for each, of three programs on the same topic of the same real Kafka and Redis.

1. the Etapa worker, as `etapa run` starts it, everything on;
2. the same judging in an idiomatic Faust agent (`faust_app`);
3. a plain consumer that only fetches and decodes (`plain_consumer`).

They run one after the other. Kafka and Redis share the machine with them, so compare, and mind the CPU column: it counts the
program alone. The worker is watched from outside: it counts as done what Redis shows.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import click
import psutil
import redis
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from prometheus_client.parser import text_string_to_metric_families

from etapa.contracts.partitioner import partition_of
from etapa.embedded.shoppers import Plan, touchpoints
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import free_ports
from tests.servers.redis_server import RedisServer

DAY = 86_400_000_000
HISTORY = 180 * DAY
GIVE_UP_AFTER = 900.0
ROOT = Path(__file__).parents[1]


class Result(NamedTuple):
    """What one contestant took, once it was under way."""

    name: str
    touchpoints: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.touchpoints / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        return self.cpu_seconds / self.touchpoints * 1e6


class Moment(NamedTuple):
    """How many touchpoints were done at a moment, and the CPU that had gone into them."""

    done: int
    at: float
    cpu_seconds: float


async def fill(bootstrap: str, count: int, customers: int, partitions: int) -> list[int]:
    """Put `count` touchpoints of made-up shoppers into the topic. Gives the number in each partition."""
    now = time.time_ns() // 1000
    plan = Plan(
        seed=1,
        start=now - HISTORY,
        end=now,
        pace=HISTORY // count,
        customers=customers,
        newcomer_every=count / customers / 2,
        # The plain consumer has no answer to a record that cannot be decoded.
        broken_share=0.0,
    )
    filled = [0] * partitions
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=256 * 1024, linger_ms=20)
    await producer.start()
    try:
        batches = [producer.create_batch() for _ in range(partitions)]
        for sent in islice(touchpoints(plan), count):
            partition = partition_of(sent.key.decode(), partitions)
            if batches[partition].append(key=sent.key, value=sent.value, timestamp=None) is None:
                await producer.send_batch(batches[partition], "touchpoints", partition=partition)
                batches[partition] = producer.create_batch()
                batches[partition].append(key=sent.key, value=sent.value, timestamp=None)
            filled[partition] += 1
        for partition, batch in enumerate(batches):
            await producer.send_batch(batch, "touchpoints", partition=partition)
    finally:
        await producer.stop()
    return filled


async def create_topic(bootstrap: str, name: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()


@contextlib.contextmanager
def running(arguments: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def measure_program(name: str, module: str, environment: Mapping[str, str]) -> Result:
    """Run a contestant that measures itself until it tells its result."""
    with running([module], environment) as process:
        # Faust prints a banner first.
        told = next((line for line in process.stdout or () if line.startswith("{")), None)
        if told is None:
            raise click.ClickException(f"{module} ended without a result (exit code {process.wait()})")
    return Result(name, **json.loads(told))


def measure_worker(environment: Mapping[str, str], view: redis.Redis, filled: list[int]) -> tuple[Result, dict[str, float]]:
    """Run the worker until Redis shows the last touchpoint of every partition. Gives the seconds of each step too."""
    goal = sum(filled)
    with running(["etapa", "run"], environment) as process:
        program = psutil.Process(process.pid)
        deadline = time.monotonic() + GIVE_UP_AFTER
        moments = [Moment(0, 0.0, 0.0)]
        while moments[-1].done < goal:
            if process.poll() is not None:
                raise click.ClickException(f"the worker ended early (exit code {process.returncode})")
            if time.monotonic() > deadline:
                raise click.ClickException(f"the worker did {moments[-1].done:,} of {goal:,} touchpoints in {GIVE_UP_AFTER:.0f} seconds")
            time.sleep(0.02)
            spent = program.cpu_times()
            moments.append(Moment(shown(view, len(filled)), time.perf_counter(), spent.user + spent.system))
        steps = step_seconds(environment["ETAPA_HTTP_PORT"])
    first, last = next(moment for moment in moments if moment.done), moments[-1]
    return Result("Etapa worker", last.done - first.done, last.at - first.at, last.cpu_seconds - first.cpu_seconds), steps


def shown(view: redis.Redis, partitions: int) -> int:
    """How many touchpoints the view includes: offsets begin at 0 and have no gaps, since nothing else is in the topic."""
    with view.pipeline(transaction=False) as pipeline:
        for partition in range(partitions):
            pipeline.hget(f"etapa:{{{partition}}}:mark", "through")
        return sum(int(through) + 1 for through in pipeline.execute() if through is not None)


def step_seconds(port: str) -> dict[str, float]:
    """Where the time of the batches went, as the worker itself tells."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return {sample.labels["step"]: sample.value for sample in families["etapa_batch_seconds"].samples if sample.name.endswith("_sum")}


@click.command()
@click.option("--touchpoints", "count", default=400_000, show_default=True, help="For the worker and the plain consumer.")
@click.option("--faust-touchpoints", "faust_count", default=20_000, show_default=True, help="For the Faust agent, which is slower.")
@click.option("--customers", default=20_000, show_default=True)
@click.option("--partitions", default=4, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(count: int, faust_count: int, customers: int, partitions: int, as_json: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Measure the worker, an idiomatic Faust agent and a plain consumer, side by side."""
    with tempfile.TemporaryDirectory(prefix="etapa-bench-") as folder, contextlib.ExitStack() as servers:
        kafka = KafkaServer(Path(folder) / "kafka")
        servers.callback(kafka.stop)
        kafka.start()
        store = RedisServer(Path(folder) / "redis")
        servers.callback(store.stop)
        store.start()
        worker = {
            "ETAPA_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "ETAPA_REDIS_URL": store.url,
            "ETAPA_PARTITIONS": str(partitions),
            "ETAPA_HTTP_PORT": str(free_ports(1)[0]),
            "ETAPA_LOG_LEVEL": "warning",
        }
        contestant = {"BENCH_KAFKA": kafka.bootstrap_servers, "BENCH_REDIS": store.url, "BENCH_PARTITIONS": str(partitions)}
        subprocess.run(
            [sys.executable, "-m", "etapa", "topics", "create"],
            cwd=ROOT,
            env={**os.environ, **worker},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        asyncio.run(create_topic(kafka.bootstrap_servers, "bench-stage-changes", partitions))
        click.echo(f"Making up {count:,} touchpoints of {customers:,} customers …", err=True)
        filled = asyncio.run(fill(kafka.bootstrap_servers, count, customers, partitions))
        click.echo("Measuring the plain consumer …", err=True)
        plain = measure_program("plain consumer", "bench.plain_consumer", {**contestant, "BENCH_TOUCHPOINTS": str(count)})
        click.echo("Measuring the worker …", err=True)
        etapa, steps = measure_worker(worker, store.client(), filled)
        click.echo("Measuring the Faust agent …", err=True)
        agent = measure_program("Faust agent", "bench.faust_app", {**contestant, "BENCH_TOUCHPOINTS": str(faust_count)})
    show([etapa, agent, plain], steps, as_json=as_json)


def show(results: list[Result], steps: Mapping[str, float], *, as_json: bool) -> None:
    etapa, agent, plain = results
    ratios = {"to_faust": etapa.per_second / agent.per_second, "to_plain": etapa.per_second / plain.per_second}
    if as_json:
        told = [result._asdict() | {"per_second": result.per_second, "cpu_microseconds": result.cpu_microseconds} for result in results]
        click.echo(json.dumps({"results": told, "ratios": ratios, "step_seconds": dict(steps)}))
        return
    click.echo(f"{'':16}{'touchpoints':>12}{'a second':>12}{'CPU µs each':>14}")
    for result in results:
        click.echo(f"{result.name:16}{result.touchpoints:>12,}{result.per_second:>12,.0f}{result.cpu_microseconds:>14.1f}")
    click.echo(
        f"\nThe worker does {ratios['to_faust']:.1f} times what the Faust agent does, and {ratios['to_plain']:.0%} of the plain consumer."
    )
    click.echo("Seconds of the worker by step: " + ", ".join(f"{step} {seconds:.2f}" for step, seconds in steps.items()))


if __name__ == "__main__":
    main()
