"""Reading `map`: its state and scope, the ideal way, and how customers report their feeling."""

from itertools import pairwise
from typing import Any, get_args

from etapa.journey.language.design import stages
from etapa.journey.language.design.labels import Label
from etapa.journey.language.design.parts import Feeling, MapFrame, MapState
from etapa.journey.language.kinds.kind import Types
from etapa.journey.language.matching.matches import Path
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.lists import ListOf
from etapa.journey.language.reading.maps import Field, MapOf, ReadMap
from etapa.journey.language.reading.names import Known
from etapa.journey.language.reading.shapes import BAD, Bad, Choice, Name, Number, Reference, Shape
from etapa.journey.language.reading.where import PathShape
from etapa.journey.language.reading.yaml_nodes import Node


class Scale(Shape[tuple[float, float]]):
    """The worst and the best value, such as [1, 5]; the worst may be the larger number."""

    _NUMBERS = ListOf(Number(), "numbers", minimum=2, maximum=2)

    def read(self, node: Node, report: Report) -> tuple[float, float] | Bad:
        numbers = self._NUMBERS.read(node, report)
        if numbers is BAD:
            return BAD
        worst, best = numbers
        if worst == best:
            report.error(node.position, f"the worst and the best value of a scale must differ, found {worst} twice")
            return BAD
        return float(worst), float(best)

    def schema(self) -> dict[str, Any]:
        return self._NUMBERS.schema()


class _ValuePath(Shape[Path]):
    """A path to a number, so not `channel` or `type`."""

    def read(self, node: Node, report: Report) -> Path | Bad:
        path = PathShape().read(node, report)
        if path is not BAD and path[0] in ("channel", "type"):
            report.error(node.position, f"`{path[0]}` is text, never a number: name the property that holds how the customer feels")
            return BAD
        return path

    def schema(self) -> dict[str, Any]:
        return PathShape().schema()


_STATES: tuple[MapState, ...] = get_args(MapState)
STATE = Field("state", Choice(_STATES), "Whether the map shows the journey as it is, or as it should become.", default="current")
SCOPE = Field("scope", Label(), "Which part of the customer's experience it shows, in words.")
IDEAL = Field("ideal", ListOf(Reference("a stage id"), "stage ids", minimum=2), "The stages of the ideal way, in order.")
OF = Field("of", Types(), "The touchpoints that say how customers feel.", required=True)
VALUE = Field("value", _ValuePath(), "The path in these touchpoints to the number.", required=True)
SCALE = Field("scale", Scale(), "The worst and the best value, such as [1, 5].", required=True)
FEELING = Field("feeling", MapOf("`feeling`", (OF, VALUE, SCALE)), "How customers report their feeling.")
MAP = Field(
    "map", MapOf("`map`", (STATE, SCOPE, IDEAL, FEELING)), "What the journey map shows beside the figures, and what it compares them with."
)


def check(record: ReadMap, known: Known, report: Report) -> None:
    """Report stages of the ideal way that do not exist or appear twice."""
    frame = record.get(MAP)
    seen: set[str] = set()
    for name in (frame.get(IDEAL) or ()) if frame is not None else ():
        if known.check(name, report) and name.text in seen:
            report.error(name.position, f"`{name.text}` is already on the ideal way")
        seen.add(name.text)


def doubt_steps(
    record: ReadMap, moves: set[tuple[str, str]], stage_records: tuple[ReadMap, ...], stage_id: Field[str], report: Report
) -> None:
    """Warn about steps of the ideal way that no rule makes, and about `onward` promises in stages where it does not lead on.

    `moves`: the stage pairs that rules connect.
    """
    frame = record.get(MAP)
    ideal: tuple[Name, ...] = (frame.get(IDEAL) or ()) if frame is not None else ()
    for before, after in pairwise(ideal):
        if (before.text, after.text) not in moves:
            report.warning(after.position, f"no rule leads from `{before.text}` to `{after.text}`, so nobody can follow the ideal way")
    leading_on = {name.text for name in ideal[:-1]}
    for stage in stage_records:
        promise = stage.get(stages.PROMISE)
        if promise is not None and promise.get(stages.ONWARD) is not None and stage.need(stage_id) not in leading_on:
            report.warning(
                promise.place(stages.ONWARD),
                f"`onward` counts who moves on along the ideal way, and `map: {{ideal: […]}}` does not lead on from `{stage.need(stage_id)}`",
            )


def frame_of(record: ReadMap) -> MapFrame | None:
    frame = record.get(MAP)
    if frame is None:
        return None
    feeling = frame.get(FEELING)
    return MapFrame(
        state=frame.get(STATE) or "current",
        scope=frame.get(SCOPE) or {},
        ideal=tuple(name.text for name in frame.get(IDEAL) or ()),
        feeling=None if feeling is None else Feeling(feeling.need(OF), feeling.need(VALUE), *feeling.need(SCALE)),
    )
