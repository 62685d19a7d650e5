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


class OpenGoal(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a trigger is to lead to, as long as it neither has nor is too late. It is replaced, never changed."""

    campaign: str
    sequence: int
    """The stage change's that the trigger came of."""
    at: int
    """When the trigger was published."""
    ends: int
    """When it is missed."""
    holdout: bool
    armed: bool
    """Its condition was found not to hold, so it is met once it holds."""
    total: tuple[float, ...] = ()
    """What it is worth so far, as partials that add up exactly."""
    enrolled: bool = False
    """It is that of the customer's first trigger of the campaign, the one that counts when groups are compared."""
    persona: str | None = None
    """Which of the journey's personas the customer was at the trigger, so that no message can change under whom the outcome counts."""

    def with_armed(self, *, armed: bool) -> "OpenGoal":
        return OpenGoal(self.campaign, self.sequence, self.at, self.ends, self.holdout, armed, self.total, self.enrolled, self.persona)

    def worth(self, total: tuple[float, ...]) -> "OpenGoal":
        return OpenGoal(self.campaign, self.sequence, self.at, self.ends, self.holdout, self.armed, total, self.enrolled, self.persona)


class Outreach(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What campaigns were triggered for a customer. It is replaced, never changed."""

    last: dict[str, int]
    """Campaign id to the time of its last trigger, in the order of these times."""
    times: tuple[int, ...]
    """The latest triggers of all campaigns, as many as the caps ask for; none while there are no caps."""
    held: tuple[Held, ...] = ()
    """In the order in which they were held."""
    goals: tuple[OpenGoal, ...] = ()
    """In the order in which they were opened."""
