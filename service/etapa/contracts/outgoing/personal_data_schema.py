"""The JSON Schema of what `etapa export` writes, generated from its message types."""

from typing import Any

import msgspec

from etapa.contracts.outgoing.personal_data_message import PersonalDataMessage


def personal_data_schema() -> dict[str, Any]:
    """The schema as plain data, the same on every run."""
    _, components = msgspec.json.schema_components([PersonalDataMessage], ref_template="#/$defs/{name}")
    whole = components.pop("PersonalDataMessage")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:etapa:personal-data",
        **whole,
        "title": "Personal data",
        "description": "Everything that is kept of one customer: what `etapa export` writes. "
        "Later versions may add fields; readers ignore what they do not know.",
        "$defs": dict(sorted(components.items())),
    }
