"""The JSON Schema of the report, generated from its message types."""

from typing import Any

import msgspec

from etapa.contracts.outgoing.report_message import ReportMessage


def report_schema() -> dict[str, Any]:
    """The schema as plain data, the same on every run."""
    _, components = msgspec.json.schema_components([ReportMessage], ref_template="#/$defs/{name}")
    whole = components.pop("ReportMessage")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:etapa:report",
        **whole,
        "title": "Report",
        "description": "Moves, touchpoints, feeling and campaigns in a period of time: what `etapa report --json` prints and GET /v1/report answers. "
        "Later versions may add fields; readers ignore what they do not know.",
        "$defs": dict(sorted(components.items())),
    }
