"""Numbers for what is counted of touchpoints, so that counting one takes few lookups."""

from collections.abc import Sequence
from typing import Final, final

Segment = tuple[str | None, str]
"""A persona (none: none fits) and a stage."""


@final
class CountedSegments:
    """Numbers the segments and the types of touchpoints that a journey names. Immutable."""

    __slots__ = ("segments", "stages", "types")

    def __init__(self, personas: Sequence[str | None], stages: Sequence[str], types: Sequence[str]) -> None:
        """`personas`: none first."""
        self.stages: Final = len(stages)
        """How many stages there are. Segments are ordered by persona, none first, then by stage."""
        self.segments: Final[list[Segment]] = [(persona, stage) for persona in personas for stage in stages]
        self.types: Final = list(types)
