"""What a delivery file says: targets, and which campaign goes to which. It says where secrets are kept, and never holds one."""

import hashlib
from collections.abc import Mapping
from typing import Literal

import msgspec

from etapa.deliver.attempts.backoff import Retry
from etapa.deliver.attempts.breaker import BreakerPolicy
from etapa.journey.units import DAY, SECOND


class SecretSource(msgspec.Struct, frozen=True):
    """Where a secret is kept: in an environment variable, or in a file (a path relative to the delivery file's folder)."""

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
    """Signing secrets, newest first. Empty: deliveries are not signed."""
    timeout: int = 15 * SECOND
    """From the beginning of a request, including the connection, to the end of its answer."""
    parallel: int = 8
    """Most requests at the same time."""
    max_age: int = 7 * DAY
    """A trigger whose `at` is longer ago than this is not sent."""
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
    """The target of campaigns that are not listed. None: their triggers become dead letters."""

    def route(self, campaign: str) -> Route | None:
        """Where a campaign's triggers go, or None when the file does not say."""
        listed = self.campaigns.get(campaign)
        if listed is not None:
            return listed
        return Route(self.default) if self.default is not None else None

    @property
    def routing(self) -> str:
        """A short text that changes whenever any campaign may go to another target than before."""
        told = [self.default, sorted((campaign, route.target) for campaign, route in self.campaigns.items())]
        return hashlib.blake2b(msgspec.json.encode(told), digest_size=6).hexdigest()
