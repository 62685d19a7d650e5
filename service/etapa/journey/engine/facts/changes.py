"""What a stage change carries: its cause, its reasons, and what campaigns made of it."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

Cause = Literal["touchpoint", "timer", "journey", "link"]


class Clause(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One deciding condition as text, with the value it saw (a JSON scalar; times are RFC 3339 text)."""

    condition: str
    observed: str | int | float | bool | None
    exact: bool = True
    """False if the value was computed from merged pieces, so it may be off. Written only then."""
    off_by_at_most: int | float | None = None
    """By how much it may be off, if known."""


class Trigger(msgspec.Struct, frozen=True, gc=False):
    """A stage change triggers a campaign for a customer."""

    campaign: str
    customer_id: str
    sequence: int
    """The stage change's sequence number."""
    at: int
    """When it is published: at the change, or when the quiet time that held it ended."""
    source: str | None
    to: str
    holdout: bool
    """The customer is in the campaign's holdout group: nothing may be sent."""
    payload: Mapping[str, Any] | None
    """The campaign's payload, as in the journey file; none if it has none."""
    mixed: bool = False
    """The customer was made of one in the holdout group and one outside it, so the trigger tells nothing about the campaign's effect."""
    under: str | None = None
    """The id under which the stage change was published, if that was another id of the same person."""


class CampaignOutcome(msgspec.Struct, frozen=True, gc=False):
    """A campaign's goal was met, or its time ran out. There is one for each trigger that opened a goal."""

    campaign: str
    customer_id: str
    sequence: int
    """The sequence number of the stage change behind the trigger."""
    holdout: bool
    met: bool
    at: int
    elapsed: int
    """From the trigger to `at`, in microseconds."""
    value: float | None
    """The sum over that time; none if the goal has no value."""
    enrolled: bool = False
    """It is that of the customer's first trigger of the campaign. This and the next are for the ledger, and not published."""
    persona: str | None = None
    """Which of the journey's personas the customer was at the trigger."""
    under: str | None = None
    """As in the trigger."""


HeldBack = Literal["consent", "cap", "cooldown", "once", "when", "quiet", "held", "withdrawn"]
"""Why a change triggers nothing, in the order in which the reasons are checked.

`held`: not yet, but perhaps when the quiet time ends. `withdrawn`: it was held, and its campaign no longer exists.
"""
TriggerOutcome = Literal["published", "holdout", HeldBack]
"""The outcome of offering a change to a campaign. `holdout`: published too, but marked as in the holdout group."""
TRIGGER_OUTCOMES: tuple[TriggerOutcome, ...] = get_args(TriggerOutcome)


class Offer(msgspec.Struct, frozen=True, gc=False):
    """A stage change was offered to a campaign that it fits."""

    campaign: str
    outcome: TriggerOutcome
    trigger: Trigger | None
    """None if it was held back."""
    enrolls: bool = False
    """It is the customer's first trigger of a campaign that has a goal, so from now on the customer counts in one of the groups."""


class Release(msgspec.Struct, frozen=True, gc=False):
    """A held trigger is checked again, because the quiet time is over."""

    customer_id: str
    at: int
    after: int
    """How many of the stage changes reported with it came before it."""
    sequence: int
    """The sequence number of the stage change behind the held trigger."""
    offer: Offer
    persona: str | None = None
    """The customer's persona at that time, for the ledger."""
