"""The port for tracing: it adds a delivery's requests to the trace that they belong to."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from etapa.deliver.attempts.target_answers import Answer


class TracedRequest(msgspec.Struct, frozen=True):
    """A request under way."""

    headers: Mapping[str, str]
    """Headers that tell the receiver which trace this belongs to, with this request as the parent span."""
    answered: Callable[[Answer], None]
    """To be called with the answer."""


class RequestTracer(Protocol):
    """There is one for all targets."""

    def request(self, target: str, campaign: str, attempt: int, trace: Mapping[str, str]) -> AbstractContextManager[TracedRequest]:
        """A request that lasts as long as the context. `attempt` counts from 1; `trace`: the trigger's headers that name its trace."""
