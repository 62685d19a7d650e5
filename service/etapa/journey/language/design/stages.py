"""Reading the design of a stage: the customer's goal, activities, touchpoints, points, and promises."""

from collections.abc import Mapping
from typing import Any, get_args

from etapa.journey.language.design.catalogues import CHANNELS, TYPES, missing_from
from etapa.journey.language.design.labels import LABEL, Label
from etapa.journey.language.design.parts import DesignedTouchpoint, Point, PointKind, Promise, StageDesign
from etapa.journey.language.kinds.kind import MAX_TYPE
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.lists import ListOf
from etapa.journey.language.reading.maps import Field, MapOf, ReadMap
from etapa.journey.language.reading.shapes import Choice, Flag, Percentage, Span, Text

MAX_ITEMS = 50
"""Most activities, touchpoints or points of one stage."""
MAX_WHYS = 5

GOAL = Field("goal", Label(), "What the customer wants in this stage.")
ACTIVITIES = Field("activities", ListOf(Label(), "activities", maximum=MAX_ITEMS), "What customers do in this stage, in words.")

TYPE = Field("type", Text("a touchpoint type", longest=MAX_TYPE), "The type of the touchpoint.", required=True)
CHANNEL = Field("channel", Text("a channel", longest=MAX_TYPE), "The channel on which it happens.")
VISIBLE = Field("visible", Flag(), "false: customers do not see it, so it is behind the line of visibility.", default=True)
TOUCHPOINTS = Field(
    "touchpoints",
    ListOf(MapOf("a touchpoint", (TYPE, CHANNEL, VISIBLE, LABEL)), "touchpoints", maximum=MAX_ITEMS, keeps_good=True),
    "The touchpoints that should happen in this stage.",
)

_POINT_KINDS: tuple[PointKind, ...] = get_args(PointKind)
POINT_KIND = Field("kind", Choice(_POINT_KINDS), "What kind of moment it is.", required=True)
AT = Field("at", Text("a touchpoint type", longest=MAX_TYPE), "The type of touchpoint at which it happens.")
NOTE = Field("note", Label(), "What happens, in words.")
WHY = Field("why", ListOf(Label(), "reasons", maximum=MAX_WHYS), "Why it is so, why that is so, and on: up to five answers.")
HOW = Field("how", ListOf(Label(), "ways", maximum=MAX_WHYS), "How to improve or keep it: up to five ideas.")
POINTS = Field(
    "points",
    ListOf(MapOf("a point", (POINT_KIND, AT, NOTE, WHY, HOW)), "points", maximum=MAX_ITEMS, keeps_good=True),
    "This stage's moments: good, bad and decisive ones.",
)

WITHIN = Field("within", Span(), "The median stay that it should have.")
ONWARD = Field("onward", Percentage(), "The share of customers who should move on along the ideal way, such as 40%.")
PROMISE = Field("promise", MapOf("`promise`", (WITHIN, ONWARD)), "What the stage should achieve, to compare with what it does.")

FIELDS = (GOAL, ACTIVITIES, TOUCHPOINTS, POINTS, PROMISE)


def check(stage: ReadMap, record: ReadMap, report: Report) -> None:
    """Report types and channels missing from the file's catalogues, and points and promises that say nothing."""
    types, channels = record.get(TYPES), record.get(CHANNELS)
    for touchpoint in stage.get(TOUCHPOINTS) or ():
        _look_up(touchpoint, TYPE, "type", types, report)
        _look_up(touchpoint, CHANNEL, "channel", channels, report)
    for point in stage.get(POINTS) or ():
        _look_up(point, AT, "type", types, report)
        if point.sound and point.get(AT) is None and point.get(NOTE) is None:
            report.warning(point.position, "a point says where it is (`at`) or what happens (`note`), and this one says neither")
    promise = stage.get(PROMISE)
    if promise is not None and promise.sound and not promise.values:
        report.warning(promise.position, "`promise` promises nothing: write `within`, `onward` or both")


def _look_up(record: ReadMap, field: Field[str], noun: str, catalogue: Mapping[str, Any] | None, report: Report) -> None:
    name = record.get(field)
    words = None if name is None else missing_from(catalogue, noun, name)
    if words is not None:
        report.warning(record.place(field), words)


def stage_design(stage: ReadMap) -> StageDesign:
    promise = stage.get(PROMISE)
    return StageDesign(
        goal=stage.get(GOAL) or {},
        activities=stage.get(ACTIVITIES) or (),
        touchpoints=tuple(_touchpoint(each) for each in stage.get(TOUCHPOINTS) or ()),
        points=tuple(_point(each) for each in stage.get(POINTS) or ()),
        promise=None if promise is None else Promise(promise.get(WITHIN), promise.get(ONWARD)),
    )


def _touchpoint(record: ReadMap) -> DesignedTouchpoint:
    return DesignedTouchpoint(record.need(TYPE), record.get(CHANNEL), record.get(VISIBLE) is not False, record.get(LABEL) or {})


def _point(record: ReadMap) -> Point:
    return Point(record.need(POINT_KIND), record.get(AT), record.get(NOTE) or {}, record.get(WHY) or (), record.get(HOW) or ())
