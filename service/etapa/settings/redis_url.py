"""What a Redis URL may look like. Messages repeat only its scheme: anything else may be part of a password."""

import re
from urllib.parse import parse_qsl, urlsplit

from etapa.settings.addresses import check_address
from etapa.settings.values import RedisUrl, ValueKind

SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel")
PARAMETERS = (
    "db",
    "username",
    "password",
    "client_name",
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_keyfile",
    "ssl_password",
    "sentinel_username",
    "sentinel_password",
)
"""The allowed query parameters, by redis-py's names."""
OVERRULED = ("decode_responses",)
"""Query parameters that are accepted but ignored: Etapa reads bytes."""
_CERT_REQS = ("none", "optional", "required")
# Characters that end the login early for a URL parser, which would take a piece of the password for something else.
_NOT_IN_LOGIN = re.compile(r"[/?#\[\]\s\\]")


def redis_address() -> ValueKind:
    """A Redis URL of one server, a cluster, or sentinels."""
    return ValueKind(
        _parse,
        "redis://, rediss://, redis+cluster:// or redis+sentinel:// with [user:password@]host[:port] and, for sentinels,"
        " /service, then an optional /database; special characters in the password percent-encoded",
        is_secret=True,
    )


def _parse(text: str) -> RedisUrl:
    text = text.strip()
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in SCHEMES:
        raise ValueError(f"whose scheme is {scheme!r}" if separator and re.fullmatch(r"[a-z+]{1,20}", scheme) else "which has no scheme")
    # The last "@" ends the login, whatever the password contains.
    login = rest.rpartition("@")[0]
    if _NOT_IN_LOGIN.search(login):
        raise ValueError("whose user or password holds a character that must be percent-encoded, such as / ? or #")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("which is not a URL") from None
    if parts.fragment or "#" in rest:
        raise ValueError("which holds a #; in a password it is written %23")
    _check_place(parts.netloc.rpartition("@")[2])
    if not scheme.endswith("sentinel") and not re.fullmatch(r"/?[0-9]{0,9}", parts.path):
        raise ValueError("whose database is not a number")
    _check_parameters(parts.query)
    return RedisUrl(text)


def _check_place(place: str) -> None:
    if not place:
        raise ValueError("which names no host")
    for address in place.split(","):
        try:
            check_address(address if re.search(r":[0-9]+$", address) else f"{address}:6379")
        except ValueError:
            raise ValueError("whose address is not host or host:port") from None


def _check_parameters(query: str) -> None:
    try:
        given = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ValueError("whose parameters are not name=value, joined by &") from None
    for name, value in given:
        if name not in PARAMETERS and name not in OVERRULED:
            raise ValueError(f"which has a parameter that Etapa does not know (known: {', '.join(PARAMETERS)})")
        if name == "db" and not re.fullmatch(r"[0-9]{1,9}", value):
            raise ValueError("whose database is not a number")
        if name == "ssl_cert_reqs" and value not in _CERT_REQS:
            raise ValueError(f"whose ssl_cert_reqs is none of {', '.join(_CERT_REQS)}")
