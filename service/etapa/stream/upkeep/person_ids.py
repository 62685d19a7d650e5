"""Whose records are looked for: all ids of one person, as they are, or as keyed digests."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from etapa.contracts.json_reading import read_json
from etapa.journey.engine.deny_list import DenyKey

MOST_DIGESTS: Final = 100_000
"""Digests kept, for ids that come again."""

_decode = msgspec.json.Decoder().decode


class PersonIds:
    """`digests` are in hexadecimal, made with `key`."""

    def __init__(self, *ids: str, digests: Iterable[str] = (), key: DenyKey | None = None) -> None:
        self.ids: Final[Sequence[str]] = ids
        self._ids = frozenset(ids)
        digested = frozenset(digests)
        self._is_digested = bool(digested) and key is not None

        @lru_cache(MOST_DIGESTS)
        def is_digested(customer_id: str) -> bool:
            return key is not None and key.digest(customer_id).hex() in digested

        self._has_digest = is_digested

    def names(self, customer_id: str) -> bool:
        """Whether this is one of the ids."""
        return customer_id in self._ids or (self._is_digested and self._has_digest(customer_id))

    def is_key(self, key: bytes | None) -> bool:
        """Whether a record with this key is the person's."""
        return key is not None and self.names(key.decode("utf-8", "surrogateescape"))

    def are_mentioned(self, value: bytes | None) -> bool:
        """Whether a value is JSON, and one of its texts equals one of the ids."""
        if value is None or not self._may_be_in(value):
            return False
        try:
            return any(self.names(text) for text in _texts(read_json(_decode, value)))
        except msgspec.DecodeError:
            return False

    def _may_be_in(self, value: bytes) -> bool:
        # Nobody writes letters and digits as escapes, and most records need no decoding.
        return self._is_digested or any(not (each.isascii() and each.isalnum()) or each.encode() in value for each in self.ids)


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
