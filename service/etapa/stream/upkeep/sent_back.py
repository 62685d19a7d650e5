"""Which dead letters of a partition were already sent back, as a short text kept with the offsets of a consumer group.

Letters are selected by reason, by time or one by one. So what was sent back is not a single position but ranges of offsets. As a
selection mostly goes by the letters' kind (the reason, or reason, target and campaign), each kind has its own ranges, which keeps them
few. Pure; `redrive` stores the text.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from etapa.errors import EtapaError

VERSION = "1"
LONGEST = 3_500
"""Characters. By default brokers accept 4,096 bytes of metadata with a group's offset (`offset.metadata.max.bytes`)."""

Range = tuple[int, int]
"""First and last offset, both inclusive. All letters of the kind in between are included."""

_RANGE = re.compile(r"([0-9]{1,19})(?:-([0-9]{1,19}))?")


class SentBackError(EtapaError):
    """The stored text was not written by this version, or not by us at all."""


class SentBack:
    """Immutable. Ranges are in order and do not touch."""

    __slots__ = ("_ranges",)

    def __init__(self, ranges: Mapping[str, Sequence[Range]] | None = None) -> None:
        self._ranges: Mapping[str, Sequence[Range]] = ranges or {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SentBack) and self._ranges == other._ranges

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"SentBack({self.text()!r})"

    def holds(self, kind: str, offset: int) -> bool:
        """Whether the letter of this kind at this offset was sent back."""
        return any(first <= offset <= last for first, last in self._ranges.get(kind, ()))

    def plus(self, kind: str, offset: int, previous: int | None) -> "SentBack":
        """With one more letter. `previous` is the offset of the previous letter of the same kind; none when unknown."""
        ranges: list[Range] = []
        first = last = offset
        for one in self._ranges.get(kind, ()):
            # A range that ends at or beyond the previous letter is joined: no letter of this kind lies in between.
            if one[0] <= offset and one[1] >= (offset if previous is None else previous):
                first, last = min(first, one[0]), max(last, one[1])
            else:
                ranges.append(one)
        ranges.append((first, last))
        return SentBack({**self._ranges, kind: sorted(ranges)})

    def without_before(self, first: int) -> "SentBack":
        """Without letters that the topic no longer holds: its first offset is `first`."""
        kept = {kind: [one for one in ranges if one[1] >= first] for kind, ranges in self._ranges.items()}
        return SentBack({kind: ranges for kind, ranges in kept.items() if ranges})

    def shortened(self) -> "SentBack":
        """Cut to the longest text: when too many letters were sent back one by one, the oldest are forgotten."""
        ranges = {kind: list(some) for kind, some in self._ranges.items()}
        length = len(self.text())
        while length > LONGEST:
            oldest = min((kind for kind in ranges if ranges[kind]), key=lambda kind: ranges[kind][0])
            length -= len(_written(ranges[oldest].pop(0))) + 1
        return self if length == len(self.text()) else SentBack({kind: some for kind, some in ranges.items() if some})

    def text(self) -> str:
        """As it is stored: `1 invalid=3-17,25 key_mismatch=4`."""
        return " ".join([VERSION, *(f"{kind}={','.join(map(_written, self._ranges[kind]))}" for kind in sorted(self._ranges))])


def _written(one: Range) -> str:
    first, last = one
    return str(first) if first == last else f"{first}-{last}"


def read_sent_back(text: str, reasons: Collection[str]) -> SentBack:
    """Read the stored text; an empty text means that nothing was sent back yet. `reasons` are the possible ones. Raises `SentBackError`."""
    if not text:
        return SentBack()
    version, *entries = text.split(" ")
    ranges: dict[str, list[Range]] = {}
    for entry in entries:
        kind, _, listed = entry.partition("=")
        found = [_RANGE.fullmatch(one) for one in listed.split(",")]
        if version != VERSION or kind.partition(".")[0] not in reasons or not all(found):
            raise SentBackError(f"{text[:60]!r} does not say which dead letters were sent back, at least not to this version")
        ranges[kind] = [(int(one[1]), int(one[2] or one[1])) for one in found if one]
    return SentBack(ranges)
