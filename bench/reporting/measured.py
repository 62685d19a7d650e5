"""The constants of `etapa sizing`, worked out from the results that are kept, so that they cannot go stale by themselves."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

MODULE = Path(__file__).parents[2] / "service" / "etapa" / "rehearsal" / "measured.py"
RESULTS = Path(__file__).parents[1] / "results"
_NIL, _INTEGER = 1, 9
"""Bytes of a field of MessagePack that is empty, and of one with a time."""


class KeptResults(NamedTuple):
    """What benches found, as their files hold it."""

    memory: Mapping[str, Any]
    scale: Sequence[Mapping[str, Any]]
    recovery: Mapping[str, Any]
    growth_cases: Mapping[str, Mapping[str, float]]
    """The worst cases of growth, by name."""
    changes: float
    """Stage changes of a touchpoint in the run of `scale`."""
    cores: int
    """Of the machine that ran `scale`."""


class SizingConstant(NamedTuple):
    """A constant of the model: its name, its value, and what it is, as a docstring says it."""

    name: str
    value: float
    about: str


def kept_results() -> KeptResults:
    kept = {name: json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in ("memory", "scale", "recovery", "growth")}
    return KeptResults(
        kept["memory"]["results"],
        kept["scale"]["results"],
        kept["recovery"]["results"],
        {case["name"]: case for case in kept["growth"]["results"]["cases"]},
        kept["scale"]["settings"]["changes_of_a_touchpoint"],
        kept["scale"]["machine"]["cores"],
    )


def constants(found: KeptResults) -> list[SizingConstant]:
    """All of them, rounded to three digits."""
    cold, alone = (found.growth_cases[name] for name in (COLD, ALONE))
    written = statistics.median(one["kafka_bytes"]["stage-changes"] for one in found.scale)
    base, each = _line([(one["kept"], one["resident_bytes"]) for one in found.memory["worker"]])
    rebuilt = found.recovery["rebuild"]
    rebuild_redis = statistics.median(one["redis_cpu_seconds"] / one["customers"] for one in rebuilt) * 1e6
    rebuild = statistics.median(one["seconds"] / one["customers"] for one in rebuilt) * 1e6
    new_in_redis = statistics.median(one["apply_redis_cpu_microseconds"] for one in found.memory["view"])
    told = [
        SizingConstant(
            "STATE_BYTES",
            found.memory["state"]["mean"],
            "Average size of an encoded customer state after ten touchpoints (`bench-memory`).",
        ),
        SizingConstant(
            "TIMED_SHARE",
            (found.memory["state"]["by_field"]["due"] - _NIL) / (_INTEGER - _NIL),
            "Share of customers that have a timer (`bench-memory`).",
        ),
        SizingConstant("CHANGES", found.changes, "Stage changes for each touchpoint (`bench-scale`)."),
        SizingConstant(
            "CHANGE_BYTES",
            written / found.changes,
            "Size of a stage change in its topic, with its reasons and headers, uncompressed (`bench-scale`).",
        ),
        SizingConstant(
            "ALONE_MICROSECONDS",
            alone["cpu"],
            "Worker CPU for a touchpoint when no other one in the batch is from the same customer (`bench-growth`).",
        ),
        SizingConstant(
            "COLD_MICROSECONDS", cold["cpu"], "The same when the customer is not in memory and is read from Redis (`bench-growth`)."
        ),
        SizingConstant(
            "REDIS_MICROSECONDS",
            statistics.mean([new_in_redis, alone["redis_cpu"], cold["redis_cpu"]]),
            "Redis CPU for a touchpoint whose customer has no other one in the batch: the mean of a new, a known and a read customer.",
        ),
        SizingConstant(
            "REBUILD_REDIS_MICROSECONDS",
            rebuild_redis,
            "Redis CPU for each customer that is loaded from the log into an empty Redis (`bench-recovery`).",
        ),
        SizingConstant(
            "REBUILD_MICROSECONDS",
            max(0.0, rebuild - rebuild_redis),
            "What a worker takes for it beyond that: the part that does not overlap (`bench-recovery`).",
        ),
        SizingConstant("WORKER_BASE_BYTES", base, "A worker's resident memory without customers (`bench-memory`)."),
        SizingConstant("WORKER_BYTES_KEPT", each, "What is added for each customer that it keeps between batches (`bench-memory`)."),
    ]
    return [constant._replace(value=_rounded(constant.value)) for constant in told]


ALONE = "the same once more, all in memory"
COLD = "cold customers, each touchpoint another, all in Redis"


def as_module(told: Sequence[SizingConstant]) -> str:
    """The source of `etapa.rehearsal.measured`."""
    lines = [f'{constant.name} = {constant.value!r}\n"""{constant.about}"""\n' for constant in told]
    return '"""What was measured on the shipped journey. Written by `make bench-page` from bench/results; do not edit."""\n\n' + "\n".join(
        lines
    )


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The straight line that is closest to the points (least squares): its value at 0 and its slope."""
    slope, intercept = statistics.linear_regression(*zip(*points, strict=True))
    return intercept, slope


def _rounded(value: float) -> float:
    return round(value, 2 - math.floor(math.log10(abs(value)))) if value else 0.0
