"""A circuit breaker: after several failures in a row a target is left alone for a while, then tried with a single request.

A value that is replaced, never changed. Times are in microseconds and may come from any clock, as long as it is always the same one.
"""

from typing import Literal, Self

import msgspec

State = Literal["closed", "open", "half_open"]


class BreakerPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When to open, and for how long (microseconds)."""

    failures: int = 5
    """Failures in a row that open it."""
    pause: int = 30_000_000


class Breaker(msgspec.Struct, frozen=True):
    """Closed: requests pass. Open: none passes before `until`. Half open: one request is under way, and its result decides."""

    policy: BreakerPolicy
    state: State = "closed"
    failures: int = 0
    until: int = 0

    def lets_pass(self, now: int) -> bool:
        """Whether a request may begin now. A caller that begins one must call `begun`."""
        return self.state == "closed" or (self.state == "open" and now >= self.until)

    def begun(self) -> Self:
        """A request begins."""
        return msgspec.structs.replace(self, state="half_open") if self.state == "open" else self

    def succeeded(self) -> Self:
        """The target answered a request, even if with a refusal: it is alive."""
        return msgspec.structs.replace(self, state="closed", failures=0, until=0)

    def failed(self, now: int) -> Self:
        """A request failed."""
        failures = self.failures + 1
        # Failures of requests that began before it opened say nothing new, so they do not keep it open longer.
        if self.state == "half_open" or (self.state == "closed" and failures >= self.policy.failures):
            return msgspec.structs.replace(self, state="open", failures=failures, until=now + self.policy.pause)
        return msgspec.structs.replace(self, failures=failures)

    def abandoned(self, now: int) -> Self:
        """A request was given up before it had a result. If it was the deciding one, another may take its place."""
        return msgspec.structs.replace(self, state="open", until=now) if self.state == "half_open" else self
