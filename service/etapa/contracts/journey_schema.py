"""The JSON Schema of the journey file, as text."""

import json

from etapa.journey.language.schema import journey_schema


def journey_schema_text() -> str:
    """The text of `schemas/journey.schema.json`."""
    return json.dumps(journey_schema(), indent=2, ensure_ascii=False) + "\n"
