"""Figures as a tally has them."""

from collections.abc import Mapping, Sequence

from etapa.journey.ledger.sums import TableSums
from etapa.journey.ledger.tables import Key, Table


def sums_of(table: Table, cells: Mapping[Key, Sequence[int]]) -> TableSums:
    """Sums of a table with these figures by key."""
    sums = TableSums(table)
    for key, figures in cells.items():
        sums.add(key, tuple(figures))
    return sums
