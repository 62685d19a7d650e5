"""Who may see customer data: only those who have the token.

Where a request comes from says nothing: a proxy on this machine makes everybody local, and need not say that it is one.
"""

import hmac
from collections.abc import Mapping
from typing import Literal

from etapa.settings.values import Secret

Access = Literal["granted", "token_missing", "token_wrong", "no_token_set"]


def access_of(headers: Mapping[str, str], token: Secret | None) -> Access:
    """Whether a request may see customer data, and if not, why not. `headers` are looked up by name in any case."""
    if token is None:
        return "no_token_set"
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        return "token_missing"
    same = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), token.reveal().encode())
    return "granted" if same else "token_wrong"
