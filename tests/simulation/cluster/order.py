"""An order for what aiokafka keeps in sets, whose order depends on memory addresses: with it, a seed gives the same run each time."""

from collections.abc import Hashable, Iterable, Iterator, MutableSet
from random import Random
from typing import Any


class InOrder(MutableSet[Any]):
    """Replaces `set` in aiokafka's modules, and keeps its elements in the order of insertion."""

    def __init__(self, elements: Iterable[Hashable] = ()) -> None:
        self._elements = dict.fromkeys(elements)

    def __contains__(self, element: object) -> bool:
        return element in self._elements

    def __iter__(self) -> Iterator[Any]:
        return iter(self._elements)

    def __len__(self) -> int:
        return len(self._elements)

    def add(self, value: Any) -> None:
        self._elements[value] = None

    def discard(self, value: Any) -> None:
        self._elements.pop(value, None)

    def update(self, elements: Iterable[Any]) -> None:
        """Add them all."""
        self._elements.update(dict.fromkeys(elements))


class InOrderRandom(Random):
    """Randomness for aiokafka, which chooses from sets."""

    def choice(self, seq: Any) -> Any:
        return super().choice(sorted(seq))

    def shuffle(self, x: Any) -> None:
        x.sort(key=str)
        super().shuffle(x)
