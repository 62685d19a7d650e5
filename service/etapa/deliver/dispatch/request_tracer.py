"""Who shows a delivery's requests in the trace that they belong to, where somebody wants that."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from etapa.deliver.attempts.target_answers import Answer


class TracedRequest(msgspec.Struct, frozen=True):
    """A request under way."""

    headers: Mapping[str, str]
    """Those that name the trace to its receiver, with this request as what caused it."""
    answered: Callable[[Answer], None]
    """To be told what came back."""


class RequestTracer(Protocol):
    """One for all targets."""

    def request(self, target: str, campaign: str, attempt: int, trace: Mapping[str, str]) -> AbstractContextManager[TracedRequest]:
        """A request that lasts as long as the context. `attempt` counts from 1; `trace` are the trigger's headers that name its trace."""
