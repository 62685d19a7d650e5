"""The figures that a map is made from, as in the report of a ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from etapa.journey.map.document import CampaignEffect
from etapa.journey.map.ways import WayFigures

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """Tables of flat objects, as in a report, with the span and persona they cover. Times are microseconds since 1970."""

    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    persona: str | None = None
    """The persona whose figures they are; none: all customers."""
    begins: int | None = None
    ends: int | None = None
    is_part: bool = False
    """Whether what happened before the span is left out."""
    exact: bool = True
    population: Mapping[str, int] | None = None
    """Customers by stage, if known more exactly than entries minus exits."""
    trends: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Customers by stage at the end of each of several equal steps of time."""
    way: WayFigures | None = None
    """The ways of customers; none if nobody is followed."""
    effects: Mapping[str, CampaignEffect] = field(default_factory=dict)
    """By campaign, if its groups can be compared. Only over all time and all customers: whoever compares many parts finds effects by chance."""

    def counts(self, table: str) -> bool:
        """Whether there is such a table; if so, what it lacks never happened."""
        return table in self.tables

    def rows(self, table: str, **wanted: Any) -> list[Row]:
        """Rows of a table with these values."""
        return [row for row in self.tables.get(table, ()) if all(row.get(name.rstrip("_")) == value for name, value in wanted.items())]

    def by_rule(self) -> Mapping[tuple[str, str], Mapping[str | None, int]] | None:
        """How often each rule made each move; none if moves are not counted by rule."""
        if not self.counts("rules"):
            return None
        found: dict[tuple[str, str], dict[str | None, int]] = {}
        for row in self.rows("rules"):
            found.setdefault((row["from"], row["to"]), {})[row["rule"]] = row["count"]
        return found

    def total(self, table: str, **wanted: Any) -> int:
        """How often something is counted in a table."""
        return sum(row["count"] for row in self.rows(table, **wanted))
