"""When a failed delivery is tried again: exponential backoff with full jitter, within bounds, and never before the target asked for.

Full jitter: any wait from nothing to the exponential bound is equally likely, so that triggers that failed together do not
come back together.
"""

import msgspec

from etapa.journey.units import HOUR, MINUTE, SECOND


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """The policy of a target. Lengths of time are in microseconds."""

    attempts: int = 12
    """Requests for one trigger, the first included."""
    first: int = SECOND
    """Bound of the first wait; each bound after is twice the one before."""
    longest: int = 5 * MINUTE
    """No bound is longer."""
    within: int = 24 * HOUR
    """No request begins later than this after the trigger's first."""
    longest_pause: int = HOUR
    """A `Retry-After` that asks for longer is honoured for this long."""


def bound_of(policy: Retry, attempts: int) -> int:
    """The longest wait after so many failed attempts (one or more)."""
    # Past 64 doublings every bound is beyond `longest`, and the number would only grow.
    return min(policy.longest, policy.first << min(attempts - 1, 64))


def next_attempt(policy: Retry, attempts: int, first_at: int, now: int, asked: int | None, chance: float) -> int | None:
    """The time of the next attempt, or none when all is spent.

    `attempts` were made, the first at `first_at`, the last failed at `now`; `asked` is the wait that the target asked for;
    `chance` is from 0 (included) to 1 (not included).
    """
    if attempts >= policy.attempts:
        return None
    wait = int(chance * (bound_of(policy, attempts) + 1))
    if asked is not None:
        wait = max(wait, min(asked, policy.longest_pause))
    at = now + wait
    return at if at - first_at <= policy.within else None
