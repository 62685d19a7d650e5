"""Touchpoints from JSON Lines: each line's number, and the touchpoint in it or why there is none."""

from collections.abc import Iterator

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.rejected import Rejected, from_the_past
from etapa.contracts.rfc3339 import EARLIEST
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.sources.lines import Lines, numbered


class Touchpoints:
    """Touchpoints that somebody else has read already."""

    def touchpoints(self) -> Iterator[tuple[int, Touchpoint]]:
        """Each with a number that messages name it by."""
        raise NotImplementedError


def readings(
    lines: Lines | Touchpoints, decoder: Decoder, wall: int | None = None, earliest: int = EARLIEST
) -> Iterator[tuple[int, Touchpoint | Rejected]]:
    """Each line that is not blank, by its number from 1. A file has no record keys, so none is checked.

    `wall`: the clock, in microseconds since 1970, that a touchpoint may not be ahead of by more than a worker takes; none: by any time.
    `earliest`: what occurred before it is not taken.
    """
    latest = decoder.latest(wall)
    if isinstance(lines, Touchpoints):
        for number, touchpoint in lines.touchpoints():
            at = touchpoint.at
            late = decoder.untimely(at, wall, latest) if at > latest else None
            yield number, late or (from_the_past(earliest) if at < earliest else touchpoint)
        return
    for number, line in numbered(lines, decoder.max_bytes):
        read = decoder.read(line, wall, latest)
        yield number, from_the_past(earliest) if isinstance(read, Touchpoint) and read.at < earliest else read
