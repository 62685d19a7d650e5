"""How a customer has kept to the ideal way so far, and for which persona it is counted. Part of the customer's state."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from etapa.journey.ledger.tables import Counted

UNKNOWN: Final = 0
"""The customer came before the journey had an ideal way. So do all whose journey has none."""
BEFORE: Final = 1
"""The customer is still in the stage where everybody begins, and the ideal way begins later."""
ON: Final = 2
OFF: Final = 3
"""Once off it, nobody gets back on: the stages entered stay what they were."""

DetourKey = tuple[str | None, str, str, str | None]
"""The persona, the stages left and entered, and the rule: the key of the ledger's `detours`."""


class Course(NamedTuple):
    """Bounded by the number of stages. A customer who needs only `way` has that alone."""

    way: int
    """`UNKNOWN`, `BEFORE`, `ON` or `OFF`."""
    persona: str | None = None
    """The persona for which the customer is counted: the one at the latest published change."""
    ideal: int = 0
    """Identifies the ideal way to which the next two refer; they and what follows are kept only of customers who are off it."""
    matched: bytes = b""
    """A bit for each stage of the ideal way, the lowest first: whether one stage more of the customer's way can be matched if it ends with that one."""
    furthest: int = -1
    """The place on the ideal way that the customer has reached; -1: none yet."""
    taken: bytes = b""
    """Digests of the different detours that the customer has made."""
    detour: DetourKey | None = None
    """The detour on which the customer is; none: it is back, or was never on one."""


class Departure(NamedTuple):
    """What the ledger counts of a customer who is forgotten, or turns out to be another."""

    at: int
    counts: Sequence[Counted]


Way = int | Course
"""`Customer.way`."""
