"""Sequences whose items are objects only for those who ask for one: a batch has thousands, and hardly anybody looks at them."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar, overload

_T = TypeVar("_T")


class MadeWhenAsked(Sequence[_T], Generic[_T]):
    """Whoever asks for an item gets it made anew. Equal to every sequence of equal items."""

    __slots__ = ()

    @overload
    def __getitem__(self, place: int) -> _T: ...

    @overload
    def __getitem__(self, place: slice) -> list[_T]: ...

    def __getitem__(self, place: int | slice) -> _T | list[_T]:
        if isinstance(place, slice):
            return [self._made(each) for each in range(len(self))[place]]
        return self._made(range(len(self))[place])

    def __iter__(self) -> Iterator[_T]:
        return (self._made(place) for place in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)})"

    @abstractmethod
    def _made(self, place: int) -> _T:
        """The item at that place, counted from 0."""
