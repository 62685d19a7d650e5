"""What stage changes do to customers' ways along the ideal one, kept so that it is worked out once for all whose ways are alike."""

from typing import Final, final

from mypy_extensions import i64

from etapa.journey.engine.facts.course import DetourKey, Way
from etapa.journey.ledger.tables import Counted
from etapa.journey.units import SECOND

_NOTHING: Final[tuple[Counted, ...]] = ()


@final
class KnownStep:
    """What a published change does to a way, whenever it happens."""

    __slots__ = ("_as_another", "_from_here", "after", "began", "counts", "ended", "is_new", "of", "persona", "to")

    def __init__(self, of: object, after: Way, to: str, persona: str | None) -> None:
        self.of: Final = of
        """The ideal way that it is a step along."""
        self.after = after
        """Where the customer is on it afterwards."""
        self.to: Final = to
        """The stage that it enters."""
        self.persona: Final = persona
        self._from_here: Final[list[KnownStep | None]] = []
        # Who is the same persona as before, and that is nearly everybody, finds the next step by the place of the rule alone.
        self._as_another: Final[dict[tuple[int, str | None], KnownStep]] = {}
        self.ended: DetourKey | None = None
        """The detour that ends with it, if one does; `began` likewise."""
        self.began: DetourKey | None = None
        self.is_new = 0
        """1 if it is the first time that the customer makes the detour that began."""
        self.counts: tuple[Counted, ...] = _NOTHING
        """What else the ledger counts of it."""

    def next(self, place: int, persona: str | None) -> "KnownStep | None":
        """The step taken next by the rule at that place among those out of `to`, by a customer of that persona, if somebody has taken it."""
        if persona != self.persona:
            return self._as_another.get((place, persona))
        return self._from_here[place] if place < len(self._from_here) else None

    def lead_to(self, after: "KnownStep", place: int, persona: str | None) -> None:
        """Note the step taken next."""
        if persona != self.persona:
            self._as_another[place, persona] = after
            return
        while len(self._from_here) <= place:
            self._from_here.append(None)
        self._from_here[place] = after

    def forget_what_is_next(self) -> None:
        """Let go of the steps taken next."""
        self._from_here.clear()
        self._as_another.clear()

    def counted(self, at: int) -> tuple[Counted, ...]:
        """What the ledger counts of it when it is taken at `at`."""
        if self.ended is None and self.began is None:
            return self.counts
        # Plain integers beyond 2**30 would be divided as objects.
        instant: i64 = at
        seconds: i64 = instant // SECOND
        counts: list[Counted] = []
        if self.ended is not None:
            counts.append(("detours", self.ended, (0, 0, 1, seconds)))
        if self.began is not None:
            counts.append(("detours", self.began, (self.is_new, 1, 0, -seconds)))
        counts += self.counts
        return tuple(counts)
