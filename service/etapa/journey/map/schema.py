"""The JSON Schema of the map's document, generated from its types."""

from typing import Any

import msgspec

from etapa.journey.map.document import JourneyMap


def map_schema() -> dict[str, Any]:
    """The content of `schemas/journey-map.schema.json`."""
    schema = msgspec.json.schema(JourneyMap)
    parts = dict(sorted(schema["$defs"].items()))
    whole = parts.pop(JourneyMap.__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:etapa:journey-map",
        "title": "Journey map",
        "description": "What the page shows: what a team has designed, and beside it what was counted. Later versions may add fields; readers ignore what they do not know.",
        **{key: value for key, value in whole.items() if key not in ("title", "description")},
        "$defs": parts,
    }
