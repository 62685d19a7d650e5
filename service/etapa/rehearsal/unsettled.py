"""Stage changes and triggers that one of two journeys has made, and the other may still make."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from etapa.journey.engine.facts.changes import Release
from etapa.journey.engine.facts.stage_change import StageChange


class Moved(NamedTuple):
    """What identifies a customer's stage change in both journeys."""

    at: int
    source: str | None
    to: str


class Triggered(NamedTuple):
    """What identifies a customer's campaign trigger in both journeys."""

    at: int
    campaign: str
    holdout: bool


class Parting(NamedTuple):
    """A customer's first stage change that only one of the journeys makes."""

    at: int
    """In microseconds since 1970."""
    source: str | None
    to: str
    only: str
    """`old` or `new`: the journey that makes it."""
    change: StageChange
    """The change itself, with its reasons."""


Made = Counter[Moved | Triggered]


@dataclass(slots=True)
class Unsettled:
    """What only one of the journeys has made so far, at a customer's present time: the other may still make it."""

    at: int
    old: Made = field(default_factory=Counter)
    new: Made = field(default_factory=Counter)
    changes: dict[tuple[Moved, bool], StageChange] = field(default_factory=dict)
    """The stage changes among them, with their reasons; `True` for those of the old journey."""

    def add(self, made: Moved | Triggered, *, is_old: bool, change: StageChange | None = None) -> None:
        """Add what one journey made, and the stage change that it was. If only the other had made it so far, the two cancel out."""
        if isinstance(made, Moved) and change is not None:
            self.changes[made, is_old] = change
        mine, others = (self.old, self.new) if is_old else (self.new, self.old)
        if others[made] > 1:
            others[made] -= 1
        elif made in others:
            del others[made]
        else:
            mine[made] += 1


def told_by(
    first: StageChange | Release | None, others: Iterator[StageChange | Release], *, is_old: bool
) -> Iterator[tuple[StageChange | Release, bool]]:
    """What one journey did, each with whether it was the old one."""
    if first is not None:
        yield first, is_old
        for change in others:
            yield change, is_old


def time_of(one: tuple[StageChange | Release, bool]) -> int:
    """When it happened."""
    return one[0].at
