"""The tables of the ledger: what each is keyed by, and what it counts. All keys are split by persona, all figures are whole numbers."""

from typing import Final, Literal

Table = Literal["moves", "stays", "touchpoints", "feeling", "campaigns"]

Key = tuple[str | int | None, ...]
"""One value for each of a table's columns."""
Figures = list[int]
"""One number for each of a table's figures. Two of one key add up number by number."""

COLUMNS: Final[dict[Table, tuple[str, ...]]] = {
    "moves": ("persona", "from", "to", "cause"),
    "stays": ("persona", "from", "to", "bucket"),
    "touchpoints": ("persona", "stage", "type", "channel"),
    "feeling": ("persona", "stage"),
    "campaigns": ("persona", "campaign", "outcome"),
}
"""`from` none: a new customer. `bucket`: see `stays`. `stage` of a touchpoint: the one into which it moved the customer, or the one in
which it found the customer, if it moved nobody; of feeling: the one in which the customer was."""
FIGURES: Final[dict[Table, tuple[str, ...]]] = {
    "moves": ("count", "stay"),
    "stays": ("count",),
    "touchpoints": ("count",),
    "feeling": ("count", "sum", "squares"),
    "campaigns": ("count",),
}
"""`stay`: the sum of the times spent in `from`, in microseconds. `sum` and `squares` are of values in `FEELING_UNITS`."""
TABLES: Final[tuple[Table, ...]] = tuple(COLUMNS)

NUMBERED: Final = frozenset({"bucket"})
"""Columns that hold a number; the others hold a name or nothing."""
OPEN_ENDED: Final = frozenset({"type", "channel"})
"""Columns whose names come from touchpoints, so that anybody may make up more of them."""

FEELING_UNITS: Final = 1_000
"""Values that say how customers feel are kept in thousandths."""

MOST_NAMES: Final = 200
"""Names in an open-ended column of one page; what comes beyond is counted as `OTHER`."""
MOST_CELLS: Final = 20_000
"""Keys of one page; beyond that all names of a key become `OTHER`. Only journeys with dozens of stages and personas get near."""
OTHER: Final = "other"
