"""How long customers stayed in a stage, as a histogram with fixed buckets on a logarithmic scale.

Sixteen buckets for each doubling, as in an HDR histogram: none is wider than 1/16 of its start, so its middle is within 1/32 of
everything in it. Computed in whole numbers, so every machine finds the same bucket.
"""

from collections.abc import Mapping
from typing import Final

from mypy_extensions import i64

_BITS: Final = 4
_PIECES: Final = 1 << _BITS

BUCKETS: Final = 1024
"""More than there are buckets: no stay is as long as 2**63 microseconds."""


def bucket_of(stay: int) -> int:
    """The number of the bucket of a stay in microseconds; a negative stay counts as 0."""
    if stay < _PIECES:
        return max(0, stay)
    # Halves the stay until it is less than twice the number of pieces: by 32 bits if it is that long, then by 16, and so on.
    rest: i64 = stay
    halved: i64 = 0
    if rest >= 1 << 36:
        rest, halved = rest >> 32, 32
    if rest >= 1 << 20:
        rest, halved = rest >> 16, halved + 16
    if rest >= 1 << 12:
        rest, halved = rest >> 8, halved + 8
    if rest >= 1 << 8:
        rest, halved = rest >> 4, halved + 4
    if rest >= 1 << 6:
        rest, halved = rest >> 2, halved + 2
    if rest >= 1 << 5:
        rest, halved = rest >> 1, halved + 1
    return halved * _PIECES + rest


def bucket_start(bucket: int) -> int:
    """The shortest stay in a bucket, in microseconds."""
    if bucket < _PIECES:
        return bucket
    shift = bucket // _PIECES - 1
    return (bucket % _PIECES + _PIECES) << shift


def bucket_end(bucket: int) -> int:
    """The shortest stay beyond a bucket, in microseconds."""
    return bucket_start(bucket + 1)


def quantile(counts: Mapping[int, int], share: float) -> int | None:
    """The stay in microseconds that `share` of the counted stays do not exceed: the middle of its bucket. None if none were counted."""
    total = sum(counts.values())
    if not total:
        return None
    # If two stays qualify, take the lower one, as for medians elsewhere.
    left = max(1, -int(-share * total // 1))
    for bucket in sorted(counts):
        left -= counts[bucket]
        if left <= 0:
            return (bucket_start(bucket) + bucket_end(bucket) - 1) // 2
    raise AssertionError("more was counted than there is")
