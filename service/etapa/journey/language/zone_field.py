"""Reading `zone`: where customers are."""

from typing import Any

from etapa.journey.language.kinds.kind import MAX_TYPE
from etapa.journey.language.model import CustomerZone
from etapa.journey.language.reading.findings import Report, nearest, shortened
from etapa.journey.language.reading.maps import Field, map_schema, read_fields
from etapa.journey.language.reading.shapes import BAD, Bad, Shape, Text
from etapa.journey.language.reading.yaml_nodes import MapNode, Node
from etapa.journey.localtime.zones import VERSION, zone_names


class _ZoneName(Shape[str]):
    """The name of an IANA time zone."""

    _TEXT = Text("a time zone, such as America/La_Paz", longest=64)

    def read(self, node: Node, report: Report) -> str | Bad:
        name = self._TEXT.read(node, report)
        if name is BAD or name in zone_names():
            return name
        by_spelling = {each.lower(): each for each in zone_names()}
        close = by_spelling.get(name.lower().replace(" ", "_"))
        advice = f"; did you mean `{close}`?" if close else nearest(name, zone_names())
        report.error(node.position, f"there is no time zone `{shortened(name)}` in the zone data {VERSION}{advice}")
        return BAD

    def schema(self) -> dict[str, Any]:
        return self._TEXT.schema()


TRAIT = Field("trait", Text("the name of a trait", longest=MAX_TYPE), "The trait that names the customer's time zone.", required=True)
OTHERWISE = Field("else", _ZoneName(), "The zone of customers whose trait names none.", default="UTC")


class ZoneShape(Shape[CustomerZone]):
    """One zone for all customers, or a trait that names each customer's zone."""

    def read(self, node: Node, report: Report) -> CustomerZone | Bad:
        if not isinstance(node, MapNode):
            name = _ZoneName().read(node, report)
            return name if isinstance(name, Bad) else CustomerZone(None, name)
        record = read_fields(node, "`zone`", (TRAIT, OTHERWISE), report)
        if isinstance(record, Bad) or not record.sound:
            return BAD
        return CustomerZone(record.need(TRAIT), record.get(OTHERWISE) or "UTC")

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [_ZoneName().schema(), map_schema((TRAIT, OTHERWISE))]}


ZONE = Field("zone", ZoneShape(), "Where customers are: a time zone, or the trait that names each customer's.", default="UTC")
