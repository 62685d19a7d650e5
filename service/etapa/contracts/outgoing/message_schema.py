"""JSON Schemas of documents that are one message, generated from the message's type."""

from typing import Any, Final

import msgspec

from etapa.contracts.outgoing.personal_data_message import PersonalDataMessage
from etapa.contracts.outgoing.report_message import ReportMessage

_TOLD: Final = {
    ReportMessage: (
        "report",
        "Report",
        "Moves, touchpoints, feeling and campaigns in a period of time: what `etapa report --json` prints and GET /v1/report answers.",
    ),
    PersonalDataMessage: ("personal-data", "Personal data", "Everything that is kept of one customer: what `etapa export` writes."),
}
"""Each document's name, title and description."""


def message_schema(message: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of a message that is a document of its own, as plain data, the same on every run. Raises `KeyError` for another message."""
    name, title, description = _TOLD[message]
    _, components = msgspec.json.schema_components([message], ref_template="#/$defs/{name}")
    whole = components.pop(message.__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:etapa:{name}",
        **whole,
        "title": title,
        "description": f"{description} Later versions may add fields; readers ignore what they do not know.",
        "$defs": dict(sorted(components.items())),
    }
