"""Reading `identity`: how two ids that turn out to be one person are united."""

from typing import Final, get_args

from etapa.journey.language.design.catalogues import KNOWN, TRAITS
from etapa.journey.language.model import Identity, UnitedStage
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.maps import Field, MapOf, ReadMap
from etapa.journey.language.reading.shapes import Choice, Flag

_STAGES: Final[tuple[UnitedStage, ...]] = get_args(UnitedStage)

REPLAYED_IN_FILES: Final = (
    "`stage: replay`: workers keep no touchpoints to judge again, so they find the stage as `furthest` does; commands on files replay"
)
STAGE = Field(
    "stage",
    Choice(_STAGES),
    "The stage of the united customer. replay: the one that the touchpoints of both lead to, in the order in which they arrived;"
    " furthest: the one of the two that is listed later under `stages`; keep: that of the customer whose id is kept.",
    default="replay",
)
MERGE_KNOWN = Field(
    "merge_known", Flag(), "Whether two ids are united even if each has a trait that is marked `known: true` in `traits`.", default=False
)
IDENTITY = Field(
    "identity",
    MapOf("`identity`", (STAGE, MERGE_KNOWN)),
    "How two ids of one person become one customer when a `$link` touchpoint joins them. Left out: links have no effect.",
)


def identity(record: ReadMap) -> Identity | None:
    """How this journey unites ids; none: it does not."""
    found = record.get(IDENTITY)
    if found is None:
        return None
    return Identity(found.get(STAGE) or "replay", found.get(MERGE_KNOWN) is True, _known(record))


def doubt_known(record: ReadMap, report: Report) -> None:
    """Remark on marks that change nothing, because the file unites no ids or lets known customers be united."""
    found = record.get(IDENTITY)
    if not _known(record) or (found is not None and found.get(MERGE_KNOWN) is not True):
        return
    why = "has no `identity`, so no ids are united" if found is None else "says `merge_known: true`"
    report.info(record.place(TRAITS), f"`known: true` changes nothing here: the file {why}")


def doubt_replay(record: ReadMap, report: Report) -> None:
    """Remark on what workers do in place of a replay."""
    found = record.get(IDENTITY)
    if found is not None and (found.get(STAGE) or "replay") == "replay":
        report.info(record.place(IDENTITY), REPLAYED_IN_FILES)


def _known(record: ReadMap) -> tuple[str, ...]:
    return tuple(sorted(name for name, each in (record.get(TRAITS) or {}).items() if each.get(KNOWN) is True))
