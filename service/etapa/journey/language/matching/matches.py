"""Which touchpoints a condition matches, and what it asks of values: types, paths, comparisons."""

from dataclasses import dataclass
from typing import Literal

Scalar = str | int | float | bool | None
ANY_TYPE = "*"
"""In a list of types, stands for every touchpoint type."""
LINK = "$link"
"""The type of touchpoints that join two ids. They are nothing that a customer did, so no condition sees them."""

Conversion = Literal["number", "boolean", "date"]
"""What a value is converted to before it is compared (`as`)."""

Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "not_in", "exists", "contains", "starts_with", "ends_with", "matches"]


@dataclass(frozen=True, slots=True, eq=False)
class Test:
    """One operator and its operand, such as `gte 3`. The operand of `in` and `not_in` is a tuple."""

    operator: Operator
    operand: Scalar | tuple[Scalar, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Test) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        # `eq 1` and `eq true` differ, although 1 == True in Python.
        operands = self.operand if isinstance(self.operand, tuple) else (self.operand,)
        return (self.operator, *((isinstance(each, bool), each) for each in operands))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One or more tests; a value satisfies the comparison if it passes all of them."""

    tests: tuple[Test, ...]
    conversion: Conversion | None = None
    """The value is converted to this first, and is missing if that fails. Operands of dates are texts, as written."""
    elements: "tuple[Elements, ...]" = ()
    """What the elements of a list must satisfy; not together with a conversion."""


Quantifier = Literal["any", "all", "none"]


@dataclass(frozen=True, slots=True)
class Elements:
    """What any, all or none of the elements of a list must satisfy. The paths of a `where` begin at the element."""

    quantifier: Quantifier
    asked: "Comparison | Where"


Path = tuple[str, ...]
"""Where a value lies in a touchpoint: `("channel",)`, `("type",)`, `("properties", "a", "b")` or `("traits", "x")`.

`ELEMENTS` after a key stands for all elements of the list there.
"""
ELEMENTS = "[]"

Weights = tuple[tuple[str, int | float], ...]
"""What touchpoints of each type count, sorted by type; `*` is every type not listed."""


@dataclass(frozen=True, slots=True)
class Where:
    """Entries that must all hold for a touchpoint to match. Empty: every touchpoint matches."""

    entries: tuple[tuple[Path, Comparison], ...] = ()


EVERYWHERE = Where()


@dataclass(frozen=True, slots=True)
class Match:
    """Which touchpoints match: types (sorted, without repeats, or just `*`) and a `where`."""

    types: tuple[str, ...]
    where: Where = EVERYWHERE
