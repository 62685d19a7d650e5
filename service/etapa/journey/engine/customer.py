"""Everything that is kept of one customer: compact, bounded, and laid out as it is stored (see `contracts.state`).

What bounds it: `recent` holds `remember_ids` digests, `traits` and `memory` hold only what the journey names and each
entry of them is bounded by its accumulator, and of stage changes the last two are kept.
"""

from copy import deepcopy
from typing import Any, Final, final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.outreach import Outreach

FORMAT: Final = 4
"""Raised whenever the fields below, or what an accumulator keeps in `memory`, change their meaning or order."""

DIGEST_BYTES: Final = 6
"""Kept of a touchpoint's id. Among 64 of them a new one is mistaken for a repeat once in four million million touchpoints."""

Memory = dict[str, Any]
"""Accumulator key to what it keeps: a time, or a list. An accumulator that has seen nothing has no entry."""

Change = tuple[str, int, str | None]
"""A stage change: to which stage, when, by which rule."""


@final
@mypyc_attr(acyclic=True)
class Customer:
    """One customer's state. Mutable: the engine changes it in place. The order of the fields is the stored layout.

    Times are microseconds since 1970.
    """

    __slots__ = (
        *("before", "began", "clock", "due", "entered_at", "first_at", "id", "known", "memory", "outreach", "recent", "rule", "sequence"),
        *("stage", "traits", "version"),
    )

    def __init__(
        self,
        version: int,
        stage: str,
        due: int | None,
        entered_at: int,
        clock: int,
        first_at: int,
        sequence: int,
        recent: bytes = b"",
        memory: Memory | None = None,
        rule: str | None = None,
        before: Change | None = None,
        traits: dict[str, list[Any]] | None = None,
        outreach: Outreach | None = None,
        began: dict[str, tuple[int, int]] | None = None,
        known: bytes = b"",
        id: str = "",  # noqa: A002 - called so everywhere else
    ) -> None:
        self.version = version
        """The journey version that last processed the customer. Another one carries the state over first."""
        self.stage = stage
        self.due = due
        """When the customer's timer strikes next if nothing happens; none when time alone can change nothing."""
        self.entered_at = entered_at
        self.clock = clock
        """The latest time processed: of a touchpoint, or of a timer that moved the customer. Never before `entered_at`."""
        self.first_at = first_at
        """The earliest touchpoint, by the time it occurred."""
        self.sequence = sequence
        """Number of published stage changes so far, which is the number of the last one."""
        self.recent = recent
        """Digests of the latest touchpoint ids, oldest first. Bytes, because they are searched and stored in one go."""
        self.memory: Memory = {} if memory is None else memory
        """What accumulators keep. An older version leaves the entries of a newer one as they are."""
        self.rule = rule
        """The rule that led into the stage; none when the customer was new there, or its stage was no more."""
        self.before = before
        """The stage change before the last one, if there was one."""
        self.traits: dict[str, list[Any]] = {} if traits is None else traits
        """Trait name to [occurred_at, value], for the traits that the journey names."""
        self.outreach = outreach
        """None until a campaign was triggered."""
        self.began: dict[str, tuple[int, int]] = {} if began is None else began
        """Memories that are complete only since (version, time): those that another version did not keep. Empty for most."""
        self.known = known
        """Which memories that version keeps, a few bytes for each (see `beginnings`)."""
        self.id = id

    @property
    def changes(self) -> list[Change]:
        """The latest stage changes, oldest first."""
        last = self.stage, self.entered_at, self.rule
        return [last] if self.before is None else [self.before, last]

    def be_as(self, other: "Customer") -> None:
        """Become what `other` is, and share what it holds."""
        self.version, self.stage, self.due = other.version, other.stage, other.due
        self.entered_at, self.clock, self.first_at = other.entered_at, other.clock, other.first_at
        self.sequence, self.recent, self.memory = other.sequence, other.recent, other.memory
        self.rule, self.before, self.traits = other.rule, other.before, other.traits
        self.outreach, self.began, self.known, self.id = other.outreach, other.began, other.known, other.id

    def copied(self) -> "Customer":
        """Another one that shares what this one holds."""
        return Customer(
            self.version,
            self.stage,
            self.due,
            self.entered_at,
            self.clock,
            self.first_at,
            self.sequence,
            self.recent,
            self.memory,
            self.rule,
            self.before,
            self.traits,
            self.outreach,
            self.began,
            self.known,
            self.id,
        )

    def __copy__(self) -> "Customer":
        return self.copied()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Customer":
        copied = self.copied()
        # All else in it is replaced and never changed.
        copied.memory, copied.traits = deepcopy(self.memory, memo), deepcopy(self.traits, memo)
        return copied

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Customer) and self._fields() == other._fields()

    __hash__ = None  # type: ignore[assignment] # it changes

    def __repr__(self) -> str:
        return f"Customer{self._fields()}"

    def _fields(self) -> tuple[object, ...]:
        return (
            *(self.version, self.stage, self.due, self.entered_at, self.clock, self.first_at, self.sequence, self.recent),
            *(self.memory, self.rule, self.before, self.traits, self.outreach, self.began, self.known, self.id),
        )
