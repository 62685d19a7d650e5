"""The tables of the ledger: their key columns and what they count. All keys include the persona; all figures are whole numbers."""

from typing import Final, Literal

Table = Literal["moves", "stays", "touchpoints", "feeling", "campaigns", "goals"]

Key = tuple[str | int | None, ...]
"""One value for each of a table's columns."""
Figures = list[int]
"""One number for each of a table's figures. Figures of the same key are added number by number."""

COLUMNS: Final[dict[Table, tuple[str, ...]]] = {
    "moves": ("persona", "from", "to", "cause"),
    "stays": ("persona", "from", "to", "bucket"),
    "touchpoints": ("persona", "stage", "type", "channel"),
    "feeling": ("persona", "stage"),
    "campaigns": ("persona", "campaign", "outcome"),
    "goals": ("persona", "campaign", "group"),
}
"""`from` none: a new customer. `bucket`: see `stays`. `stage` of a touchpoint: the one into which it moved the customer, or the one in
which it found the customer, if it moved nobody; of feeling: the one in which the customer was. `group`: one of `GROUPS`. `persona` of goals:
that at the trigger."""
FIGURES: Final[dict[Table, tuple[str, ...]]] = {
    "moves": ("count", "stay"),
    "stays": ("count",),
    "touchpoints": ("count",),
    "feeling": ("count", "sum", "squares"),
    "campaigns": ("count",),
    "goals": ("customers", "ended", "met", "sum", "squares"),
}
"""`stay`: the sum of the times spent in `from`, in microseconds. `sum` and `squares` are of values in `FEELING_UNITS` or `VALUE_UNITS`.
Of goals: different customers who were triggered, in the hour of the first trigger, and what became of that, in the hour in which it ended."""
TABLES: Final[tuple[Table, ...]] = tuple(COLUMNS)

NUMBERED: Final = frozenset({"bucket"})
"""Columns that hold a number; the others hold a name or none."""
OPEN_ENDED: Final = frozenset({"type", "channel"})
"""Columns whose names come from touchpoints, so that their number is open-ended."""

FEELING_UNITS: Final = 1_000
"""Feeling values are kept in thousandths."""

VALUE_UNITS: Final = 1_000
"""What customers bring while a goal is open is kept in thousandths."""
LARGEST_VALUE: Final = 1_000_000_000_000
"""What a single goal counts at most, above and below zero; in the goal's own units."""

GROUPS: Final = ("sent", "control")
"""Who got a campaign's message, and who was to get none."""

MOST_NAMES: Final = 200
"""Most names in an open-ended column of one page; further ones are counted as `OTHER`."""
MOST_CELLS: Final = 20_000
"""Most keys of one page; beyond that, all names of a key become `OTHER`. Only journeys with dozens of stages and personas get near."""
OTHER: Final = "other"
