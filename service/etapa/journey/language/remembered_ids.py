"""Reading `remember_ids`: which touchpoint ids are kept per customer to recognise repeats."""

from dataclasses import dataclass
from typing import Any

from etapa.journey.language.model import MOST_REMEMBERED_IDS
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.maps import Field, map_schema, read_fields
from etapa.journey.language.reading.shapes import BAD, Bad, Shape, Span, Whole
from etapa.journey.language.reading.yaml_nodes import MapNode, Node


@dataclass(frozen=True, slots=True)
class RememberedIds:
    """The last `last` ids, and those that arrived within `duration` (microseconds)."""

    last: int
    duration: int | None = None


DEFAULT = RememberedIds(64)
_LAST = Whole(0, MOST_REMEMBERED_IDS)
LAST = Field("last", _LAST, "How many of the latest touchpoint ids are always kept.", default=DEFAULT.last)
FOR = Field("for", Span(), f"Ids that arrived within this time are kept too, up to {MOST_REMEMBERED_IDS:,} together.", required=True)


class RememberedIdsShape(Shape[RememberedIds]):
    """A number, or a map that also gives a time."""

    def read(self, node: Node, report: Report) -> RememberedIds | Bad:
        if not isinstance(node, MapNode):
            last = _LAST.read(node, report)
            return last if isinstance(last, Bad) else RememberedIds(last)
        record = read_fields(node, "`remember_ids`", (LAST, FOR), report)
        if isinstance(record, Bad) or not record.sound:
            return BAD
        last_given = record.get(LAST)
        return RememberedIds(DEFAULT.last if last_given is None else last_given, record.need(FOR))

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [_LAST.schema(), map_schema((LAST, FOR))]}


REMEMBER_IDS = Field(
    "remember_ids",
    RememberedIdsShape(),
    "How many of each customer's touchpoint ids are kept to drop duplicates; {last: 64, for: 30d} also keeps those of the"
    " last 30 days; 0 turns this off.",
    default=DEFAULT.last,
)
