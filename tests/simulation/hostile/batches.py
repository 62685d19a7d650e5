"""Batches from a hostile sender: small on the wire, and far larger in memory than any worker can afford."""

from collections.abc import Mapping, Sequence
from functools import cache
from random import Random
from typing import Final, NamedTuple

from aiokafka.record.default_records import DefaultRecordBatchBuilder

MEBIBYTE: Final = 1024 * 1024
LARGE: Final = 24 * MEBIBYTE
"""Hostile batches unpack to at least this many bytes."""
CODECS: Final = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
_BASE_OFFSET_BYTES: Final = 8


class Sent(NamedTuple):
    """A record as it was sent: `text` or else so many `zeros` as value, and `header_zeros` in a header."""

    key: bytes | None
    zeros: int
    header_zeros: int = 0
    text: bytes = b""

    @property
    def value(self) -> bytes:
        """The whole of it."""
        return self.text or _zeros(self.zeros)

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """All of them."""
        return [("h", _zeros(self.header_zeros))] if self.header_zeros else []


class HostileBatch(NamedTuple):
    """A batch in the log."""

    kind: str
    """The compressor used, and what is large in the batch."""
    offset: int
    records: Sequence[Sent]
    data: bytes

    @property
    def end(self) -> int:
        """The offset after it."""
        return self.offset + len(self.records)


def log_of(random: Random) -> list[HostileBatch]:
    """A log with good batches and some hostile ones."""
    batches: list[HostileBatch] = []
    end = 0
    for _ in range(random.randrange(2, 5)):
        codec = random.choice(list(CODECS))
        what = random.choice(list(HOSTILE))
        for kind, records in (("nothing", _good(random)), (what, HOSTILE[what])):
            data = end.to_bytes(_BASE_OFFSET_BYTES, "big") + _packed(codec, records)[_BASE_OFFSET_BYTES:]
            batches.append(HostileBatch(f"{codec}, {kind}", end, records, data))
            end = batches[-1].end
    return batches


def _good(random: Random) -> tuple[Sent, ...]:
    return tuple(Sent(b"ada", 0, 0, random.randbytes(random.randrange(1, 400))) for _ in range(random.randrange(1, 30)))


_SMALL: Final = Sent(b"bob", 0, 0, b"small")
HOSTILE: Final[Mapping[str, tuple[Sent, ...]]] = {
    "a value": (_SMALL, Sent(b"eve", LARGE), _SMALL),
    "all values together": tuple(Sent(b"eve", 50_000) for _ in range(LARGE // 50_000)),
    "a key": (_SMALL, Sent(bytes(LARGE), 5), _SMALL),
    "a header": (_SMALL, Sent(b"eve", 5, LARGE), _SMALL),
}
"""The hostile kinds, by what takes too much memory."""


@cache
def _zeros(count: int) -> bytes:
    return bytes(count)


@cache
def _packed(codec: str, records: Sequence[Sent]) -> bytes:
    builder = DefaultRecordBatchBuilder(2, CODECS[codec], 0, -1, -1, -1, 2**30)
    for number, one in enumerate(records):
        builder.append(number, 1_000, one.key, one.value, one.headers)
    return bytes(builder.build())
