"""Writes the tables of docs/performance.md from the results that are kept, so that the page says what was measured.

    python -m bench.page

Everything between `<!-- figures: NAME -->` and `<!-- end of figures -->` is replaced.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench import contest, growth, latency
from bench.contestants.results import RunResult
from bench.reporting import figures
from bench.reporting.report import Table

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
RESULTS = Path(__file__).parent / "results"
_PLACE = re.compile(r"(<!-- figures: ([a-z-]+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def contest_figures(kept: Mapping[str, Any]) -> str:
    settings = kept["settings"]
    fewer = f" ({settings['short']:,} for Faust one by one)" if "Faust, one by one" in kept["results"] else ""
    about = (
        f"{settings['touchpoints']:,} touchpoints of {settings['customers']:,} customers in {settings['partitions']} partitions{fewer},"
        f" {settings['changes_of_a_touchpoint']} stage changes for each, medians of {settings['rounds']} rounds"
    )
    return _with_conditions(kept, about, contest.table_of(msgspec.convert(kept["results"], dict[str, list[RunResult]])))


def latency_figures(kept: Mapping[str, Any]) -> str:
    settings = kept["settings"]
    about = (
        f"{settings['rate']:,} touchpoints a second for {settings['seconds']:g} seconds, {settings['partitions']} partitions, medians of"
        f" {settings['rounds']} rounds, brokers that speak transaction protocol {settings['protocol']}"
        + (", given the cores before other work" if settings["preferred"] else "")
    )
    return _with_conditions(kept, about, latency.table_of(kept["results"]["milliseconds"]))


def growth_figures(kept: Mapping[str, Any]) -> str:
    settings = kept["settings"]
    about = (
        f"rules and windows: the {settings['statistic']} of {settings['rounds']} runs of {settings['in_process']:,} touchpoints, no servers; all else:"
        f" {settings['portion']:,} touchpoints on the worker"
    )
    about += "".join(
        f" ({section}: later, load {machine['load_before']:.1f}, commit `{machine['commit'][:7]}`)"
        for section, machine in kept.get("measured_later", {}).items()
    )
    return _with_conditions(kept, about, growth.curve_table(msgspec.convert(kept["results"]["curves"], list[figures.Curve])))


def worst_figures(kept: Mapping[str, Any]) -> str:
    return growth.case_table(msgspec.convert(kept["results"]["cases"], list[growth.GrowthCase])).as_markdown() + "\n"


FIGURES: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "contest": ("contest.json", contest_figures),
    "latency": ("latency.json", latency_figures),
    "growth": ("growth.json", growth_figures),
    "worst": ("growth.json", worst_figures),
}
"""By name: the file that holds the results, and how they are told."""


def filled(page: str) -> str:
    """The page with the figures of the results that are kept. Raises `KeyError` for figures that there are none of."""

    def figures(place: re.Match[str]) -> str:
        file, told = FIGURES[place[2]]
        return place[1] + told(json.loads((RESULTS / file).read_text(encoding="utf-8"))) + place[3]

    return _PLACE.sub(figures, page)


def _with_conditions(kept: Mapping[str, Any], about: str, table: Table) -> str:
    machine = kept["machine"]
    changed = ", with changes not committed" if machine["uncommitted_changes"] else ""
    return (
        f"{table.as_markdown()}\n\n*{about[0].upper()}{about[1:]}. {machine['cores']} cores ({machine['processor']}), load"
        f" {machine['load_before']:.1f} before it began, Python {machine['python']}, commit `{machine['commit'][:7]}`{changed}.*\n"
    )


def main() -> None:
    """Put the figures that are kept into the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
