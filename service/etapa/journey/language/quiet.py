"""Reading `quiet`: local times at which campaigns send nothing."""

from typing import Any, Final, Literal, get_args

from etapa.journey.language.kinds.clock import DAYS, HOURS, read_times
from etapa.journey.language.model import Quiet
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.maps import Field, map_schema, read_fields
from etapa.journey.language.reading.shapes import BAD, Bad, Shape, refuse
from etapa.journey.language.reading.yaml_nodes import Node, ScalarNode

Then = Literal["hold", "drop"]


class _ThenShape(Shape[Then]):
    def read(self, node: Node, report: Report) -> Then | Bad:
        for then in _THEN:
            if isinstance(node, ScalarNode) and node.value == then:
                return then
        return refuse(node, "hold or drop", report)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(_THEN)}


_THEN: Final[tuple[Then, ...]] = get_args(Then)
NO_QUIET: Final = "none"
THEN = Field(
    "then",
    _ThenShape(),
    "hold: the trigger is checked again when the quiet time ends, and published then if consent, caps, cooldown and once"
    " allow it. drop: it is not published.",
    required=True,
)


class QuietShape(Shape[Quiet]):
    """Local times at which nothing is sent, and what happens to triggers in them."""

    def read(self, node: Node, report: Report) -> Quiet | Bad:
        record = read_fields(node, "`quiet`", (HOURS, DAYS, THEN), report)
        if isinstance(record, Bad) or not record.sound:
            return BAD
        times = read_times(record, "`quiet`", report)
        return BAD if isinstance(times, Bad) else Quiet(times, record.need(THEN) == "hold")

    def schema(self) -> dict[str, Any]:
        return map_schema((HOURS, DAYS, THEN))


class OwnQuietShape(Shape[Quiet | None]):
    """The same, or `none` to ignore the quiet times of the file."""

    def read(self, node: Node, report: Report) -> Quiet | Bad | None:
        if isinstance(node, ScalarNode) and node.value == NO_QUIET:
            return None
        return QuietShape().read(node, report)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [QuietShape().schema(), {"const": NO_QUIET}]}


QUIET = Field("quiet", QuietShape(), "When no campaign sends anything, by the customer's local time (see `zone`).")
OWN_QUIET = Field("quiet", OwnQuietShape(), "Quiet times of this campaign, in place of those of the file; `none`: it has none.")
