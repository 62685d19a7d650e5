"""Times in a journey file: RFC 3339 with an offset."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.shapes import Bad, Shape, refuse
from etapa.journey.language.reading.yaml_nodes import Node, ScalarNode

PATTERN: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
_PARTS: Final = re.compile("(.{19})(?:[.]([0-9]+))?(.+)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EXAMPLE: Final = "a time with an offset, such as 2026-12-01T00:00:00Z"


class Instant(Shape[int]):
    """A time in microseconds since 1970. Digits beyond the microsecond are cut."""

    def read(self, node: Node, report: Report) -> int | Bad:
        text = node.value if isinstance(node, ScalarNode) else None
        if not isinstance(text, str) or not re.fullmatch(PATTERN, text):
            return refuse(node, _EXAMPLE, report)
        parts = _PARTS.fullmatch(text.upper())
        try:
            at = datetime.fromisoformat(f"{parts[1]}.{(parts[2] or '')[:6]:0<6}{parts[3]}") if parts else None
        except ValueError:
            at = None
        return refuse(node, _EXAMPLE, report) if at is None else (at - _EPOCH) // timedelta(microseconds=1)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": PATTERN}
