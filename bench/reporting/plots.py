"""Plots of what was measured, as PNG and SVG."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
# The same figures give the same file, so that git shows a difference only where there is one.
mpl.rcParams["svg.hashsalt"] = "etapa"

from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter  # noqa: E402

from bench.contestants.results import RunResult  # noqa: E402
from bench.measuring.view_memory import StateSizes, ViewMemory  # noqa: E402
from bench.reporting.figures import RecoveryRun, Scaled  # noqa: E402

_OURS, _OTHERS = "#c2410c", "#94a3b8"


def plot_contest(runs: Mapping[str, Sequence[RunResult]], folder: Path) -> None:
    """Two panels: touchpoints a second, and CPU for each. Logarithmic: there is more than one order of magnitude between them."""
    names = list(runs)
    colours = [_OURS if name.startswith("Etapa") else _OTHERS for name in names]
    figure, (speed, cost) = plt.subplots(1, 2, figsize=(11, 0.6 * len(names) + 1.4), sharey=True)
    for axes, title, values in (
        (speed, "touchpoints a second (longer is better)", [[result.per_second for result in runs[name]] for name in names]),
        (
            cost,
            "CPU µs for each touchpoint, warm (shorter is better)",
            [[result.cpu_microseconds for result in runs[name]] for name in names],
        ),
    ):
        medians = [statistics.median(each) for each in values]
        spread = [
            [median - min(each) for median, each in zip(medians, values, strict=True)],
            [max(each) - median for median, each in zip(medians, values, strict=True)],
        ]
        bars = axes.barh(names, medians, xerr=spread, color=colours, ecolor="#334155", capsize=3)
        axes.bar_label(bars, [f"{median:,.0f}" if median >= 100 else f"{median:.1f}" for median in medians], padding=6, fontsize=9)
        axes.set_xscale("log")
        # Over more than two orders of magnitude there is no room for more than one number in each.
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if max(medians) < 100 * min(medians) else (1.0,)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(axis="x", labelsize=8)
        axes.margins(x=0.25)
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    speed.invert_yaxis()
    save(figure, folder / "contest")


def plot_memory(views: Sequence[ViewMemory], sizes: StateSizes, folder: Path) -> None:
    """Two panels: what keys take in Redis, and what fields take in a state."""
    figure, (keys, fields) = plt.subplots(1, 2, figsize=(11, 4.4))
    names = [f"{one.partitions} partitions" for one in views]
    left = [0.0] * len(views)
    for kind, colour in zip(("state", "stage", "timers"), (_OURS, "#f59e0b", _OTHERS), strict=True):
        widths = [one.freed_by_key[kind] for one in views]
        bars = keys.barh(names, widths, left=left, color=colour, label=kind, height=0.5)
        keys.bar_label(bars, [f"{width:.0f}" for width in widths], label_type="center", fontsize=9)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    keys.axvline(400, color="#334155", linestyle="--", linewidth=1)
    keys.set_title(f"bytes in Redis for each of {views[0].customers:,} customers", fontsize=10)
    keys.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=3, frameon=False)
    by_size = sorted(sizes.by_field.items(), key=lambda item: -item[1])
    bars = fields.barh([name for name, _ in by_size], [size for _, size in by_size], color=_OURS)
    fields.bar_label(bars, [f"{size:.1f}" for _, size in by_size], padding=4, fontsize=8)
    fields.set_title(f"bytes of an encoded state, {sizes.mean:.0f} on average", fontsize=10)
    fields.invert_yaxis()
    for axes in (keys, fields):
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, folder / "memory")


def plot_recovery(runs: Mapping[str, Sequence[RecoveryRun]], folder: Path) -> None:
    """Customers for each second of CPU, and for each second, of reading alone and of a whole rebuild."""
    names = list(runs)
    figure, panels = plt.subplots(1, 2, figsize=(9, 2.4), sharey=True)
    for axes, title, values in zip(
        panels,
        ("customers a second of CPU", "customers a second"),
        ([[run.per_cpu_second for run in runs[name]] for name in names], [[run.per_second for run in runs[name]] for name in names]),
        strict=True,
    ):
        medians = [statistics.median(each) for each in values]
        bars = axes.barh(names, medians, color=[_OTHERS if name == "ceiling" else _OURS for name in names])
        axes.bar_label(bars, [f"{median:,.0f}" for median in medians], padding=4, fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.margins(x=0.25)
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].invert_yaxis()
    save(figure, folder / "recovery")


def plot_scale(runs: Mapping[tuple[str, int], Sequence[Scaled]], folder: Path) -> None:
    """Two panels over the number of workers: touchpoints a second, and where the CPU for each goes."""
    figure, (speed, cost) = plt.subplots(1, 2, figsize=(11, 3.8))
    for store, colour, style in zip(dict.fromkeys(store for store, _ in runs), (_OURS, "#475569"), ("o-", "s--"), strict=False):
        of_store = {workers: results for (kind, workers), results in runs.items() if kind == store}
        medians = [statistics.median(one.per_second for one in results) for results in of_store.values()]
        speed.plot(list(of_store), medians, style, color=colour, label=store)
    speed.set_ylim(bottom=0)
    speed.set_xticks(sorted({workers for _, workers in runs}))
    speed.set_xlabel("workers")
    speed.set_title("touchpoints a second", fontsize=10)
    speed.legend(frameon=False)
    names = [f"{workers} × {store.split(',')[0]}" for store, workers in runs]
    left = [0.0] * len(names)
    for label, colour in (("workers", _OURS), ("Redis", "#f59e0b"), ("Kafka", _OTHERS)):
        widths = [statistics.median(_microseconds(one)[label] for one in results) for results in runs.values()]
        cost.barh(names, widths, left=left, color=colour, label=label, height=0.6)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    cost.set_title("CPU µs for each touchpoint", fontsize=10)
    cost.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=3, frameon=False)
    cost.invert_yaxis()
    for axes in (speed, cost):
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, folder / "scale")


def _microseconds(one: Scaled) -> dict[str, float]:
    spent = {"workers": sum(one.worker_cpu_seconds), "Redis": sum(one.redis_cpu_seconds), "Kafka": one.kafka_cpu_seconds}
    return {name: seconds / one.touchpoints * 1e6 for name, seconds in spent.items()}


def save(figure: Figure, path: Path) -> None:
    """Write `path`.png and `path`.svg."""
    figure.tight_layout()
    figure.savefig(path.with_suffix(".png"), dpi=120, metadata={"Software": None})
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    plt.close(figure)
