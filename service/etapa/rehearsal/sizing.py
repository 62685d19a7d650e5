"""Calculates what an installation needs from a few numbers about it. Arithmetic only: it measures nothing and contacts no server.

What was measured, on the shipped journey, is in `etapa.rehearsal.measured`; `docs/sizing.md` compares the model with the measurements, and a test
keeps both together. Another journey has other states and changes: `etapa simulate` counts the changes, and `bench/memory.py` measures the states.
"""

import math
from collections.abc import Mapping

import msgspec

from etapa.journey.units import DAY, HOUR, SECOND
from etapa.rehearsal import measured

STATES_WRITTEN = 1.0
"""States written for each touchpoint, at most. A batch writes each of its customers once, so full batches write half as many (`scale.json`)."""

SKEW = 1 / 3
"""The busiest share `s` of the customers sends `s ** SKEW` of all touchpoints: the busiest hundredth sends a fifth (the bench's shop)."""

BUSY = 0.6
"""How busy a core may be in the plan, so that a backlog can be worked off. A worker and a Redis node use one core each."""

REDIS_ROOM = 1.5
"""Memory of a Redis node as a multiple of its data: fragmentation, buffers, growing tables, the copy while it saves."""

RECORD_OVERHEAD = 12.0
"""Bytes of overhead for each record in a log, including its share of the batch header."""

DIRTY = 1.25
"""Size of a compacted topic as a multiple of its live records: `min.cleanable.dirty.ratio` is 0.2."""

SEGMENT_BYTES = 64 * 2**20
"""Of `customer-state`; the newest one of a partition is never compacted."""

ENTRY = 32
SCORE_NODE = 53.3
"""What jemalloc allocates for a hash entry (24 bytes), and for a sorted-set node with 1.33 levels on average (24 bytes and 16 for each level)."""


class SizingInput(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about an installation. Times are in microseconds, sizes in bytes."""

    events_per_second: float
    customers: int
    partitions: int = 12
    id_characters: int = 9
    touchpoint_bytes: float = 292.0
    state_bytes: float = measured.STATE_BYTES
    changes_per_touchpoint: float = measured.CHANGES
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
    """Size of the data over all nodes."""
    redis_nodes: int
    """A single node, or the masters of a Cluster; replicas come on top."""
    kafka_in_bytes_per_second: Mapping[str, float]
    """Bytes written a second by topic, before replication."""
    kafka_disk_bytes: Mapping[str, float]
    """Bytes on disk by topic, with all replicas."""
    rebuild_seconds: float
    """Seconds until all workers together have refilled an empty Redis."""
    warnings: tuple[str, ...]


def size(plan: SizingInput) -> Sizing:
    """The sizing for a plan."""
    in_memory = min(1.0, plan.customers_in_memory * plan.partitions / plan.customers)
    microseconds = worker_microseconds(1 - in_memory**SKEW)
    workers = max(1, math.ceil(plan.events_per_second * microseconds / 1e6 / BUSY))
    per_customer = redis_bytes_per_customer(plan.customers, plan.partitions, plan.id_characters, plan.state_bytes)
    redis_bytes = per_customer * plan.customers
    nodes_by_memory = redis_bytes * REDIS_ROOM / plan.redis_node_bytes
    nodes_by_cpu = plan.events_per_second * measured.REDIS_MICROSECONDS / 1e6 / BUSY
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
        warnings.append(
            f"{workers} workers cannot share {plan.partitions} partitions: use at least {workers} partitions, better several times as many"
        )
    if nodes_by_cpu > plan.partitions:
        warnings.append("more Redis nodes than partitions are no use, because each partition is on a single node")
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
    """Worker CPU for a touchpoint whose customer has no other one in the batch. `cold`: the share whose customer is not in memory."""
    return (1 - cold) * measured.ALONE_MICROSECONDS + cold * measured.COLD_MICROSECONDS


def redis_bytes_per_customer(customers: int, partitions: int, id_characters: int = 9, state_bytes: float = measured.STATE_BYTES) -> float:
    """Bytes for each customer in all keys: an entry in two hashes, and in a sorted set if there is a timer."""
    identity = _allocated(id_characters + (2 if id_characters < 32 else 4))
    stage = ENTRY + identity + _allocated(16) + _slots(customers / partitions)
    state = ENTRY + identity + state_value_bytes(state_bytes) + _slots(customers / partitions)
    timer = ENTRY + identity + SCORE_NODE + _slots(customers / partitions * measured.TIMED_SHARE)
    return stage + state + measured.TIMED_SHARE * timer


def state_value_bytes(state_bytes: float) -> float:
    """What jemalloc allocates for a state: a string of this size has a header of four bytes, and is rounded up by 20 on average, since sizes are
    at least 32 apart.
    """
    return state_bytes + 4 + 20


def compacted_bytes_per_customer(state_bytes: float = measured.STATE_BYTES, id_characters: int = 9) -> float:
    """Size of a customer's single live record in `customer-state`, uncompressed."""
    return state_bytes + id_characters + RECORD_OVERHEAD


def bytes_per_touchpoint(plan: SizingInput) -> dict[str, float]:
    """Bytes written to each topic for a touchpoint, before replication and uncompressed."""
    state = compacted_bytes_per_customer(plan.state_bytes, plan.id_characters)
    return {
        "touchpoints": plan.touchpoint_bytes + plan.id_characters + RECORD_OVERHEAD,
        "stage-changes": plan.changes_per_touchpoint * measured.CHANGE_BYTES,
        "customer-state": STATES_WRITTEN * state,
    }


def rebuilt_per_second(workers: int, redis_nodes: int) -> float:
    """Customers a second that this many workers load from the log into an empty Redis. A single worker and Redis sometimes wait for each other."""
    alone = 1e6 / (measured.REBUILD_MICROSECONDS + measured.REBUILD_REDIS_MICROSECONDS)
    return min(workers * alone, redis_nodes * 1e6 / measured.REBUILD_REDIS_MICROSECONDS)


def worker_bytes(customers_kept: float) -> float:
    """A worker's resident memory when it keeps this many customers between batches, over all its partitions."""
    return measured.WORKER_BASE_BYTES + customers_kept * measured.WORKER_BYTES_KEPT


def _slots(entries: float) -> float:
    """Bytes of a hash table for each entry: slots of 8 bytes, whose number is the next power of two."""
    slots: float = 2.0 ** math.ceil(math.log2(max(4.0, entries)))
    return 8 * slots / max(1.0, entries)


def _allocated(size: int) -> int:
    """What jemalloc allocates for a small string: multiples of 16."""
    return -(-size // 16) * 16


def _cluster(nodes: int) -> int:
    """One node, or at least the three of a Cluster."""
    return 1 if nodes <= 1 else max(3, nodes)
