"""What the states of a partition have in common. The mark says it once for all of them, and they leave it out."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, final

KnownMemories = Mapping[int, bytes]
"""The memories that each version of the journey keeps, as in `Customer.known`."""

NO_KNOWN_MEMORIES: Final[KnownMemories] = MappingProxyType({})

MOST_NAMES: Final = 128
"""As many as MessagePack numbers in one byte. With more names, the mark would grow and states would hardly shrink."""


@final
class InCommon:
    """The memories that versions keep, and names that states refer to by number: of stages, rules, personas, traits and accumulators."""

    __slots__ = ("memories", "names", "numbers")

    def __init__(self, memories: KnownMemories = NO_KNOWN_MEMORIES, names: Sequence[str] = ()) -> None:
        self.memories: Final = dict(memories)
        self.names: Final = tuple(names)
        self.numbers: Final = {name: number for number, name in enumerate(self.names)}

    def with_version(self, version: int, known: bytes, names: Sequence[str]) -> "InCommon":
        """The same, with what another version of the journey adds.

        What is there stays as it is, since states refer to it. Names for which there is no room stay out, and are written into states.
        """
        more = [name for name in dict.fromkeys(names) if name not in self.numbers]
        memories = {**self.memories, version: self.memories.get(version, known)}
        return InCommon(memories, (*self.names, *more)[: max(MOST_NAMES, len(self.names))])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InCommon) and (self.memories, self.names) == (other.memories, other.names)

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        return f"InCommon({dict(self.memories)}, {self.names})"


NOTHING_IN_COMMON: Final = InCommon()
"""For states that stand alone: they name everything."""
