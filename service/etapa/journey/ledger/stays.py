"""How long customers stayed in a stage, as a histogram with fixed buckets on a logarithmic scale.

Sixteen buckets for each doubling, as in an HDR histogram: none is wider than 1/16 of its start, so its middle is within 1/32 of
everything in it. Computed in whole numbers, so every machine finds the same bucket.
"""

from collections.abc import Mapping
from typing import Final

_BITS: Final = 4
_PIECES: Final = 1 << _BITS


def bucket_of(stay: int) -> int:
    """The number of the bucket of a stay in microseconds; a negative stay counts as 0."""
    if stay < _PIECES:
        return max(0, stay)
    shift = stay.bit_length() - _BITS - 1
    return (shift + 1) * _PIECES + (stay >> shift) - _PIECES


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
