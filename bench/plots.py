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

from bench.contestants import Result  # noqa: E402

_OURS, _OTHERS = "#c2410c", "#94a3b8"


def plot_contest(runs: Mapping[str, Sequence[Result]], folder: Path) -> None:
    """Two panels: touchpoints a second, and CPU for each. Logarithmic: there is more than one order of magnitude between them."""
    names = list(runs)
    colours = [_OURS if name.startswith("Etapa") else _OTHERS for name in names]
    figure, (speed, cost) = plt.subplots(1, 2, figsize=(11, 0.6 * len(names) + 1.4), sharey=True)
    for axes, title, values in (
        (speed, "touchpoints a second (longer is better)", [[result.per_second for result in runs[name]] for name in names]),
        (cost, "CPU µs for each touchpoint (shorter is better)", [[result.cpu_microseconds for result in runs[name]] for name in names]),
    ):
        medians = [statistics.median(each) for each in values]
        spread = [
            [median - min(each) for median, each in zip(medians, values, strict=True)],
            [max(each) - median for median, each in zip(medians, values, strict=True)],
        ]
        bars = axes.barh(names, medians, xerr=spread, color=colours, ecolor="#334155", capsize=3)
        axes.bar_label(bars, [f"{median:,.0f}" if median >= 100 else f"{median:.1f}" for median in medians], padding=6, fontsize=9)
        axes.set_xscale("log")
        axes.margins(x=0.25)
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    speed.invert_yaxis()
    save(figure, folder / "contest")


def save(figure: Figure, path: Path) -> None:
    """Write `path`.png and `path`.svg."""
    figure.tight_layout()
    figure.savefig(path.with_suffix(".png"), dpi=120, metadata={"Software": None})
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    plt.close(figure)
