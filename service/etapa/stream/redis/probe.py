"""Finds out why Redis cannot be used: from its own answer or, failing that, by taking the steps of every client one by one.

Nothing here changes anything, and everything ends in bounded time.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence

from redis.exceptions import AuthenticationError, NoPermissionError, RedisClusterException, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from etapa.hosting.dependencies import chain_of
from etapa.hosting.reaching import ENDED_AFTER_TLS, Failed, connect_failure, first_words, refused_by_tls, speaks_tls, tls_failure
from etapa.hosting.trouble import Trouble, TroubleKind
from etapa.settings import Settings
from etapa.stream.redis.address import RedisAddress, redis_address_of

STEP_SECONDS = 3.0
"""Limit for any one step."""
PROBE_SECONDS = 15.0
"""Limit for all steps together."""
_WHERE = "ETAPA_REDIS_URL (or --redis-url) says where it is"
_SOONER: Sequence[TroubleKind] = ("silent", "refused", "name_unknown")


async def trouble_behind(settings: Settings, error: BaseException) -> Trouble | None:
    """What is behind a failure of our client; none when nothing is found and the error has to speak for itself."""
    told = told_by_redis(settings, error)
    if told is not None and told.kind != "service_unknown":
        return told
    if told is None and not any(isinstance(one, _ABOUT_REACHING) for one in chain_of(error)):
        return None
    # Unreachable Sentinels also look as if they did not know the service.
    return await find_trouble(settings) or told


_ABOUT_REACHING = (RedisConnectionError, RedisTimeoutError, RedisClusterException, OSError, TimeoutError)


async def find_trouble(settings: Settings, seconds: float = PROBE_SECONDS) -> Trouble | None:
    """Why we cannot talk to Redis, or to any server of the Cluster or any Sentinel; none when one of them answers properly."""
    address = redis_address_of(settings.redis_url)
    try:
        async with asyncio.timeout(seconds):
            failures = await asyncio.gather(*(_failure(address, host, port) for host, port in address.nodes[:6]))
    except TimeoutError:
        failures = [Failed("silent", f"no answer within {seconds:g} s")]
    told = [(place, failed) for place, failed in zip(address.nodes, failures, strict=False) if failed is not None]
    if len(told) < len(failures):
        return None
    place, failed = min(told, key=lambda one: one[1].kind in _SOONER)
    return _trouble(address, failed, _place(*place))


async def _failure(address: RedisAddress, host: str, port: int) -> Failed | None:
    failed = await connect_failure(host, port, STEP_SECONDS)
    if failed is not None:
        return failed
    context = address.tls_context()
    if context is not None:
        failed = await tls_failure(host, port, context, STEP_SECONDS)
        if failed is not None:
            # A server without TLS may take the handshake for the beginning of a command and wait for the rest.
            if failed.kind == "silent" and _is_redis(await first_words(host, port, _PING, None, STEP_SECONDS)):
                return Failed("tls_not_spoken", "the server does not speak TLS there")
            return failed
    said = await first_words(host, port, _PING, context, STEP_SECONDS)
    if _is_redis(said):
        return None
    by_tls = refused_by_tls(said) if isinstance(said, OSError) else None
    if by_tls is not None:
        return by_tls
    if context is not None and said is not None:
        return ENDED_AFTER_TLS
    if context is None and await speaks_tls(host, port, STEP_SECONDS):
        return Failed("tls_expected", "it speaks TLS there, and redis:// does not")
    if said is None:
        return Failed("silent", f"it accepts connections but does not answer within {STEP_SECONDS:g} s")
    return Failed("another_protocol", "something listens there, but does not answer like Redis")


_PING = b"*1\r\n$4\r\nPING\r\n"


def _is_redis(said: bytes | OSError | None) -> bool:
    return isinstance(said, bytes) and re.match(rb"\+PONG|-[A-Z]+ ", said) is not None


def in_words(settings: Settings, trouble: Trouble | None, error: str) -> str:
    """The words for a command or a log: what was found or, if nothing was, the error."""
    return str(trouble) if trouble is not None else f"Redis at {settings.redis_url}: {error}"


def cluster_expected(settings: Settings) -> Trouble:
    """The trouble when the URL treats a member of a Cluster as a single server."""
    address = redis_address_of(settings.redis_url)
    return _trouble(address, _ONE_OF_A_CLUSTER, _place(*address.nodes[0]))


_ONE_OF_A_CLUSTER = Failed("cluster_expected", "it belongs to a Redis Cluster")


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def told_by_redis(settings: Settings, error: BaseException) -> Trouble | None:
    """What Redis's answer behind this error means; none when there is no answer, or none with a known remedy."""
    address = redis_address_of(settings.redis_url)
    for one in chain_of(error):
        if not isinstance(one, RedisError | RedisClusterException):
            continue
        said = " ".join(f"{getattr(one, 'status_code', None) or ''} {one}".split()).rstrip(".")
        failed = _refused(address, one, said) or _out_of_place(address, said)
        if failed is not None:
            return _trouble(address, failed, _place(*address.nodes[0]))
    return None


