"""Customers who differ between two journeys, and choosing a few of them to show: always the same ones, and some of each kind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import zip_longest

from etapa.journey.engine.facts.stage_change import StageChange
from etapa.rehearsal.unsettled import Parting

Cell = tuple[str | None, str | None]
"""A customer's stage in the old journey and in the new one. None: that journey could not judge any of the customer's touchpoints."""


@dataclass(frozen=True, slots=True)
class DifferingCustomer:
    """A customer who differs, with the last stage change in each journey, which decided the stage."""

    customer_id: str
    old: StageChange | None
    new: StageChange | None
    parted: Parting
    """Where the two journeys first differed."""

    @property
    def cell(self) -> Cell:
        return (None if self.old is None else self.old.to, None if self.new is None else self.new.to)


def stable_hash(customer_id: str) -> bytes:
    """A sort key that has nothing to do with what the ids look like."""
    return blake2b(customer_id.encode(), digest_size=8).digest()


def in_turns(lists: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first of each list, then the second of each, and so on."""
    for turn in zip_longest(*lists):
        yield from (each for each in turn if each is not None)
