"""Customer ids that name nobody: what programs write when they know no customer. As ids, they would merge many customers into one."""

from collections.abc import Iterable
from typing import Final

USUAL_PLACEHOLDERS: Final = ("undefined", "null", "nan", "none", "0", "-1", "[object Object]", "anonymous", "guest", "unknown")
"""Also placeholders: empty and blank ids and, with `0` in the list, ids of zeros only, such as the nil UUID."""


def placeholders(names: Iterable[str]) -> frozenset[str]:
    """The names as `names_nobody` compares them: case and surrounding blanks do not matter."""
    return frozenset(name.strip().casefold() for name in names)


def beginnings(names: frozenset[str]) -> frozenset[str]:
    """The first characters of ids that may be among `names`. Other ids need no further check."""
    return frozenset(character for name in names if name for character in (name[0], name[0].upper()))


def names_nobody(customer_id: str, names: frozenset[str]) -> bool:
    """Whether an id is one of `names` (see `placeholders`), blank, or all zeros if `0` is a name. Always false without names."""
    if not names:
        return False
    found = customer_id.strip().casefold()
    return not found or found in names or ("0" in names and "0" in found and not found.strip("0-."))
