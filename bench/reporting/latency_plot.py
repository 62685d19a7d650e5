"""The plot of `bench.latency`: what share of changes could be read within how many milliseconds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib import pyplot as plt

from bench.reporting.plots import save


def plot_latency(curves: Mapping[str, Sequence[float]], folder: Path) -> None:
    """One curve for each contestant. The upright axis stretches towards 100 %, because that is where it matters."""
    figure, axes = plt.subplots(figsize=(8, 4.5))
    for name, milliseconds in curves.items():
        last = len(milliseconds) - 1
        left_over = [max(1 - place / last, 0.5 / last) for place in range(len(milliseconds))]
        axes.plot(
            milliseconds,
            left_over,
            label=name,
            color="#c2410c" if name.startswith("Etapa") else None,
            linewidth=2 if name.startswith("Etapa") else 1.3,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.invert_yaxis()
    axes.set_yticks([1, 0.5, 0.1, 0.05, 0.01, 0.001], ["0 %", "50 %", "90 %", "95 %", "99 %", "99.9 %"])
    axes.minorticks_off()
    ticks = [tick for tick in (5, 10, 20, 50, 100, 200, 500, 1000, 2000) if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xlabel("milliseconds from the touchpoint to the committed change")
    axes.set_ylabel("changes that could be read by then")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    save(figure, folder / "latency")
