"""When a failed delivery is tried again: exponential backoff with full jitter, within bounds, and never sooner than the target asked.

Full jitter: every wait between zero and the exponential bound is equally likely, so triggers that failed together are not
retried together.
"""

import msgspec

from etapa.journey.units import HOUR, MINUTE, SECOND


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """The retry policy of a target. Durations are in microseconds."""

    attempts: int = 12
    """Requests for one trigger, including the first."""
    first: int = SECOND
    """Upper bound of the first wait; it doubles with each attempt."""
    longest: int = 5 * MINUTE
    """The bound never grows beyond this."""
    within: int = 24 * HOUR
    """No request begins later than this after the first one for the trigger."""
    longest_pause: int = HOUR
    """The longest wait that a `Retry-After` can cause."""


def bound_of(policy: Retry, attempts: int) -> int:
    """The longest wait after this many failed attempts (one or more)."""
    # Past 64 doublings every bound is beyond `longest`, and the number would only grow.
    return min(policy.longest, policy.first << min(attempts - 1, 64))


def next_attempt(policy: Retry, attempts: int, first_at: int, now: int, asked: int | None, chance: float) -> int | None:
    """The time of the next attempt, or None when there are no more.

    `attempts` have been made: the first at `first_at`, and the last failed at `now`. `asked` is the wait that the target asked for.
    `chance` is a random number from 0 (inclusive) to 1 (exclusive).
    """
    if attempts >= policy.attempts:
        return None
    wait = int(chance * (bound_of(policy, attempts) + 1))
    if asked is not None:
        wait = max(wait, min(asked, policy.longest_pause))
    at = now + wait
    return at if at - first_at <= policy.within else None
