"""Records to be published that were written already, one behind the other."""

from collections.abc import Iterator, Sequence
from typing import overload

from etapa.contracts.record_body import read_body
from etapa.stream.protocol.records import Outgoing


class WrittenRecords(Sequence[Outgoing]):
    """Bodies of records (see `contracts.record_body`) and where each ends. Whoever asks for a record gets it made anew."""

    def __init__(self, bodies: bytearray, ends: list[int]) -> None:
        """Both may still grow."""
        self.bodies = bodies
        self.ends = ends

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, place: int) -> Outgoing: ...

    @overload
    def __getitem__(self, place: slice) -> list[Outgoing]: ...

    def __getitem__(self, place: int | slice) -> Outgoing | list[Outgoing]:
        if isinstance(place, slice):
            return [self._made(each) for each in range(len(self.ends))[place]]
        return self._made(range(len(self.ends))[place])

    def __iter__(self) -> Iterator[Outgoing]:
        return (self._made(place) for place in range(len(self.ends)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"WrittenRecords({list(self)})"

    def _made(self, place: int) -> Outgoing:
        key, value, headers = read_body(bytes(self.bodies[self.ends[place - 1] if place else 0 : self.ends[place]]))
        return Outgoing(key, value, headers)
