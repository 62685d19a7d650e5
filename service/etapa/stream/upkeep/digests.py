"""Digests that stand for the values of records, so that many of them fit in memory."""

import hashlib
from typing import Final

DIGEST_BYTES: Final = 12


def digest_of(value: bytes) -> bytes:
    """The digest that stands for a record's value."""
    return hashlib.blake2b(value, digest_size=DIGEST_BYTES).digest()
