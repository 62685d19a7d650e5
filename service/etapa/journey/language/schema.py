"""The journey file as JSON Schema, so that editors complete and check it while it is written.

Generated from the loader's tables. It checks less than the loader does: for example, not whether ids exist or conditions can
ever be true.
"""

from typing import Any

from etapa.journey.language.goals import GoalShape
from etapa.journey.language.kinds.kind import Types
from etapa.journey.language.kinds.table import CONDITIONS
from etapa.journey.language.load import JOURNEY_FIELDS
from etapa.journey.language.reading.maps import map_schema
from etapa.journey.language.reading.where import WhereShape


def journey_schema() -> dict[str, Any]:
    """The schema, as JSON data."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:etapa:journey",
        "title": "Journey",
        "description": "A journey file of Etapa: stages, the rules that move customers between them, campaigns, and tests.",
        **map_schema(JOURNEY_FIELDS),
        "$defs": {
            "condition": {
                "description": "What must hold of a customer.",
                "anyOf": [{"$ref": f"#/$defs/{name}"} for name in CONDITIONS],
            },
            "goal": GoalShape().definition(),
            "types": Types().definition(),
            "where": WhereShape().definition(),
            **{name: kind.schema() for name, kind in CONDITIONS.items()},
        },
    }
