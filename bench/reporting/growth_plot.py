"""The plots of `bench.growth`: a panel for each thing that grows."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot as plt

from bench.reporting.figures import Curve
from bench.reporting.plots import save


def plot_growth(curves: Sequence[Curve], folder: Path) -> None:
    """CPU for each touchpoint over what grows, both logarithmic: a straight line along the diagonal is growth in proportion."""
    sections = list(dict.fromkeys(curve.section for curve in curves))
    columns = 3
    figure, panels = plt.subplots(-(-len(sections) // columns), columns, figsize=(13, 3.6 * -(-len(sections) // columns)), squeeze=False)
    for axes in panels.flat[len(sections) :]:
        axes.set_visible(False)
    for section, axes in zip(sections, panels.flat, strict=False):
        lines = [curve for curve in curves if curve.section == section]
        for curve in lines:
            axes.plot(
                [point.x for point in curve.points], [point.cpu for point in curve.points], marker="o", markersize=4, label=curve.name
            )
        points = [point for curve in lines for point in curve.points]
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(min(point.cpu for point in points) / 3, max(point.cpu for point in points) * 3)
        ticks = sorted({point.x for point in points})
        axes.set_xticks(
            ticks, [f"{x // 1000}k" if 1000 <= x < 10**6 else f"{x // 10**6}M" if x >= 10**6 else str(x) for x in ticks], fontsize=8
        )
        axes.minorticks_off()
        low, high = axes.get_ylim()
        values = [value for power in range(-1, 5) for value in (10.0**power, 2 * 10.0**power, 5 * 10.0**power) if low <= value <= high]
        axes.set_yticks(values, [f"{value:g}" for value in values], fontsize=8)
        axes.set_title(section, fontsize=10)
        axes.set_ylabel("CPU µs", fontsize=9)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    save(figure, folder / "growth")
