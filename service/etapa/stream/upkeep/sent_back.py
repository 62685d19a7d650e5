"""Which dead letters of a partition were sent back already: kept with the offsets of a consumer group, as a short text.

Sending back selects: by reason, by time, one by one. So what was sent back is no single position but ranges of offsets, and
as a selection mostly goes by reason, ranges for each reason apart: then they are few. Pure; who stores the text is in `redrive`.
"""

import re
from collections.abc import Mapping, Sequence

from etapa.contracts.rejected import REASONS, Reason
from etapa.errors import EtapaError

VERSION = "1"
LONGEST = 3_500
"""Characters. Brokers take 4,096 bytes beside a group's offset unless they are told otherwise (`offset.metadata.max.bytes`)."""

Range = tuple[int, int]
"""First and last offset; both belong to it. All letters of the reason in between belong to it, too."""

_RANGE = re.compile(r"([0-9]{1,19})(?:-([0-9]{1,19}))?")


class SentBackError(EtapaError):
    """The stored text was not written by this version, or not by us at all."""


class SentBack:
    """Immutable. Ranges are in order, and apart."""

    __slots__ = ("_ranges",)

    def __init__(self, ranges: Mapping[Reason, Sequence[Range]] | None = None) -> None:
        self._ranges: Mapping[Reason, Sequence[Range]] = ranges or {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SentBack) and self._ranges == other._ranges

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"SentBack({self.text()!r})"

    def holds(self, reason: Reason, offset: int) -> bool:
        """Whether the letter of this reason at this offset was sent back."""
        return any(first <= offset <= last for first, last in self._ranges.get(reason, ()))

    def plus(self, reason: Reason, offset: int, previous: int | None) -> "SentBack":
        """With one letter more. `previous` is the offset of the letter of the same reason before it; none when that is not known."""
        ranges: list[Range] = []
        first = last = offset
        for one in self._ranges.get(reason, ()):
            # A range that ends at or beyond the letter before is joined: no letter of this reason lies in between.
            if one[0] <= offset and one[1] >= (offset if previous is None else previous):
                first, last = min(first, one[0]), max(last, one[1])
            else:
                ranges.append(one)
        ranges.append((first, last))
        return SentBack({**self._ranges, reason: sorted(ranges)})

    def without_before(self, first: int) -> "SentBack":
        """Without what the topic does not hold any more: its first offset is `first`."""
        kept = {reason: [one for one in ranges if one[1] >= first] for reason, ranges in self._ranges.items()}
        return SentBack({reason: ranges for reason, ranges in kept.items() if ranges})

    def shortened(self) -> "SentBack":
        """What fits: when too many letters were sent back one by one, the oldest are forgotten."""
        ranges = {reason: list(some) for reason, some in self._ranges.items()}
        length = len(self.text())
        while length > LONGEST:
            oldest = min((reason for reason in ranges if ranges[reason]), key=lambda reason: ranges[reason][0])
            length -= len(_written(ranges[oldest].pop(0))) + 1
        return self if length == len(self.text()) else SentBack({reason: some for reason, some in ranges.items() if some})

    def text(self) -> str:
        """As it is stored: `1 invalid=3-17,25 key_mismatch=4`."""
        return " ".join([VERSION, *(f"{reason}={','.join(map(_written, self._ranges[reason]))}" for reason in sorted(self._ranges))])


def _written(one: Range) -> str:
    first, last = one
    return str(first) if first == last else f"{first}-{last}"


def read_sent_back(text: str) -> SentBack:
    """The other way round; an empty text is nothing sent back yet. Raises `SentBackError`."""
    if not text:
        return SentBack()
    version, *entries = text.split(" ")
    ranges: dict[Reason, list[Range]] = {}
    for entry in entries:
        name, _, listed = entry.partition("=")
        reason = next((one for one in REASONS if one == name), None)
        found = [_RANGE.fullmatch(one) for one in listed.split(",")]
        if version != VERSION or reason is None or not all(found):
            raise SentBackError(f"{text[:60]!r} does not say which dead letters were sent back, at least not to this version")
        ranges[reason] = [(int(one[1]), int(one[2] or one[1])) for one in found if one]
    return SentBack(ranges)
