"""What an installation needs, worked out from a few numbers about it. Arithmetic only: nothing is measured or asked here.

The constants were measured with `make bench-memory`, `make bench-scale` and `make bench-recovery` on the shipped journey; the page
`docs/sizing.md` says how well the model meets what was measured, and a test holds it to that. A journey of one's own has other
states and other changes: `etapa simulate` tells how many changes there are, and `bench/memory.py` how large states become.
"""

import math
from collections.abc import Mapping

import msgspec

from etapa.journey.units import DAY, HOUR, SECOND

STATE_BYTES = 182.0
"""Of an encoded customer state with ten touchpoints, on average (`bench/results/memory.json`, `state.mean`)."""

TIMED_SHARE = 0.47
"""Customers whose timer will strike (the same bench: those in discovery have none)."""

CHANGES = 0.35
"""Stage changes for each touchpoint (`make bench` tells it)."""

CHANGE_BYTES = 750.0
"""Of a stage change in its topic, with its reasons and headers, uncompressed (`bench/results/scale.json`, `kafka_bytes`)."""

STATES_WRITTEN = 1.0
"""States for each touchpoint at most. A batch writes each of its customers once, so it is half of that when batches are full (`scale.json`)."""

WORKER_MICROSECONDS = 15.0
"""CPU of a worker for each touchpoint when its batches are full, and hold several of many a customer (`bench/results/scale.json`)."""

ALONE_MICROSECONDS = 4.5
COLD_MICROSECONDS = 7.5
"""More when it is the only one of its customer in the batch, and when the customer is not in memory (`bench/results/growth.json`, the worst cases)."""

SKEW = 1 / 3
"""Of a share of the customers, the busiest ones, comes this power of it of all touchpoints, in the bench's shop: of a hundredth a fifth."""

REDIS_MICROSECONDS = 6.0
"""CPU of Redis for a touchpoint that has its customer for itself in the batch: 5 to write one that is new (`bench/results/memory.json`), 7 to
read it and write it again (`growth.json`). With several touchpoints of each customer in a batch it is a third of that (`scale.json`)."""

REBUILD_MICROSECONDS = 0.7
REBUILD_REDIS_MICROSECONDS = 4.3
"""For a customer that is taken from the log into an empty Redis: CPU of Redis, and what of a worker's 3.0 it does not spend meanwhile
(`bench/results/recovery.json`)."""

WORKER_BASE_BYTES = 125e6
WORKER_BYTES_KEPT = 1_270.0
"""A worker's resident memory: of the process, and of each customer that it keeps between batches (`bench/results/memory.json`)."""

BUSY = 0.6
"""How busy a core is planned to be, so that what was missed can be caught up with: a worker's, and a Redis node's, which both have one."""

REDIS_ROOM = 1.5
"""Memory of a Redis node beside its data: fragmentation, buffers, tables that grow, a copy while it saves."""

RECORD_OVERHEAD = 12.0
"""Of a record in a log, its share of the batch included."""

DIRTY = 1.25
"""A compacted topic beside what is live in it: `min.cleanable.dirty.ratio` is 0.2."""

SEGMENT_BYTES = 64 * 2**20
"""Of `customer-state`; the newest one of a partition is never compacted."""

