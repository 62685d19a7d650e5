"""The report as tables for a terminal."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from etapa.commands.terminal.text_tables import table
from etapa.contracts.rfc3339 import format_time
from etapa.hosting.foreign_text import printable
from etapa.journey.duration import roughly
from etapa.journey.ledger.report import LedgerReport, Row
from etapa.journey.units import SECOND

MOST_ROWS: Final = 40
"""How many rows of a table are shown; `--json` and `--csv` have them all."""

_SHOWN: Final = (
    ("stages", "Stages", ("stage", "new", "entered", "left", "touchpoints", "median_stay_seconds")),
    ("moves", "Moves", ("from", "to", "cause", "count")),
    ("rules", "Rules", ("from", "to", "rule", "count")),
    ("ideal_way", "Ideal way", ("from", "to", "followed", "on_way", "entered", "deviations")),
    ("detours", "Detours", ("from", "to", "rule", "customers", "times", "ended")),
    ("touchpoints", "Touchpoints", ("stage", "type", "channel", "count")),
    ("feeling", "Feeling", ("stage", "count", "mean", "standard_deviation")),
    ("campaigns", "Campaigns", ("campaign", "outcome", "count")),
    ("goals", "Goals", ("campaign", "group", "customers", "ended", "met", "value_sum")),
    ("personas", "Personas", ("persona", "new", "stage_changes", "touchpoints")),
)
_HEADS: Final = {
    "median_stay_seconds": "median stay",
    "standard_deviation": "deviation",
    "stage_changes": "stage changes",
    "value_sum": "value",
    "on_way": "more on it",
}


def report_text(report: LedgerReport, journey: str, version: int) -> Iterator[str]:
    """The report line by line."""
    query = report.query
    since = "the beginning" if query.since is None else format_time(query.since)
    until = "the end" if query.until is None else format_time(query.until)
    of = "" if query.persona is None else f", persona {printable(query.persona)}"
    yield f"Journey {journey}, version {version}: from {since} to {until}{of}"
    if not report.exact:
        yield "Older figures are kept by day or month only, so these cover somewhat more than the requested time."
    if report.limited:
        yield "Some types or channels are counted as `other`: there are too many."
    if not report.tables["stages"]:
        yield "Nothing was counted."
    for name, title, columns in _SHOWN:
        rows = report.tables[name]
        # A journey without personas has a single row here, which adds nothing.
        if not rows or (name == "personas" and all(row["persona"] is None for row in rows)):
            continue
        yield ""
        yield from _table(title, columns if query.by is None else ("period", *columns), rows)


def _table(title: str, columns: Sequence[str], rows: Sequence[Row]) -> Iterator[str]:
    yield f"{title}:"
    shown = rows[:MOST_ROWS]
    yield from table([_HEADS.get(each, each) for each in columns], [[_cell(column, row[column]) for column in columns] for row in shown])
    if len(rows) > len(shown):
        yield f"… and {len(rows) - len(shown):,} more rows"


def _cell(column: str, value: Any) -> str:
    if column == "to" and value is None:
        return "(gone)"
    if column == "from" and value is None:
        return "(new)"
    if column == "persona" and value is None:
        return "(none)"
    if value is None:
        return "-"
    if column.endswith("_seconds"):
        return roughly(round(value * SECOND))
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else printable(value)
