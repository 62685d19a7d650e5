"""What customers take in Redis: all keys together, each kind of key, and the fields of the state."""

from collections.abc import Mapping, Sequence

import msgspec
import redis

from bench.servers.place import BenchPlace
from bench.workload.population import Population
from etapa.contracts.stored.in_common import InCommon
from etapa.contracts.stored.state_layout import StateLayout
from etapa.settings.reading import load_settings
from etapa.stream.protocol.ports import VIEW_FORMAT, ViewMark
from etapa.stream.protocol.records import Applied
from etapa.stream.redis.client import connect, disconnect
from etapa.stream.redis.view import RedisView
from tests.servers.processes import wait_until

KEYS = ("stage", "state", "timers", "counts", "mark")
BATCH = 5_000
SETTLE_SECONDS = 60.0


class ViewMemory(msgspec.Struct, frozen=True):
    """Bytes for each customer."""

    customers: int
    partitions: int
    used: float
    """By how much `used_memory` grew."""
    freed_by_key: Mapping[str, float]
    """By how much it shrinks when the keys of one kind are removed: their real size."""
    told_by_key: Mapping[str, float]
    """What `MEMORY USAGE` says of them, which leaves out what the allocator rounds up."""
    fragmentation: float
    """The process's resident memory beside `used_memory`."""
    apply_redis_cpu_microseconds: float
    """What applying a customer cost Redis."""


class StateSizes(msgspec.Struct, frozen=True):
    """Bytes of encoded states."""

    mean: float
    median: int
    ninth_decile: int
    ninety_ninth_percentile: int
    largest: int
    by_field: Mapping[str, float]
    """Mean bytes of each field; the rest is the array's head."""


async def fill_view(place: BenchPlace, group: str, halls: Sequence[Sequence[Applied]], common: InCommon) -> None:
    """Apply customers through the worker's own code, in batches of the worker's size."""
    settings = load_settings({**place.worker_environment(group, "touchpoints"), "ETAPA_REDIS_TIMEOUT": "60s"}, {})
    client = connect(settings)
    try:
        for number, customers in enumerate(halls):
            view = RedisView(settings, client, number)
            follows = None
            for start in range(0, len(customers), BATCH):
                offset = start + BATCH
                mark = ViewMark(offset, offset, offset, group, len(halls), VIEW_FORMAT, memories=common.memories, names=common.names)
                await view.apply(follows, mark, customers[start : start + BATCH])
                follows = offset
    finally:
        await disconnect(client)


def touched(store: redis.Redis, group: str, halls: Sequence[Sequence[Applied]]) -> None:
    """Read every customer once, as traffic does sooner or later: tables that grew move on with every read and write, and not by themselves."""
    for number, customers in enumerate(halls):
        for start in range(0, len(customers), BATCH):
            ids = [one.customer_id for one in customers[start : start + BATCH]]
            for kind in ("stage", "state"):
                store.hmget(f"{group}:{{{number}}}:{kind}", ids)


def weighed(store: redis.Redis, group: str, customers: int, partitions: int, before: int, cpu_seconds: float) -> ViewMemory:
    """Weigh a view that was just filled, by taking it apart."""
    filled = settled_memory(store)
    resident = int(store.info("memory")["used_memory_rss"])
    told: dict[str, float] = {}
    freed: dict[str, float] = {}
    for kind in KEYS:
        keys = [f"{group}:{{{partition}}}:{kind}" for partition in range(partitions)]
        told[kind] = sum(store.memory_usage(key, samples=0) or 0 for key in keys) / customers
        now = settled_memory(store)
        store.delete(*keys)
        freed[kind] = (now - settled_memory(store)) / customers
    return ViewMemory(customers, partitions, (filled - before) / customers, freed, told, resident / filled, cpu_seconds / customers * 1e6)


def settled_memory(store: redis.Redis) -> int:
    """`used_memory` once two looks at it agree: tables that grew are still being moved for a while."""
    seen = [0]

    def is_settled() -> bool:
        seen.append(int(store.info("memory")["used_memory"]))
        return abs(seen[-1] - seen[-2]) < 50_000

    wait_until(is_settled, SETTLE_SECONDS, "a settled memory of Redis", poll=0.5)
    return seen[-1]


def redis_cpu(store: redis.Redis) -> float:
    told = store.info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


def sizes_of(population: Population) -> StateSizes:
    sizes = sorted(map(len, population.states()))
    count = len(sizes)
    by_field: dict[str, float] = {}
    for state in population.states():
        items = msgspec.msgpack.decode(state)
        for name, item in zip(FIELDS, items, strict=False):
            by_field[name] = by_field.get(name, 0) + len(msgspec.msgpack.encode(item)) / count
    return StateSizes(sum(sizes) / count, sizes[count // 2], sizes[count * 9 // 10], sizes[count * 99 // 100], sizes[-1], by_field)


FIELDS = ("format", *StateLayout.__struct_fields__)
