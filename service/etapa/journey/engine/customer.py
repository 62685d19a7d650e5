"""Everything that is kept of one customer: compact, bounded, and encoded as it stands (a MessagePack array).

What bounds it: `recent` holds `remember_ids` digests, `traits` and `memory` hold only what the journey names and each
entry of them is bounded by its accumulator, `changes` holds the last three.
"""

from typing import Any, Final

import msgspec

FORMAT: Final = 2
"""Raised whenever the fields below, or what an accumulator keeps in `memory`, change their meaning or order."""

RECENT_CHANGES: Final = 3

DIGEST_BYTES: Final = 6
"""Kept of a touchpoint's id. Among 64 of them a new one is mistaken for a repeat once in four million million touchpoints."""

Memory = dict[str, list[Any]]
"""Accumulator key to what it keeps. An accumulator that has seen nothing has no entry."""


class Outreach(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What campaigns were triggered for a customer. It is replaced, never changed."""

    last: dict[str, int]
    """Campaign id to the time of its last trigger, in the order of these times."""
    times: tuple[int, ...]
    """The latest triggers of all campaigns, as many as the caps ask for; none while there are no caps."""


class Customer(msgspec.Struct, array_like=True, gc=False):
    """One customer's state. Mutable: the engine changes it in place. The order of the fields is the stored layout.

    Times are microseconds since 1970.
    """

    format: int
    version: int
    """The journey version that last processed the customer. Another one carries the state over first."""
    id: str
    stage: str
    entered_at: int
    clock: int
    """The latest time processed: of a touchpoint, or of a timer that moved the customer."""
    first_at: int
    """The earliest touchpoint, by the time it occurred."""
    due: int | None
    """When the customer's timer strikes next if nothing happens; none when time alone can change nothing."""
    sequence: int
    """Number of published stage changes so far, which is the number of the last one."""
    recent: bytes = b""
    """Digests of the latest touchpoint ids, oldest first. Bytes, because they are searched and stored in one go."""
    traits: dict[str, list[Any]] = {}
    """Trait name to [occurred_at, value], for the traits that the journey names."""
    memory: Memory = {}
    """What accumulators keep. An older version leaves the entries of a newer one as they are."""
    changes: list[tuple[str, int, str | None]] = []
    """The latest stage changes, oldest first: (to, at, rule)."""
    known: bytes = b""
    """Which memories that version keeps, a few bytes for each (see `beginnings`)."""
    began: dict[str, tuple[int, int]] = {}
    """Memories that are complete only since (version, time): those that another version did not keep. Empty for most."""
    outreach: Outreach | None = None
    """None until a campaign was triggered."""
