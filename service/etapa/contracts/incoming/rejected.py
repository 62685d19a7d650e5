"""Why a record of `touchpoints` cannot be used. Shared by the code that finds out and the code that publishes the dead letter."""

from typing import Literal, get_args

import msgspec

from etapa.journey.engine.facts.instant import instant_text

Reason = Literal[
    "too_large",
    "not_json",
    "invalid",
    "placeholder_id",
    "key_mismatch",
    "from_the_future",
    "from_the_past",
    "link_cycle",
    "two_known",
    "not_linked",
    "evaluation_failed",
]
"""The reason's name in dead letters, metrics and dashboards. `evaluation_failed`: the record was fine, but judging it failed.

`link_cycle`, `two_known`: a link that is refused; `not_linked`: one that joins no ids, because the journey file has no `identity`.
"""

REASONS: tuple[Reason, ...] = get_args(Reason)

LONGEST_DETAIL = 400


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """A record that cannot be used. `detail` is one short line for people that quotes no customer data."""

    reason: Reason
    detail: str


def from_the_past(earliest: int) -> Rejected:
    """The rejection of a touchpoint before `earliest`, the journey's `accept_from`, in microseconds since 1970."""
    return rejected(
        "from_the_past", f"occurred_at is before {instant_text(earliest)}, the earliest time that the journey accepts (accept_from)"
    )


def rejected(reason: Reason, detail: str) -> Rejected:
    """A rejection whose detail is shortened to one line of at most 400 characters."""
    line = " ".join(detail.split())
    return Rejected(reason, line if len(line) <= LONGEST_DETAIL else line[: LONGEST_DETAIL - 1] + "…")
