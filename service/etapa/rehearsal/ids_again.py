"""Counts ids that come again after a customer's state has forgotten them, in memory that does not grow with the file.

It keeps digests of the ids seen; when there are too many, only those of every second id, then of every fourth, and so on. So up to
`MOST` ids the count is exact, and for larger files it is estimated from a sample.
"""

from hashlib import blake2b
from typing import Final

MOST: Final = 200_000
"""The most digests kept, of eight bytes each: about 15 MB."""


class IdsAgain:
    """Must see every touchpoint that was not recognised as a repeat."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._seen: set[int] = set()
        self._one_in = 1
        self._again = 0

    def see(self, customer_id: str, identity: str) -> None:
        """Take in the id of a touchpoint."""
        digest = int.from_bytes(blake2b(f"{customer_id}\0{identity}".encode(), digest_size=8).digest(), "big")
        if digest % self._one_in:
            return
        if digest in self._seen:
            self._again += 1
            return
        self._seen.add(digest)
        if len(self._seen) > self._most:
            before, self._one_in = len(self._seen), self._one_in * 2
            self._seen = {kept for kept in self._seen if kept % self._one_in == 0}
            self._again = round(self._again * len(self._seen) / before)

    @property
    def number(self) -> int:
        """How many came again; scaled up if only a sample was looked at."""
        return self._again * self._one_in

    @property
    def is_exact(self) -> bool:
        """Whether every id was looked at."""
        return self._one_in == 1
