"""The tables of the ledger: their key columns and what they count. All keys include the persona; all figures are whole numbers."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

Table = Literal["moves", "stays", "ways", "detours", "touchpoints", "feeling", "campaigns", "goals"]

Key = tuple[str | int | None, ...]
"""One value for each of a table's columns."""
Figures = list[int]
"""One number for each of a table's figures. Figures of the same key are added number by number."""

COLUMNS: Final[dict[Table, tuple[str, ...]]] = {
    "moves": ("persona", "from", "to", "cause", "rule"),
    "stays": ("persona", "from", "to", "bucket"),
    "ways": ("persona", "from", "to"),
    "detours": ("persona", "from", "to", "rule"),
    "touchpoints": ("persona", "stage", "type", "channel"),
    "feeling": ("persona", "stage"),
    "campaigns": ("persona", "campaign", "outcome"),
    "goals": ("persona", "campaign", "group"),
}
"""`from` none: a new customer. `to` none: a customer who was forgotten, or turned out to be another. `rule` none: moved by no rule. `bucket`: see `stays`. `stage` of a touchpoint: the stage it moved the customer to or, without a move,
the stage it found the customer in; of feeling: the stage in which the customer was. `group`: one of `GROUPS`. `persona` of goals: the
persona at the trigger; of detours: the one at the beginning."""
FIGURES: Final[dict[Table, tuple[str, ...]]] = {
    "moves": ("count", "stay", "first"),
    "stays": ("count",),
    "ways": ("followed", "on_way", "joined", "steps", "deviations", "been"),
    "detours": ("customers", "times", "ended", "clock"),
    "touchpoints": ("count",),
    "feeling": ("count", "sum", "squares"),
    "campaigns": ("count",),
    "goals": ("customers", "ended", "met", "sum", "squares"),
}
"""`stay`: the sum of the times spent in `from`, in microseconds; `first`: how many had never been in `to`. `followed`: how many more
customers came while the journey had an ideal way; `on_way`: how many more are on it; `joined`: how many more are counted for the persona
without having entered a stage, because they had another before; `steps`: stages entered by those whose way is followed; `deviations`: how many of
them did not fit the ideal way; `been`: how many more customers of the persona have been in `from` without `first` having counted them for it, as with `joined`. `customers`: who make this detour for the first time; `times`, `ended`: detours that began and that
ended; `clock`: the sum of the times at which they ended, minus the sum of those at which they began, in seconds since 1970. `sum` and `squares` are of values in `FEELING_UNITS` or `VALUE_UNITS`.
Goals count different customers, in the hour of their first trigger, and the outcome, in the hour in which that goal ended."""
TABLES: Final[tuple[Table, ...]] = tuple(COLUMNS)


class Segment(NamedTuple):
    """A persona (none: none fits) and a stage."""

    persona: str | None
    stage: str


Counted = tuple[Table, Key, tuple[int, ...]]
"""Figures to add to those of a key."""

NUMBERED: Final = frozenset({"bucket"})
"""Columns that hold a number; the others hold a name or none."""
OPEN_ENDED: Final = frozenset({"type", "channel"})
"""Columns whose names come from touchpoints, so that their number is open-ended."""

FEELING_UNITS: Final = 1_000
"""Feeling values are kept in thousandths."""

VALUE_UNITS: Final = 1_000
"""The values of goals are kept in thousandths."""
LARGEST_VALUE: Final = 1_000_000_000_000
"""The most that a single goal counts, above or below zero, in the goal's own units."""

CampaignGroup = tuple[str, str]
"""A campaign and one of `GROUPS`."""
GROUPS: Final = ("sent", "holdout")
"""Customers who got a campaign's message, and those who were held back as the holdout group."""

MOST_NAMES: Final = 200
"""Most names in an open-ended column of one page; further ones are counted as `OTHER`."""
MOST_CELLS: Final = 20_000
"""Most keys of one page; beyond that, all names of a key become `OTHER`. Only journeys with dozens of stages and personas get near."""
OTHER: Final = "other"


def add_figures(to: Figures, more: Sequence[int]) -> None:
    """Add `more` to `to`, number by number."""
    for place, number in enumerate(more):
        to[place] += number
