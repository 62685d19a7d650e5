"""What a stage change carries: its cause, its reasons, and what campaigns made of it."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

Cause = Literal["touchpoint", "timer", "journey"]


class Clause(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One condition that decided, as text, with the value it saw (a JSON scalar; times are RFC 3339 text)."""

    condition: str
    observed: str | int | float | bool | None
    exact: bool = True
    """False where it was judged on coarse pieces, so that what it saw may be off. Written only then."""


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
