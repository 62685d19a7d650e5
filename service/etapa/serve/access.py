"""Who may see customer data: whoever has the token or, when none is set, whoever sits on this machine."""

import hmac
import ipaddress
from collections.abc import Mapping
from typing import Literal

from aiohttp import web

from etapa.settings.values import Secret

Access = Literal["granted", "token_missing", "token_wrong", "not_local"]

# A request that carries one of these came through a proxy, so its peer is the proxy and not who asks. What they say is
# never believed; that they are there is enough to refuse.
FORWARDING_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


def access_of(peer: str | None, headers: Mapping[str, str], token: Secret | None) -> Access:
    """Whether a request may see customer data, and if not, why not.

    `peer` is the address at the other end of the connection, `headers` are looked up by name in any case.
    """
    if token is None:
        return "granted" if _is_local(peer, headers) else "not_local"
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        return "token_missing"
    same = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), token.reveal().encode())
    return "granted" if same else "token_wrong"


def peer_of(request: web.BaseRequest) -> str | None:
    """The address at the other end of the connection, whatever the request says about itself."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return str(peer[0]) if isinstance(peer, tuple) else None


def _is_local(peer: str | None, headers: Mapping[str, str]) -> bool:
    if peer is None or not _is_loopback(peer):
        return False
    if any(header in headers for header in FORWARDING_HEADERS):
        return False
    # A web page elsewhere can make a browser on this machine ask us under a name of its own (DNS rebinding).
    return _names_this_machine(headers.get("Host", ""))


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback


def _names_this_machine(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    name = name.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)
