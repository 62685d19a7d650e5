"""Oddities of a file of touchpoints, besides unusable lines: late touchpoints, repeated ids, types that no rule names.

None of them is an error of Etapa or of the journey, and each may be intended. But each has led people to believe a wrong result.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from etapa.contracts.incoming.rejected import Reason
from etapa.journey.duration import format_duration, roughly
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.model import ANY_TYPE, MOST_REMEMBERED_IDS, Journey
from etapa.rehearsal.ids_again import IdsAgain
from etapa.rehearsal.type_look import TypeLook
from etapa.rehearsal.types_named import nearest, types_named

FindingKind = Literal[
    "unusable",
    "from_the_future",
    "from_the_past",
    "placeholder_id",
    "links_ignored",
    "late",
    "repeated_ids",
    "unnamed_types",
    "missing_types",
    "cut_lists",
    "type_mismatch",
    "path_met_list",
]

MOST_TYPES: Final = 1_000
"""How many different types are counted separately."""
TYPES_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class FileFinding:
    """One oddity of the file, how often it occurs, and a sentence about it without the full stop."""

    kind: FindingKind
    count: int
    text: str


class FileLook:
    """Watches touchpoints on their way through a journey, or through two that are compared."""

    def __init__(self, journeys: Sequence[Journey], cuts: Callable[[Touchpoint], bool]) -> None:
        """`cuts` says whether only the first members of a touchpoint's lists are kept."""
        self._named = [types_named(journey) for journey in journeys]
        self._catalogued = frozenset(each.id for journey in journeys for each in journey.design.types)
        self._remembered, self._remembered_for = min((journey.remember_ids, journey.remember_for or 0) for journey in journeys)
        self._cuts = cuts
        self._value_types = TypeLook(journeys)
        self._ids = IdsAgain()
        self._types: Counter[str] = Counter()
        self._touchpoints = self._late = self._latest = self._cut = self._ignored = 0

    def see(self, touchpoint: Touchpoint, clock: int | None, *, duplicate: bool) -> None:
        """Take in a touchpoint. `clock`: its customer's clock before it (None: a new customer); `duplicate`: it was recognised as a repeat."""
        self._touchpoints += 1
        if duplicate:
            return
        if clock is not None and touchpoint.at < clock:
            self._late += 1
            self._latest = max(self._latest, clock - touchpoint.at)
        if touchpoint.type in self._types or len(self._types) < MOST_TYPES:
            self._types[touchpoint.type] += 1
        self._ids.see(touchpoint.customer_id, touchpoint.id)
        self._cut += self._cuts(touchpoint)
        self._value_types.see(touchpoint)

    def link(self, *, ignored: bool) -> None:
        """Take in a link. `ignored`: a journey does not say how two ids become one customer."""
        self._ignored += ignored

    def findings(self, rejected: Counter[Reason]) -> list[FileFinding]:
        """All oddities. `rejected`: lines that could not be used."""
        found = [
            FileFinding("unusable", rejected.total(), f"{_lines(rejected.total())} could not be used"),
            FileFinding(
                "from_the_future",
                rejected["from_the_future"],
                f"{_lines(rejected['from_the_future'])} {_lie(rejected['from_the_future'])} ahead of the clock; a worker would not take"
                f" {'it' if rejected['from_the_future'] == 1 else 'them'}",
            ),
            FileFinding(
                "from_the_past",
                rejected["from_the_past"],
                f"{_lines(rejected['from_the_past'])} {_lie(rejected['from_the_past'])} before the journey's accept_from and"
                f" {'was' if rejected['from_the_past'] == 1 else 'were'} not taken",
            ),
            FileFinding(
                "placeholder_id",
                rejected["placeholder_id"],
                f"{_lines(rejected['placeholder_id'])} {'has' if rejected['placeholder_id'] == 1 else 'have'} a customer id that names nobody",
            ),
            FileFinding(
                "links_ignored",
                self._ignored,
                f"{self._ignored:,} link{'' if self._ignored == 1 else 's'} between two ids of one person had no effect: `identity` in the"
                " journey file says how they become one customer",
            ),
            FileFinding("late", self._late, self._of_late()),
            FileFinding("repeated_ids", self._ids.number, self._of_ids()),
            *self._of_types(),
            FileFinding("cut_lists", self._cut, f"in {self._cut:,} touchpoints only the first members of lists are kept"),
            *type_findings(self._value_types),
        ]
        return [finding for finding in found if finding.count]

    def _of_late(self) -> str:
        asked = "is the file newest first?" if self._late > self._touchpoints / 2 else "is the file in order of time?"
        return (
            f"{self._late:,} of {self._touchpoints:,} touchpoints occurred before one of the same customer that was already read"
            f" (by up to {roughly(self._latest)}): {asked} --sort puts them in order"
        )

    def _of_ids(self) -> str:
        number = f"{self._ids.number:,}" if self._ids.is_exact else f"about {self._ids.number:,}"
        number_kept = f"{MOST_REMEMBERED_IDS:,} others, or {self._remembered} after {format_duration(self._remembered_for)}"
        others = number_kept if self._remembered_for else f"{self._remembered} others"
        held = f"no repeat of an id after {others}" if self._remembered or self._remembered_for else "no repeat of an id"
        # If the whole history is there twice, it is half of the touchpoints.
        twice = " Is history in the file twice?" if self._ids.number * 4 >= self._touchpoints else ""
        return f"{number} of {self._touchpoints:,} touchpoints repeat an id, and were counted again: {held} is recognised (remember_ids).{twice}"

    def _of_types(self) -> list[FileFinding]:
        named = frozenset[str]().union(*self._named)
        known = named | self._catalogued
        any_is_named = ANY_TYPE in named and not self._catalogued
        unnamed = [] if any_is_named else [(kind, count) for kind, count in self._types.most_common() if kind not in known]
        missing = sorted(named - self._types.keys() - {ANY_TYPE}) if self._touchpoints else []
        others = [kind for kind, _ in unnamed] or [kind for kind in self._types if kind not in named]
        return [
            FileFinding(
                "unnamed_types",
                sum(count for _, count in unnamed),
                f"types that no rule{' and no catalogue' if self._catalogued else ''} names: {_listed([f'{kind} {count:,}' for kind, count in unnamed])}",
            ),
            FileFinding(
                "missing_types",
                len(missing),
                f"types that never came: {_listed([kind + _meant(nearest(kind, others)) for kind in missing])}",
            ),
        ]


def type_findings(look: TypeLook) -> list[FileFinding]:
    """Findings about values whose type a condition cannot use."""
    found = []
    for mismatch in look.mismatches():
        for count, text in mismatch.texts():
            found.append(FileFinding("path_met_list" if count == mismatch.lists and "met a list" in text else "type_mismatch", count, text))
    return found


def _lines(number: int) -> str:
    return f"{number:,} line{'' if number == 1 else 's'}"


def _lie(number: int) -> str:
    return "lies" if number == 1 else "lie"


def _meant(name: str | None) -> str:
    return "" if name is None else f" (did you mean {name}?)"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - TYPES_SHOWN
    return ", ".join(names[:TYPES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
