"""The servers that a process depends on, and the causes it reports when one of them does not work."""

import socket
import ssl
from typing import Literal

Dependency = Literal["kafka", "redis"]
Cause = Literal["unreachable", "name_unknown", "timeout", "tls", "login", "rights", "not_primary", "other"]
"""Why a server cannot be used: nothing listens there; its name is unknown; no answer in time; certificates, or one side that does
not speak TLS; user and password; access control; a Redis that is not the primary; or something else, which the log explains."""


def cause_in_system(error: BaseException | None) -> Cause | None:
    """The cause according to the operating system's errors behind `error`; none when there are none. Name and TLS errors come first."""
    chain = chain_of(error)
    for kinds, cause in _BY_KIND:
        if any(isinstance(one, kinds) for one in chain):
            return cause
    return None


def chain_of(error: BaseException | None) -> list[BaseException]:
    """The error and its causes, latest first."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


_BY_KIND: tuple[tuple[type[BaseException], Cause], ...] = (
    (ssl.SSLError, "tls"),
    (socket.gaierror, "name_unknown"),
    (ConnectionError, "unreachable"),
    (TimeoutError, "timeout"),
    (OSError, "unreachable"),
)
