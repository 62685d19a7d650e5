"""What is kept about campaigns in a customer's state."""

from typing import Final

import msgspec

HELD_OUT: Final = 1
MIXED: Final = 2
"""Bits of a group, see `Outreach.groups`."""


class Held(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A trigger held until the quiet time ends."""

    campaign: str
    sequence: int
    """The sequence number of the stage change behind it; `source` and `to` are the stages left and entered."""
    source: str | None
    to: str
    ends: int
    """When it is checked again."""
    under: str | None = None
    """The id under which the stage change was published, if that was another id of the same person."""


class OpenGoal(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A trigger's goal that is neither met nor missed yet. Replaced, never changed."""

    campaign: str
    sequence: int
    """The sequence number of the stage change behind the trigger."""
    at: int
    """When the trigger was published."""
    ends: int
    """When it is missed if it is not met."""
    holdout: bool
    armed: bool
    """Whether its condition was found not to hold, so that the goal is met once it holds."""
    total: tuple[float, ...] = ()
    """Its value so far, as partial sums that add up exactly."""
    enrolled: bool = False
    """It is that of the customer's first trigger of the campaign, the one that counts when groups are compared."""
    persona: str | None = None
    """Which of the journey's personas the customer was at the trigger, so that no message can change under whom the outcome counts."""
    under: str | None = None
    """As in a held trigger."""


class Outreach(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Which campaigns were triggered for a customer. Replaced, never changed."""

    last: dict[str, int]
    """The time of the last trigger by campaign id, ordered by time."""
    times: tuple[int, ...]
    """The times of the latest triggers of all campaigns, as many as the caps need; none if there are no caps."""
    held: tuple[Held, ...] = ()
    """In the order in which they were held."""
    goals: tuple[OpenGoal, ...] = ()
    """In the order in which they were opened."""
    groups: dict[str, int] = {}
    """By campaign: `HELD_OUT` or not, and `MIXED`, where that does not follow from the customer's id because ids were united."""


STRUCTS: Final = (Outreach, Held, OpenGoal)
"""What an `Outreach` consists of."""
