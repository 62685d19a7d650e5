"""How much memory a worker takes, by how many customers it keeps between batches (`ETAPA_CUSTOMERS_IN_MEMORY`, for each partition)."""

import asyncio
import time
from collections.abc import Sequence

import msgspec
import psutil

from bench.contestants.lineup import shown
from bench.contestants.results import ContestError
from bench.contestants.watching import GIVE_UP_AFTER
from bench.servers.place import BenchPlace, create_worker_topics, fill, running
from bench.servers.seeded import seed
from bench.workload.population import Population
from bench.workload.touchpoints import KeyAndValue
from etapa.contracts.rfc3339 import format_time
from etapa.settings.reading import load_settings


class WorkerMemory(msgspec.Struct, frozen=True):
    kept: int
    """The setting."""
    resident_bytes: int
    """Of the worker's process at its largest, after a touchpoint of each customer."""
    customers: int


def worker_memory(place: BenchPlace, population: Population, customers: int, kept: Sequence[int]) -> list[WorkerMemory]:
    """Every customer has a state of ten touchpoints already, and gets one more."""
    everybody = list(population.many(customers))
    now = format_time(time.time_ns() // 1000)
    touchpoints = [
        KeyAndValue(
            one.customer_id.encode(),
            msgspec.json.encode({"id": f"more-{number}", "customer_id": one.customer_id, "type": "page_view", "occurred_at": now}),
        )
        for number, one in enumerate(everybody)
    ]
    asyncio.run(fill(place, "memory-touchpoints", touchpoints))
    measured = []
    for number in kept:
        environment = {**place.worker_environment(f"keeps-{number}", "memory-touchpoints"), "ETAPA_CUSTOMERS_IN_MEMORY": str(number)}
        settings = load_settings(environment, {})
        create_worker_topics(environment)
        asyncio.run(seed(settings, 0, 1, everybody, population))
        with running(["etapa", "run"], environment) as process:
            measured.append(WorkerMemory(number, _largest(place, settings.group, process.pid, customers), customers))
        with place.redis() as store:
            store.flushall()
    return measured


def _largest(place: BenchPlace, group: str, pid: int, goal: int) -> int:
    program = psutil.Process(pid)
    largest = 0
    deadline = time.monotonic() + GIVE_UP_AFTER
    with place.redis() as view:
        while shown(view, group, 1) < goal:
            if time.monotonic() > deadline or not program.is_running():
                raise ContestError("the worker did not finish")
            time.sleep(0.2)
            largest = max(largest, program.memory_info().rss)
    return max(largest, program.memory_info().rss)
