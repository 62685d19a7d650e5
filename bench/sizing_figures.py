"""The figures of docs/sizing.md: what was measured, and how the model compares with it."""

import math
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bench import recovery, scale
from bench.reporting.figures import RecoveryRun, Scaled
from bench.reporting.measured import KeptResults
from bench.reporting.report import Table
from bench.servers.place import ROOT
from etapa.rehearsal import measured, sizing
from etapa.rehearsal.sizing import SizingInput

EXAMPLE = ("sizing", "--events-per-second", "20000", "--customers", "5000000")
_CORES = (2, 4, 8)
_ONE = SizingInput(events_per_second=1, customers=1)


def example() -> str:
    """A command and what it prints."""
    said = subprocess.run([sys.executable, "-m", "etapa", *EXAMPLE], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return f"```console\n$ etapa {' '.join(EXAMPLE)}\n{said}```\n"


def constants_table(found: KeptResults) -> str:
    """What was measured of all that the model multiplies, from the model's own constants."""
    full = [sum(one["worker_cpu_seconds"]) / one["touchpoints"] * 1e6 for one in found.scale]
    rows = [
        [
            "a worker's CPU for a touchpoint, the only one of its customer in the batch",
            f"{measured.ALONE_MICROSECONDS:.1f} µs",
            "`make bench-growth`",
        ],
        ["… if the customer must also be read from Redis", f"{measured.COLD_MICROSECONDS:.1f} µs", "`make bench-growth`"],
        [
            "… if batches are full, with several touchpoints of most customers",
            f"{min(full):.1f} to {max(full):.1f} µs",
            "`make bench-scale`",
        ],
        ["a worker's memory", f"{measured.WORKER_BASE_BYTES / 1e6:.0f} MB", "`make bench-memory`"],
        ["… and for each customer that it keeps between batches", f"{measured.WORKER_BYTES_KEPT / 1e3:.2f} kB", "`make bench-memory`"],
        [
            "Redis' CPU for a touchpoint, the only one of its customer in the batch",
            f"{measured.REDIS_MICROSECONDS:.1f} µs",
            "`make bench-memory`, `make bench-growth`",
        ],
        [
            "customers a second with which one worker refills an empty Redis",
            f"{sizing.rebuilt_per_second(1, 1):,.0f}",
            "`make bench-recovery`",
        ],
        ["a customer's state", f"{measured.STATE_BYTES:.0f} bytes", "`make bench-memory`"],
        ["stage changes for each touchpoint", f"{measured.CHANGES:.2f}", "`make bench-scale`"],
        ["a stage change in its topic", f"{measured.CHANGE_BYTES:.0f} bytes", "`make bench-scale`"],
    ]
    return Table(["with the shipped journey", "", "measured by"], rows).as_markdown() + "\n"


def entry_table() -> str:
    """What a customer takes in Redis, part by part, and the sum, which depends on how full the tables are."""
    share, node, state = measured.TIMED_SHARE, sizing.SCORE_NODE, sizing.state_value_bytes(measured.STATE_BYTES)
    entry, slots, identity, stage = sizing.ENTRY, (8, 16), 16, 16
    of_stage, of_state, of_timer = ([entry + slot + identity + value for slot in slots] for value in (stage, state, node))
    timers = [share * each for each in of_timer]
    rows = [
        ["entry of the table, 24 bytes", *[f"{entry}"] * 3],
        ["slot in the table, 8 bytes; between half and nearly all slots are in use", *["8 to 16"] * 3],
        ["the id", *[f"{identity}"] * 3],
        [
            f"the value: stage id; state of {measured.STATE_BYTES:.0f} bytes on average; node of the sorted set",
            f"{stage}",
            f"{state:.0f}",
            f"{node:.0f}",
        ],
        [
            "for each customer",
            f"{of_stage[0]} to {of_stage[1]}",
            f"{of_state[0]:.0f} to {of_state[1]:.0f}",
            f"{timers[0]:.0f} to {timers[1]:.0f}, spread over all",
        ],
    ]
    sums = [a + b + c for a, b, c in zip(of_stage, of_state, timers, strict=True)]
    table = Table(["", "stage", "state", f"timers ({100 * share:.0f} % of customers)"], rows)
    return f"{table.as_markdown()}\n\nThe sum is {sums[0]:.0f} to {sums[1]:.0f} bytes.\n"


def state_fields(found: KeptResults) -> str:
    """The fields of a state that take most, in words."""
    of = found.memory["state"]["by_field"]
    times = sum(of[name] for name in ("due", "entered_at", "clock", "first_at"))
    return (
        f"A state has {found.memory['state']['mean']:.0f} bytes on average. Of these, the digests of the last 16 touchpoint ids take {of['recent']:.0f} bytes, what"
        f" conditions remember {of['memory']:.0f}, the last two changes {of['rule'] + of['before'] + of['stage']:.0f}, traits {of['traits']:.0f}, the ideal way {of['way']:.0f}, and times {times:.0f}.\n"
    )


def model_points(found: KeptResults) -> list[tuple[str, float, float]]:
    """What can be compared: name, predicted, measured."""
    points = [
        (
            f"Redis, bytes for each of {one['customers']:,} customers, {one['partitions']} partitions",
            sizing.redis_bytes_per_customer(one["customers"], one["partitions"]),
            one["used"],
        )
        for one in found.memory["view"]
    ]
    points.append(
        (
            "`customer-state` after compaction, bytes for each customer",
            sizing.compacted_bytes_per_customer(),
            found.memory["topic"]["compacted_bytes"],
        )
    )
    points += [
        (f"a worker that keeps {one['kept']:,} customers, MiB", sizing.worker_bytes(one["kept"]) / 2**20, one["resident_bytes"] / 2**20)
        for one in found.memory["worker"]
    ]
    written = sizing.bytes_per_touchpoint(_ONE)
    for topic in ("touchpoints", "stage-changes"):
        points.append(
            (f"`{topic}`, bytes for each touchpoint", written[topic], statistics.median(one["kafka_bytes"][topic] for one in found.scale))
        )
    rebuilt = statistics.median(one["customers"] / one["seconds"] for one in found.recovery["rebuild"])
    points.append(("customers a second that one worker rebuilds", sizing.rebuilt_per_second(1, 1), rebuilt))
    return points


def model_table(found: KeptResults) -> str:
    rows = []
    for name, predicted, found_so in model_points(found):
        digits = 0 if found_so >= 1_000 else 1
        rows.append([name, f"{predicted:,.{digits}f}", f"{found_so:,.{digits}f}", f"{round(100 * (predicted / found_so - 1)):+d} %"])
    return Table(["", "the model", "measured", ""], rows).as_markdown() + "\n"


def scale_table(found: KeptResults) -> str:
    runs: dict[tuple[str, int], list[Scaled]] = {}
    for one in msgspec.convert(found.scale, list[Scaled]):
        runs.setdefault((one.store, one.workers), []).append(one)
    return scale.table_of(runs).as_markdown() + "\n"


def cores_table(found: KeptResults) -> str:
    """What a machine with more cores carries, worked out from what workers, Redis and Kafka spent on a touchpoint on one Redis."""
    runs = [one for one in msgspec.convert(found.scale, list[Scaled]) if one.store == scale.SINGLE]
    worker = statistics.median(one.cpu_microseconds for one in runs)
    redis = statistics.median(sum(one.redis_cpu_seconds) / one.touchpoints * 1e6 for one in runs)
    kafka = statistics.median(one.kafka_cpu_seconds / one.touchpoints * 1e6 for one in runs)
    rows = []
    for cores in _CORES:
        # All cores busy, unless the one that Redis uses is full before.
        rate = min(cores * 1e6 / (worker + redis + kafka), 1e6 / redis)
        seen = [one.per_second for one in runs if cores == found.cores and one.workers == cores]
        rows.append(
            [
                f"{cores} cores",
                f"{math.ceil(rate * worker / 1e6)}",
                f"{rate:,.0f}",
                f"{rate * redis / 1e4:.0f} %",
                f"{statistics.median(seen):,.0f}" if seen else "",
            ]
        )
    about = f"A touchpoint took {worker:.1f} µs of a worker, {redis:.1f} of Redis and {kafka:.1f} of Kafka."
    return Table(["on paper", "workers", "touchpoints/s", "Redis busy", "measured"], rows).as_markdown() + f"\n\n*{about}*\n"


def recovery_table(found: KeptResults) -> str:
    runs: Mapping[str, Sequence[Any]] = found.recovery
    return recovery.table_of({name: msgspec.convert(each, list[RecoveryRun]) for name, each in runs.items()}).as_markdown() + "\n"
