"""The customers of a partition who were forgotten, so that touchpoints that come late or again do not bring them back.

It holds keyed digests of their ids, and no ids. Whether an id is on it is asked only for customers without a state.
"""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import msgspec

from etapa.journey.engine.facts.forget_request import ForgetRequest

DIGEST_BYTES: Final = 16
MOST_DENIED: Final = 100_000
"""Customers on the list of one partition. Beyond that, those who may come again soonest are dropped."""


class Denial(msgspec.Struct, frozen=True):
    """When a customer was forgotten, and until which stream time touchpoints of its id change nothing, in microseconds since 1970."""

    at: int
    until: int

    @property
    def over(self) -> int:
        """When it is taken off the list: it stays for as long again, so that changes published before can still be told from damage."""
        return self.until + max(0, self.until - self.at)


class DenyKey:
    """The key that turns ids into digests. It never leaves the process."""

    def __init__(self, secret: bytes) -> None:
        self._secret: Final = secret

    def digest(self, customer_id: str) -> bytes:
        """The digest of an id, which nobody without the key can compute or lead back to it."""
        return self.sign(b"id\0" + customer_id.encode("utf-8", "surrogatepass"))[:DIGEST_BYTES]

    @property
    def check(self) -> bytes:
        """A few bytes that are the same for the same key."""
        return self.sign(b"key\0")[:4]

    def sign(self, text: bytes) -> bytes:
        """The HMAC-SHA256 of a text."""
        return hmac.digest(self._secret, text, sha256)


class DenyList:
    """`entries` are those of the last commit. `pending` is what has changed since; none: no longer on the list."""

    def __init__(self, key: DenyKey, entries: Mapping[bytes, Denial]) -> None:
        self.key: Final = key
        self._entries: Final = dict(entries)
        self.pending: dict[bytes, Denial | None] = {}
        self.dropped = 0
        """How many were dropped because the list was full."""
        self._next_over = min((each.over for each in self._entries.values()), default=None)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, request: ForgetRequest) -> bool:
        """Put the customer on the list; false if the request's digest was not made with our key."""
        if not self.is_ours(request):
            return False
        digest = request.digest
        before = self._entries.get(digest)
        self._put(digest, Denial(request.at, request.until if before is None else max(before.until, request.until)))
        return True

    def is_ours(self, request: ForgetRequest) -> bool:
        """Whether the request's digest was made with our key."""
        return hmac.compare_digest(self.key.digest(request.customer_id), request.digest)

    def take_in(self, denials: Mapping[bytes, Denial]) -> None:
        """Put customers on the list who were forgotten in another partition, by their digests. The longer time counts."""
        for digest, denial in denials.items():
            before = self._entries.get(digest)
            if before is None or before.until < denial.until:
                self._put(digest, denial)

    def entries_of(self, customer_id: str) -> Mapping[bytes, Denial]:
        """The customer's entry by its digest; nothing if it is not on the list."""
        digest = self.key.digest(customer_id) if self._entries else b""
        denial = self._entries.get(digest)
        return {} if denial is None else {digest: denial}

    @property
    def entries(self) -> Mapping[bytes, Denial]:
        """The whole list, by digest."""
        return self._entries

    def denies(self, customer_id: str, stream_time: int) -> bool:
        """Whether touchpoints of this id change nothing at that stream time."""
        if not self._entries:
            return False
        denial = self._entries.get(self.key.digest(customer_id))
        return denial is not None and stream_time < denial.until

    def expire(self, stream_time: int) -> None:
        """Take those off the list whose time is over."""
        if self._next_over is None or stream_time < self._next_over:
            return
        for digest in [digest for digest, each in self._entries.items() if each.over <= stream_time]:
            self._remove(digest)
        self._next_over = min((each.over for each in self._entries.values()), default=None)

    def collect(self) -> dict[bytes, Denial | None]:
        """What has changed since the last collection."""
        pending, self.pending = self.pending, {}
        return pending

    def _put(self, digest: bytes, denial: Denial) -> None:
        self._entries[digest] = self.pending[digest] = denial
        if self._next_over is None or denial.over < self._next_over:
            self._next_over = denial.over
        if len(self._entries) > MOST_DENIED:
            self.dropped += 1
            self._remove(min(self._entries, key=lambda each: (self._entries[each].until, each)))

    def _remove(self, digest: bytes) -> None:
        del self._entries[digest]
        self.pending[digest] = None
