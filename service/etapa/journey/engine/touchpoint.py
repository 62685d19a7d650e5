"""What goes into the core and what comes out of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import msgspec

Cause = Literal["touchpoint", "timer", "journey", "merge"]


class Touchpoint(msgspec.Struct, frozen=True, gc=False):
    """One thing a customer did. `at` is when it occurred, in microseconds since 1970."""

    id: str
    customer_id: str
    type: str
    at: int
    channel: str | None = None
    properties: Mapping[str, Any] = {}
    traits: Mapping[str, Any] = {}


class Clause(msgspec.Struct, frozen=True, gc=False):
    """One condition that decided, as text, with the value it saw (a JSON scalar; times are RFC 3339 text)."""

    condition: str
    observed: str | int | float | bool | None


class Trigger(msgspec.Struct, frozen=True, gc=False):
    """A campaign is to reach a customer because of a stage change. `at` is that of the change."""

    campaign: str
    customer_id: str
    sequence: int
    """The stage change's."""
    at: int
    source: str | None
    to: str
    holdout: bool
    """The customer is in the campaign's control group: nothing may be sent."""
    payload: Mapping[str, Any] | None
    """The campaign's, as it stands in the journey file; none when it has none."""


HeldBack = Literal["consent", "when", "once", "cooldown", "cap"]
"""Why a change triggers nothing, in the order in which it is asked."""
TriggerOutcome = Literal["published", "holdout", HeldBack]
"""What became of offering a change to a campaign. `holdout`: published as well, marked as one of the control group."""
TRIGGER_OUTCOMES: tuple[TriggerOutcome, ...] = get_args(TriggerOutcome)


class Offer(msgspec.Struct, frozen=True, gc=False):
    """A stage change was offered to a campaign that it fits."""

    campaign: str
    outcome: TriggerOutcome
    trigger: Trigger | None
    """None when it was held back."""


class StageChange(msgspec.Struct, frozen=True, gc=False):
    """A customer moved. `at` and `dwell` (time spent in the stage that was left) are microseconds."""

    customer_id: str
    sequence: int
    source: str | None
    """The stage left; none when the customer is new."""
    to: str
    phase: str | None
    at: int
    cause: Cause
    rule: str | None
    because: Sequence[Clause]
    touchpoint_id: str | None
    channel: str | None
    dwell: int | None
    offers: Sequence[Offer] = ()
    """What campaigns made of it, in the order of the file; those that it does not fit are not among them."""
