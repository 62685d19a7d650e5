"""Touchpoints from JSON Lines: the number of each line, and its touchpoint or why there is none."""

from collections.abc import Iterator

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.rejected import Rejected, from_the_past
from etapa.contracts.rfc3339 import EARLIEST
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.sources.lines import Lines, numbered


class Touchpoints:
    """Touchpoints that have been read already, for example by a source."""

    def touchpoints(self) -> Iterator[tuple[int, Touchpoint]]:
        """Each with a number that identifies it in messages."""
        raise NotImplementedError


def readings(
    lines: Lines | Touchpoints, decoder: Decoder, wall: int | None = None, earliest: int = EARLIEST
) -> Iterator[tuple[int, Touchpoint | Rejected]]:
    """Each line that is not blank, with its number from 1. A file has no record keys, so none are checked.

    `wall`: the clock, in microseconds since 1970; a touchpoint may be ahead of it only as far as in a worker. None: as far as it likes.
    `earliest`: touchpoints before this time are rejected.
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
