"""What all accumulators have in common: which touchpoints they take in, and a key by which their memory is found again."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Protocol, runtime_checkable

import msgspec

from etapa.journey.engine.customer import Memory
from etapa.journey.engine.touchpoint import Touchpoint
from etapa.journey.language.compare import compile_where
from etapa.journey.language.model import Match

_KEY_CHARACTERS = 6


class Accumulator(Protocol):
    """Remembers touchpoints of some types, in a bounded entry of a customer's memory, under its own key."""

    @property
    def key(self) -> str: ...

    @property
    def types(self) -> tuple[str, ...]:
        """The touchpoint types it takes in; `*` for any."""

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        """Take in `touchpoint`, whose type is among `types`, if it matches. It may have occurred long before `now`."""


@runtime_checkable
class Window(Accumulator, Protocol):
    """Remembers what occurred within a time of now. `times_place`: which item of the entry are the times, ascending.

    Nothing in the entry counts once the last of them has left the window.
    """

    @property
    def times_place(self) -> int: ...

    @property
    def within(self) -> int: ...


def forget_what_is_over(windows: Sequence[Window], memory: Memory, now: int) -> None:
    """Remove entries that say nothing any more: an entry that is missing and one whose window is empty are the same to all who ask.

    A touchpoint that comes in makes room in its own window only, and many windows outlast what they saw.
    """
    for window in windows:
        entry = memory.get(window.key)
        if entry is not None:
            times = entry[window.times_place]
            if not times or times[-1] <= now - window.within:
                del memory[window.key]


class Matching:
    """Base of accumulators that take in what a `Match` describes."""

    __slots__ = ("key", "types", "where")

    def __init__(self, kind: str, match: Match, *details: object) -> None:
        self.key = accumulator_key(kind, match_definition(match), *details)
        self.types = match.types
        self.where = compile_where(match.where)


def accumulator_key(kind: str, *definition: object) -> str:
    """A short text that only an accumulator of the same definition has, in this version of the journey or another.

    It is made of what the definition says, not of the names of our classes: renaming those must not lose memories.
    """
    digest = blake2b(msgspec.json.encode([kind, *definition]), digest_size=_KEY_CHARACTERS).digest()
    # Every customer's state holds it several times over, so it is short: 64 to the sixth different ones.
    return urlsafe_b64encode(digest)[:_KEY_CHARACTERS].decode()


def match_definition(match: Match) -> list[Any]:
    """What a `Match` says as plain lists. The order in which a `where` was written means nothing, so it is sorted away."""
    entries = [
        [list(path), sorted(([test.operator, test.operand] for test in comparison.tests), key=msgspec.json.encode)]
        for path, comparison in match.where.entries
    ]
    return [sorted(match.types), sorted(entries, key=msgspec.json.encode)]
