"""Writes the figures of docs/performance.md and docs/sizing.md, and the constants of `etapa sizing`, from the results that are kept.

    python -m bench.page

So the pages and the model say what was measured. Everything between `<!-- figures: NAME -->` and `<!-- end of figures -->` is replaced.
"""

import importlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench import contest, growth, latency, sizing_figures
from bench.contestants.results import RunResult
from bench.reporting import figures
from bench.reporting.measured import MODULE, as_module, constants, kept_results
from bench.reporting.report import Table
from etapa.rehearsal import measured, sizing

_DOCS = Path(__file__).parents[1] / "docs"
PAGE = _DOCS / "performance.md"
SIZING_PAGE = _DOCS / "sizing.md"
PAGES = (PAGE, SIZING_PAGE)
RESULTS = Path(__file__).parent / "results"
_PLACE = re.compile(r"(<!-- figures: ([a-z-]+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def contest_figures(kept: Mapping[str, Any]) -> str:
    settings = kept["settings"]
    changes = ", ".join(f"{each} ({count} touchpoints)" for count, each in settings["changes_of_a_touchpoint"].items())
    about = (
        f"{settings['customers']:,} customers in {settings['partitions']} partitions, medians of {settings['rounds']} rounds. Stage changes"
        f" for each touchpoint: {changes}"
    )
    return _with_conditions(kept, about, contest.table_of(_runs(kept)))


def contest_verdicts(kept: Mapping[str, Any]) -> str:
    out = [f"- **{name}** did not take part in this run: {reason}." for name, reason in kept["results"]["out"].items()]
    return "\n".join([contest.verdicts(_runs(kept)), *out]) + "\n"


def _runs(kept: Mapping[str, Any]) -> contest.Runs:
    return msgspec.convert(kept["results"]["runs"], dict[str, list[RunResult]])


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


def rules_figures(kept: Mapping[str, Any]) -> str:
    return growth.rules_in_words(msgspec.convert(kept["results"]["curves"], list[figures.Curve]), 20, 200) + "\n"


def worst_figures(kept: Mapping[str, Any]) -> str:
    return growth.case_table(msgspec.convert(kept["results"]["cases"], list[growth.GrowthCase])).as_markdown() + "\n"


FIGURES: Mapping[str, Callable[[], str]] = {
    "contest": lambda: contest_figures(_kept("contest")),
    "contest-in-words": lambda: contest_verdicts(_kept("contest")),
    "latency": lambda: latency_figures(_kept("latency")),
    "growth": lambda: growth_figures(_kept("growth")),
    "growth-of-rules": lambda: rules_figures(_kept("growth")),
    "worst": lambda: worst_figures(_kept("growth")),
    "sizing-example": sizing_figures.example,
    "sizing-constants": lambda: sizing_figures.constants_table(kept_results()),
    "sizing-entry": sizing_figures.entry_table,
    "sizing-state": lambda: sizing_figures.state_fields(kept_results()),
    "sizing-model": lambda: sizing_figures.model_table(kept_results()),
    "sizing-scale": lambda: sizing_figures.scale_table(kept_results()),
    "sizing-cores": lambda: sizing_figures.cores_table(kept_results()),
    "sizing-recovery": lambda: sizing_figures.recovery_table(kept_results()),
}
"""By name."""


def filled(page: str) -> str:
    """The page with the figures of the results that are kept. Raises `KeyError` for figures that there are none of."""
    return _PLACE.sub(lambda place: place[1] + FIGURES[place[2]]() + place[3], page)


def _kept(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def _with_conditions(kept: Mapping[str, Any], about: str, table: Table) -> str:
    machine = kept["machine"]
    changed = ", with changes not committed" if machine["uncommitted_changes"] else ""
    return (
        f"{table.as_markdown()}\n\n*{about[0].upper()}{about[1:]}. {machine['cores']} cores ({machine['processor']}), load"
        f" {machine['load_before']:.1f} before it began, Python {machine['python']}, commit `{machine['commit'][:7]}`{changed}.*\n"
    )


def main() -> None:
    """Put the figures that are kept into the model and the pages."""
    MODULE.write_text(as_module(constants(kept_results())), encoding="utf-8")
    # The pages tell what the model makes of the new constants.
    importlib.reload(measured)
    importlib.reload(sizing)
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
