"""The report as JSON and as CSV, for `etapa report` and the HTTP API. Mirrors `schemas/report.schema.json`."""

import csv
import io
from typing import Any, Final

from etapa.contracts.rfc3339 import format_time
from etapa.journey.ledger.report import LedgerReport, Row

CSV_COLUMNS: Final = (
    "table",
    "period",
    "grain",
    "stage",
    "from",
    "to",
    "cause",
    "type",
    "channel",
    "campaign",
    "outcome",
    "group",
    "persona",
)
"""The columns that identify the rows of each table; the figures follow them."""


def report_json(report: LedgerReport, journey: str, version: int) -> dict[str, Any]:
    """The report of a journey as a JSON object. Times are RFC 3339 in UTC."""
    query = report.query
    return {
        "journey": journey,
        "version": version,
        "from": None if query.since is None else format_time(query.since),
        "to": None if query.until is None else format_time(query.until),
        "by": query.by,
        "persona": query.persona,
        "exact": report.exact,
        "limited": report.limited,
        **report.tables,
    }


def report_csv(report: LedgerReport) -> str:
    """All tables one below the other, with a column that names the table; columns that a table lacks are empty."""
    rows: list[Row] = [{"table": name, **row} for name, table in report.tables.items() for row in table]
    figures = dict.fromkeys(column for row in rows for column in row if column not in CSV_COLUMNS)
    keys = {column for row in rows for column in row}
    output = io.StringIO()
    writer = csv.DictWriter(output, [*(each for each in CSV_COLUMNS if each in keys), *figures], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return output.getvalue()