# redis-py recognises only errors that begin with NOPERM; servers word it differently inside a script.
_REFUSED_IN_SCRIPT = re.compile(r"NOPERM|ACL failure|can't run this command|can't access at least one of the keys|no permissions to")


def _refused(address: RedisAddress, error: BaseException, said: str) -> Failed | None:
    user = address.options.get("username", "default")
    if isinstance(error, NoPermissionError) or _REFUSED_IN_SCRIPT.search(said):
        return Failed("rights", f"its access control (ACL) does not let the user {user!r} do all that Etapa does ({said})")
    if isinstance(error, AuthenticationError):
        if "without any password configured" in said or "no password is set" in said:
            return Failed("login_not_taken", "it has no password, but ETAPA_REDIS_URL holds one")
        if "password" in address.options:
            return Failed("login_refused", f"it refuses the login of {user!r} ({said})")
        return Failed("login_expected", f"it wants a login, but ETAPA_REDIS_URL holds none ({said})")
    if "protected mode" in said:
        return Failed("login_expected", "it is in protected mode: without a password it answers only its own machine")
    return None


def _out_of_place(address: RedisAddress, said: str) -> Failed | None:
    if "DB index" in said or "Invalid Database" in said:
        return Failed("database", f"it has no database {address.options.get('db')}")
    if re.search(r"(?:^|-| )LOADING\b|loading the dataset", said):
        return Failed("loading", "it is still loading its data")
    if re.search(r"(?:^|-| )(READONLY|MASTERDOWN|NOREPLICAS)\b", said) or "read only replica" in said:
        return Failed("not_primary", f"it does not act as a primary ({said})")
    if re.search(r"(?:^|-| )CLUSTERDOWN\b", said):
        return Failed("cluster_down", f"the cluster is not whole ({said})")
    if address.kind != "cluster" and (
        re.match(r"(MOVED |ASK )?[0-9]+ [^ ]+:[0-9]+$", said) or "CROSSSLOT" in said or said.startswith("MOVED")
    ):
        return _ONE_OF_A_CLUSTER
    if "Cluster mode is not enabled" in said or "cluster support disabled" in said:
        return Failed("cluster_not_there", "it is a single server, not a Redis Cluster")
    if address.kind == "sentinel" and ("No master found" in said or ("unknown command" in said.lower() and "SENTINEL" in said)):
        return Failed("service_unknown", f"no Sentinel there knows a primary of the service {address.service!r}")
    return None


def _trouble(address: RedisAddress, failed: Failed, place: str) -> Trouble:
    advice = _ADVICE.get(failed.kind, f"Is it running? {_WHERE}")
    if failed.kind == "tls_own_certificate" and "ssl_certfile" not in address.options:
        advice = "Add ssl_certfile and ssl_keyfile to ETAPA_REDIS_URL: Etapa's certificate and its key"
    return Trouble("Redis", place, failed.kind, failed.found, advice)


_ADVICE: Mapping[TroubleKind, str] = {
    "another_protocol": _WHERE,
    "tls_untrusted": "ssl_ca_certs in ETAPA_REDIS_URL must name a PEM file with the authority that has signed it",
    "tls_name": "ETAPA_REDIS_URL must use a name that the certificate is for",
    "tls_expired": "Redis needs a new certificate, or one of the two clocks is wrong",
    "tls_own_certificate": "Look at ssl_certfile in ETAPA_REDIS_URL: is it signed by an authority that Redis trusts, and still valid?",
    "tls_terms": "Look at tls-protocols and tls-ciphers of Redis",
    "tls_not_spoken": "ETAPA_REDIS_URL must begin with redis:// for this port, or name the TLS port",
    "tls_expected": "ETAPA_REDIS_URL must begin with rediss:// for this port",
    "login_refused": "ETAPA_REDIS_URL holds the user and the password",
    "login_expected": "Put them into ETAPA_REDIS_URL: redis://user:password@host",
    "login_not_taken": "Take it out of ETAPA_REDIS_URL, or set one in Redis",
    "rights": "ETAPA_REDIS_URL names the user; 'Access control' in docs/operations.md lists the rights that Etapa needs",
    "database": "ETAPA_REDIS_URL ends with the number of a database; `databases` in redis.conf says how many there are",
    "not_primary": "ETAPA_REDIS_URL must lead to the primary; while another server takes its place, waiting is enough",
    "loading": "It is enough to wait",
    "cluster_down": "Look at `redis-cli cluster info` and `cluster nodes`",
    "cluster_expected": "ETAPA_REDIS_URL must begin with redis+cluster:// (or rediss+cluster://)",
    "cluster_not_there": "ETAPA_REDIS_URL must begin with redis:// (or rediss://)",
    "service_unknown": "ETAPA_REDIS_URL is redis+sentinel://host:port/service; `redis-cli -p 26379 sentinel masters` lists the services",
}
