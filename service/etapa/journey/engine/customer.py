"""Everything that is kept of one customer: compact, bounded, and laid out as it is stored (see `contracts.state`).

What bounds it: `recent` holds `remember_ids` digests, `traits` and `memory` hold only what the journey names and each
entry of them is bounded by its accumulator, and of stage changes the last two are kept.
"""

from typing import Any, Final

import msgspec

FORMAT: Final = 3
"""Raised whenever the fields below, or what an accumulator keeps in `memory`, change their meaning or order."""

DIGEST_BYTES: Final = 6
"""Kept of a touchpoint's id. Among 64 of them a new one is mistaken for a repeat once in four million million touchpoints."""

Memory = dict[str, list[Any]]
"""Accumulator key to what it keeps. An accumulator that has seen nothing has no entry."""

Change = tuple[str, int, str | None]
"""A stage change: to which stage, when, by which rule."""


class Outreach(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What campaigns were triggered for a customer. It is replaced, never changed."""

    last: dict[str, int]
    """Campaign id to the time of its last trigger, in the order of these times."""
    times: tuple[int, ...]
    """The latest triggers of all campaigns, as many as the caps ask for; none while there are no caps."""


class Customer(msgspec.Struct, array_like=True, gc=False, tag=FORMAT):
    """One customer's state. Mutable: the engine changes it in place. The order of the fields is the stored layout.

    Times are microseconds since 1970.
    """

    version: int
    """The journey version that last processed the customer. Another one carries the state over first."""
    stage: str
    due: int | None
    """When the customer's timer strikes next if nothing happens; none when time alone can change nothing."""
    entered_at: int
    clock: int
    """The latest time processed: of a touchpoint, or of a timer that moved the customer. Never before `entered_at`."""
    first_at: int
    """The earliest touchpoint, by the time it occurred."""
    sequence: int
    """Number of published stage changes so far, which is the number of the last one."""
    recent: bytes = b""
    """Digests of the latest touchpoint ids, oldest first. Bytes, because they are searched and stored in one go."""
    memory: Memory = {}
    """What accumulators keep. An older version leaves the entries of a newer one as they are."""
    rule: str | None = None
    """The rule that led into the stage; none when the customer was new there, or its stage was no more."""
    before: Change | None = None
    """The stage change before the last one, if there was one."""
    traits: dict[str, list[Any]] = {}
    """Trait name to [occurred_at, value], for the traits that the journey names."""
    outreach: Outreach | None = None
    """None until a campaign was triggered."""
    began: dict[str, tuple[int, int]] = {}
    """Memories that are complete only since (version, time): those that another version did not keep. Empty for most."""
    known: bytes = b""
    """Which memories that version keeps, a few bytes for each (see `beginnings`)."""
    id: str = ""

    @property
    def changes(self) -> list[Change]:
        """The latest stage changes, oldest first."""
        last = self.stage, self.entered_at, self.rule
        return [last] if self.before is None else [self.before, last]
