"""What a delivery file says, once read: targets, and which campaign goes to which. Holds where secrets are found, never a secret."""

import hashlib
from collections.abc import Mapping
from typing import Literal

import msgspec

from etapa.deliver.attempts.backoff import Retry
from etapa.deliver.attempts.breaker import BreakerPolicy
from etapa.journey.units import DAY, SECOND


class SecretSource(msgspec.Struct, frozen=True):
    """Where a secret is: in an environment variable, or in a file (a path, from the delivery file's folder)."""

    kind: Literal["env", "file"]
    name: str

    def __str__(self) -> str:
        return f"the environment variable {self.name}" if self.kind == "env" else f"the file {self.name}"


HeaderValue = str | SecretSource


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where triggers are posted to, and how. Times are in microseconds."""

    id: str
    url: str
    headers: Mapping[str, HeaderValue] = {}
    secrets: tuple[SecretSource, ...] = ()
    """Signing secrets, the newest first. None: deliveries are not signed."""
    timeout: int = 15 * SECOND
    """From the beginning of a request, connecting included, to the end of its answer."""
    parallel: int = 8
    """Requests at the same time."""
    max_age: int = 7 * DAY
    """A trigger that is older, by its `at`, is not sent."""
    retry: Retry = Retry()
    breaker: BreakerPolicy = BreakerPolicy()


class Route(msgspec.Struct, frozen=True):
    """Where the triggers of a campaign go; without a target they are not delivered."""

    target: str | None
    headers: Mapping[str, HeaderValue] = {}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery file."""

    targets: tuple[Target, ...]
    campaigns: Mapping[str, Route] = {}
    allow_internal: frozenset[str] = frozenset()
    """Hosts, in lower case, that may be on this machine or in networks that are not public."""
    default: str | None = None
    """Target of campaigns that are not listed. None: nobody knows where to."""

    def route(self, campaign: str) -> Route | None:
        """Where a campaign's triggers go, or none when the file does not say."""
        listed = self.campaigns.get(campaign)
        if listed is not None:
            return listed
        return Route(self.default) if self.default is not None else None

    @property
    def routing(self) -> str:
        """A short text that changes whenever some campaign may go elsewhere than before."""
        told = [self.default, sorted((campaign, route.target) for campaign, route in self.campaigns.items())]
        return hashlib.blake2b(msgspec.json.encode(told), digest_size=6).hexdigest()
