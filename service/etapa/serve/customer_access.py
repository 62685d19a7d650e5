"""Who may see customer data: only clients with the token.

Where a request comes from proves nothing: behind a proxy on this machine everybody looks local, and a proxy need not identify itself.
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