_ENTRY = 32
_SCORE_NODE = 53.3
"""jemalloc's size of an entry of a hash (24 bytes), and of a node of a sorted set with 1.33 levels (24 and 16 for each level)."""


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an installation. Microseconds and bytes."""

    events_per_second: float
    customers: int
    partitions: int = 12
    id_characters: int = 9
    touchpoint_bytes: float = 292.0
    state_bytes: float = STATE_BYTES
    changes_per_touchpoint: float = CHANGES
    touchpoint_retention: float = 7 * DAY
    change_retention: float = 7 * DAY
    replication: int = 3
    redis_node_bytes: float = 8 * 2**30
    customers_in_memory: int = 50_000


class Sizing(msgspec.Struct, frozen=True, kw_only=True):
    """What it needs."""

    worker_microseconds: float
    """CPU for each touchpoint."""
    workers: int
    worker_memory_bytes: float
    """Of each."""
    redis_bytes_per_customer: float
    redis_bytes: float
    """Of data, over all nodes."""
    redis_nodes: int
    """Masters of a Cluster, or one; replicas are as many again."""
    kafka_in_bytes_per_second: Mapping[str, float]
    """Written by topic, before replication."""
    kafka_disk_bytes: Mapping[str, float]
    """By topic, with all replicas."""
    rebuild_seconds: float
    """Until an empty Redis is full again, by all workers."""
    warnings: tuple[str, ...]


def size(plan: Installation) -> Sizing:
    """The sizing for a plan."""
    in_memory = min(1.0, plan.customers_in_memory * plan.partitions / plan.customers)
    microseconds = worker_microseconds(1 - in_memory**SKEW)
    workers = max(1, math.ceil(plan.events_per_second * microseconds / 1e6 / BUSY))
    per_customer = redis_bytes_per_customer(plan.customers, plan.partitions, plan.id_characters, plan.state_bytes)
    redis_bytes = per_customer * plan.customers
    nodes_by_memory = redis_bytes * REDIS_ROOM / plan.redis_node_bytes
    nodes_by_cpu = plan.events_per_second * REDIS_MICROSECONDS / 1e6 / BUSY
    nodes = _cluster(math.ceil(max(nodes_by_memory, nodes_by_cpu)))
    kept = min(plan.customers, plan.customers_in_memory * plan.partitions) / min(workers, plan.partitions)
    written = bytes_per_touchpoint(plan)
    per_second = {topic: size * plan.events_per_second for topic, size in written.items()}
    live = plan.customers * compacted_bytes_per_customer(plan.state_bytes, plan.id_characters)
    disk = {
        "touchpoints": per_second["touchpoints"] * plan.touchpoint_retention / SECOND,
        "stage-changes": per_second["stage-changes"] * plan.change_retention / SECOND,
        "customer-state": live * DIRTY + min(per_second["customer-state"] * 6 * HOUR / SECOND, plan.partitions * SEGMENT_BYTES),
    }
    warnings = []
    if workers > plan.partitions:
        warnings.append(f"{workers} workers cannot share {plan.partitions} partitions: make at least {workers}, better a few times as many")
    if nodes_by_cpu > plan.partitions:
        warnings.append("more Redis nodes than partitions are of no use: a partition is on one node")
    return Sizing(
        worker_microseconds=microseconds,
        workers=workers,
        worker_memory_bytes=worker_bytes(kept),
        redis_bytes_per_customer=per_customer,
        redis_bytes=redis_bytes,
        redis_nodes=nodes,
        kafka_in_bytes_per_second=per_second,
        kafka_disk_bytes={topic: size * plan.replication for topic, size in disk.items()},
        rebuild_seconds=plan.customers / rebuilt_per_second(min(workers, plan.partitions), nodes),
        warnings=tuple(warnings),
    )


def worker_microseconds(cold: float) -> float:
    """CPU of a worker for a touchpoint that has its customer for itself in the batch. `cold`: what share of them meets a customer not in memory."""
    return WORKER_MICROSECONDS + ALONE_MICROSECONDS + cold * COLD_MICROSECONDS


def redis_bytes_per_customer(customers: int, partitions: int, id_characters: int = 9, state_bytes: float = STATE_BYTES) -> float:
    """All keys. A customer is an entry of two hashes, and of a sorted set if its timer will strike."""
    identity = _allocated(id_characters + (2 if id_characters < 32 else 4))
    stage = _ENTRY + identity + _allocated(16) + _slots(customers / partitions)
    # A string of this size has a head of four bytes, and is rounded up by 20 on average: sizes are 32 and more apart.
    state = _ENTRY + identity + state_bytes + 4 + 20 + _slots(customers / partitions)
    timer = _ENTRY + identity + _SCORE_NODE + _slots(customers / partitions * TIMED_SHARE)
    return stage + state + TIMED_SHARE * timer


def compacted_bytes_per_customer(state_bytes: float = STATE_BYTES, id_characters: int = 9) -> float:
    """Of a customer's one live record in `customer-state`, uncompressed."""
    return state_bytes + id_characters + RECORD_OVERHEAD


def bytes_per_touchpoint(plan: Installation) -> dict[str, float]:
    """Written to each topic for a touchpoint, before replication and uncompressed."""
    state = compacted_bytes_per_customer(plan.state_bytes, plan.id_characters)
    return {
        "touchpoints": plan.touchpoint_bytes + plan.id_characters + RECORD_OVERHEAD,
        "stage-changes": plan.changes_per_touchpoint * CHANGE_BYTES,
        "customer-state": STATES_WRITTEN * state,
    }


def rebuilt_per_second(workers: int, redis_nodes: int) -> float:
    """Customers that so many workers take from the log into an empty Redis. One worker waits for Redis now and then, and the other way round."""
    alone = 1e6 / (REBUILD_MICROSECONDS + REBUILD_REDIS_MICROSECONDS)
    return min(workers * alone, redis_nodes * 1e6 / REBUILD_REDIS_MICROSECONDS)


def worker_bytes(customers_kept: float) -> float:
    """A worker's resident memory when it keeps so many customers between batches, over all its partitions."""
    return WORKER_BASE_BYTES + customers_kept * WORKER_BYTES_KEPT


def _slots(entries: float) -> float:
    """Bytes of a table for each entry: 8 for a slot, of which there are as many as the next power of two."""
    slots: float = 2.0 ** math.ceil(math.log2(max(4.0, entries)))
    return 8 * slots / max(1.0, entries)


def _allocated(size: int) -> int:
    """What jemalloc takes for a small string: multiples of 16."""
    return -(-size // 16) * 16


def _cluster(nodes: int) -> int:
    """One node, or the three that a Cluster has at least."""
    return 1 if nodes <= 1 else max(3, nodes)
