"""Writes the JSON Schema of the journey file: `python -m etapa.contracts.journey_schema > schemas/journey.schema.json`."""

import json
import sys

from etapa.journey.language.schema import journey_schema


def journey_schema_text() -> str:
    """The text of `schemas/journey.schema.json`."""
    return json.dumps(journey_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(journey_schema_text())
