"""What of campaigns is kept of a customer."""

import msgspec


class Held(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A trigger that waits for the end of the quiet time."""

    campaign: str
    sequence: int
    """The stage change's, and where it led."""
    source: str | None
    to: str
    ends: int
    """When it is looked at again."""


class Outreach(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What campaigns were triggered for a customer. It is replaced, never changed."""

    last: dict[str, int]
    """Campaign id to the time of its last trigger, in the order of these times."""
    times: tuple[int, ...]
    """The latest triggers of all campaigns, as many as the caps ask for; none while there are no caps."""
    held: tuple[Held, ...] = ()
    """In the order in which they were held."""
