"""What of campaigns is kept of a customer."""

import msgspec


class Outreach(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What campaigns were triggered for a customer. It is replaced, never changed."""

    last: dict[str, int]
    """Campaign id to the time of its last trigger, in the order of these times."""
    times: tuple[int, ...]
    """The latest triggers of all campaigns, as many as the caps ask for; none while there are no caps."""
