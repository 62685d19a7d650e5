"""Many durations, as plain numbers: kept as objects, they would be in no cache any more when they are counted."""

from array import array
from struct import calcsize, pack
from typing import Final, final

from mypy_extensions import mypyc_attr

_TOGETHER: Final = 64
"""How many are packed at once: one by one, they would cost compiled code twice as much."""
_CODE: Final = next(code for code in "lq" if calcsize(code) == array("q").itemsize)
"""The code of an integer of 64 bits. Python reads a C `long` off its own integers in a third of the time of a `long long`."""


@final
@mypyc_attr(acyclic=True)
class Durations:
    """Grows by one duration at a time. All are in microseconds and fit into 64 bits."""

    __slots__ = ("_latest", "_packed")

    def __init__(self) -> None:
        self._packed: Final[array[int]] = array("q")
        self._latest: Final[list[int]] = []
        """Those that came after the packed ones."""

    def __len__(self) -> int:
        return len(self._packed) + len(self._latest)

    def add(self, duration: int) -> None:
        """Add a duration."""
        latest = self._latest
        latest.append(duration)
        if len(latest) >= _TOGETHER:
            self._pack()

    def packed(self) -> "array[int]":
        """All of them, in the order in which they were added. Grows with them."""
        if self._latest:
            self._pack()
        return self._packed

    def _pack(self) -> None:
        latest = self._latest
        self._packed.frombytes(pack(f"{len(latest)}{_CODE}", *latest))
        latest.clear()
