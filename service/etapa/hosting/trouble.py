"""A problem between us and a server, described for people: what was found, at which address, and where to look."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from etapa.hosting.dependencies import Cause

TroubleKind = Literal[
    "name_unknown",
    "refused",
    "silent",
    "another_protocol",
    "tls_untrusted",
    "tls_name",
    "tls_expired",
    "tls_own_certificate",
    "tls_terms",
    "tls_not_spoken",
    "tls_expected",
    "login_refused",
    "login_expected",
    "login_not_taken",
    "mechanism",
    "token",
    "advertised",
    "rights",
    "database",
    "not_primary",
    "loading",
    "cluster_down",
    "cluster_expected",
    "cluster_not_there",
    "service_unknown",
]
"""The kind of problem, for machines. Unlike a `Cause`, which labels a metric, each kind has its own remedy."""

_CAUSES: Mapping[TroubleKind, Cause] = {
    "name_unknown": "name_unknown",
    "refused": "unreachable",
    "silent": "timeout",
    "another_protocol": "other",
    "tls_untrusted": "tls",
    "tls_name": "tls",
    "tls_expired": "tls",
    "tls_own_certificate": "tls",
    "tls_terms": "tls",
    "tls_not_spoken": "tls",
    "tls_expected": "tls",
    "login_refused": "login",
    "login_expected": "login",
    "login_not_taken": "login",
    "mechanism": "login",
    "token": "login",
    "advertised": "unreachable",
    "rights": "rights",
    "database": "other",
    "not_primary": "not_primary",
    "loading": "not_primary",
    "cluster_down": "not_primary",
    "cluster_expected": "other",
    "cluster_not_there": "other",
    "service_unknown": "other",
}


class Trouble(msgspec.Struct, frozen=True):
    """Why a server cannot be used. Holds no secret."""

    server: Literal["Kafka", "Redis"]
    address: str
    """The address that was tried, `host:port`."""
    kind: TroubleKind
    found: str
    """What was found: the end of a sentence that begins with the server and its address."""
    advice: str
    """What to check, with the names of settings: a sentence without its full stop."""

    @property
    def cause(self) -> Cause:
        """The label for a metric."""
        return _CAUSES[self.kind]

    def __str__(self) -> str:
        return f"{self.server} at {self.address}: {self.found}. {self.advice}"
