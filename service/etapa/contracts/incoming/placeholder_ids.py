"""Customer ids that name nobody: what a program writes where it knows no customer. Taken as ids, they would make one customer of a crowd."""

from collections.abc import Iterable
from typing import Final

USUAL_PLACEHOLDERS: Final = ("undefined", "null", "nan", "none", "0", "-1", "[object Object]", "anonymous", "guest", "unknown")
"""Besides these, ids that are empty or blank, and, with `0` among them, ids of nothing but zeros, such as the nil UUID."""


def placeholders(names: Iterable[str]) -> frozenset[str]:
    """The names as `names_nobody` compares them: upper and lower case are alike, and blanks around them do not matter."""
    return frozenset(name.strip().casefold() for name in names)


def beginnings(names: frozenset[str]) -> frozenset[str]:
    """The characters with which an id begins that may be one of `names`. What begins otherwise needs no second look."""
    return frozenset(character for name in names if name for character in (name[0], name[0].upper()))


def names_nobody(customer_id: str, names: frozenset[str]) -> bool:
    """Whether an id is one of `names` (see `placeholders`), blank, or all zeros where `0` is a name. Without names none is."""
    if not names:
        return False
    found = customer_id.strip().casefold()
    return not found or found in names or ("0" in names and "0" in found and not found.strip("0-."))
