"""Reading the window of a condition: `within`, `before` and `calendar`."""

from typing import Any, Final

from etapa.journey.duration import format_duration
from etapa.journey.language.kinds.kind import WITHIN
from etapa.journey.language.matching.windows import UNITS, Calendar, Window
from etapa.journey.language.reading.findings import Report, nearest
from etapa.journey.language.reading.maps import Field, ReadMap
from etapa.journey.language.reading.shapes import BAD, Bad, Shape, Span, refuse
from etapa.journey.language.reading.yaml_nodes import Node, ScalarNode

_PERIODS: Final = {calendar.text(): calendar for unit in UNITS for calendar in (Calendar(unit), Calendar(unit, last=True))}


class CalendarShape(Shape[Calendar]):
    """`this month`, `last year`: a period of the customer's calendar."""

    def read(self, node: Node, report: Report) -> Calendar | Bad:
        value = node.value if isinstance(node, ScalarNode) else None
        if not isinstance(value, str):
            return refuse(node, "this or last, and a unit, such as `this year`", report)
        found = _PERIODS.get(value)
        if found is None:
            return refuse(node, "this or last, and one of day, week, month, quarter or year", report, nearest(value, _PERIODS) or "")
        return found

    def schema(self) -> dict[str, Any]:
        return {"enum": list(_PERIODS)}


BEFORE = Field("before", Span(), "Only touchpoints from this long ago or earlier; together with `within`, only those between the two.")
CALENDAR = Field(
    "calendar",
    CalendarShape(),
    "Only touchpoints of the current period of the customer's calendar, up to now, or of the whole previous one. Weeks begin on Monday.",
)
WINDOW: Final = (WITHIN, BEFORE, CALENDAR)
"""The keys of a window."""


def read_window(record: ReadMap, report: Report) -> Window | Bad:
    """The window that a sound record describes."""
    within, before, calendar = record.get(WITHIN), record.get(BEFORE), record.get(CALENDAR)
    if calendar is not None and (within is not None or before is not None):
        other = "within" if within is not None else "before"
        report.error(record.place(CALENDAR), f"`calendar` stands alone, because it already says which time is meant: leave `{other}` out")
        return BAD
    if within is not None and before is not None and within <= before:
        report.error(
            record.place(BEFORE),
            f"`within` ({format_duration(within)}) does not reach back beyond `before` ({format_duration(before)}), so nothing ever lies between them",
        )
        return BAD
    return Window(within, before, calendar)
