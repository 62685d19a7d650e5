"""Digests of the people with several ids in `customer-state`: of all of them, or of a part of them that takes a bounded amount of memory.

A sum of digests would take none, but not tell who differs; and it cannot be taken of a topic in which later records replace earlier ones
without knowing what those were.
"""

import zlib
from collections.abc import Mapping
from typing import Final

from etapa.stream.upkeep.digests import digest_of

MOST_AT_ONCE: Final = 200_000
"""People with several ids whose digests are kept at once: about 50 MB."""


class LinkedPart:
    """Those people whose names fall into one of equal parts, as the records say that were given to `take`."""

    def __init__(self, number: int = 0, parts: int = 1, most: int | None = None) -> None:
        """With `most`, the part halves whenever it has more people than that; it must then be part 0."""
        self.number: Final = number
        self.parts = parts
        """The number of parts."""
        self._most = most
        self._digests: dict[bytes, bytes] = {}

    @property
    def digests(self) -> Mapping[bytes, bytes]:
        """The digest of each entry, by its name."""
        return self._digests

    def has(self, name: bytes) -> bool:
        """Whether entries of this name belong to this part."""
        return zlib.crc32(name) % self.parts == self.number

    def take(self, name: bytes, value: bytes | None) -> None:
        """The next record of an entry; none: nobody is kept under this id any more."""
        if not self.has(name):
            return
        if value is None:
            self._digests.pop(name, None)
            return
        self._digests[name] = digest_of(value)
        while self._most is not None and len(self._digests) > self._most:
            self.parts *= 2
            self._digests = {one: digest for one, digest in self._digests.items() if self.has(one)}
