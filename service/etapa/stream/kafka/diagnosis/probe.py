"""Finds out why brokers cannot be used: takes the steps of every client one by one, so that the failing step shows the cause.

The clients themselves mostly report just "unable to bootstrap". Nothing here changes anything, and everything ends in bounded time.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiokafka.conn import AIOKafkaConnection, CloseReason, create_conn
from aiokafka.errors import (
    BrokerResponseError,
    IllegalSaslStateError,
    KafkaError,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.admin import SaslAuthenticateRequest, SaslHandShakeRequest
from aiokafka.protocol.metadata import MetadataRequest

from etapa.hosting.dependencies import chain_of
from etapa.hosting.reaching import Failed, connect_failure, refused_by_tls, speaks_tls, tls_failure
from etapa.hosting.trouble import Trouble, TroubleKind
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.rights import rights_trouble

STEP_SECONDS = 3.0
"""Limit for any one step."""
PROBE_SECONDS = 15.0
"""Limit for all steps together."""
_CLOSE_SECONDS = 0.5
_MOST_ADDRESSES = 6
_SOONER: Sequence[TroubleKind] = ("silent", "refused", "name_unknown")
"""The least informative kinds: of several addresses that fail, any other kind is reported first."""
_WHERE = "ETAPA_KAFKA_BOOTSTRAP_SERVERS (or --kafka-bootstrap-servers) says where it is"


async def trouble_behind(cluster: Cluster, error: BaseException) -> Trouble | None:
    """What is behind a failure of one of our clients, checked now; none when nothing is found and the error has to speak for itself."""
    refused = rights_trouble(cluster.settings, error)
    if refused is not None:
        return refused
    # An error answer from a broker shows that we can reach it.
    if any(isinstance(one, BrokerResponseError) and not isinstance(one, _ABOUT_REACHING) for one in chain_of(error)):
        return None
    return await find_trouble(cluster)


_ABOUT_REACHING = (IllegalSaslStateError, RequestTimedOutError, SaslAuthenticationFailed, UnsupportedSaslMechanismError)


async def find_trouble(cluster: Cluster, seconds: float = PROBE_SECONDS) -> Trouble | None:
    """Why we cannot talk to the brokers; none when the configured brokers answer, and all that they advertise."""
    probe = _Probe(cluster)
    try:
        async with asyncio.timeout(seconds):
            return await probe.find()
    except TimeoutError:
        return Trouble("Kafka", cluster.address, "silent", f"no answer within {seconds:g} s", f"Is it well? {_WHERE}")


class _TokenRefusal(msgspec.Struct):
    status: str = ""


class _Probe:
    def __init__(self, cluster: Cluster) -> None:
        self._settings = cluster.settings
        self._options = cluster.connection_options

    async def find(self) -> Trouble | None:
        addresses = [_split(one) for one in self._settings.kafka_bootstrap_servers.split(",")][:_MOST_ADDRESSES]
        found = await asyncio.gather(*(self._ask(*address) for address in addresses))
        for asked, told in zip(addresses, found, strict=True):
            if not isinstance(told, Failed):
                return await self._find_advertised(asked, told)
        failures = [(address, told) for address, told in zip(addresses, found, strict=True) if isinstance(told, Failed)]
        (host, port), failed = min(failures, key=lambda one: one[1].kind in _SOONER)
        return self._trouble(f"{_bracketed(host)}:{port}", failed)

    async def _find_advertised(self, asked: tuple[str, int], brokers: Mapping[int, tuple[str, int]]) -> Trouble | None:
        others = [(node, place) for node, place in sorted(brokers.items()) if place != asked][:_MOST_ADDRESSES]
        for (node, (host, port)), told in zip(others, await asyncio.gather(*(self._ask(*place) for _, place in others)), strict=True):
            if isinstance(told, Failed):
                found = (
                    f"it answers, and says that broker {node} is at {_bracketed(host)}:{port}, where Etapa does not reach it: {told.found}"
                )
                advice = (
                    "advertised.listeners of that broker must hold an address that leads to it from here;"
                    f" if it does, {_lower_first(self._advice(told))}"
                )
                return Trouble("Kafka", f"{_bracketed(asked[0])}:{asked[1]}", "advertised", found, advice)
        return None

    async def _ask(self, host: str, port: int) -> Failed | Mapping[int, tuple[str, int]]:
        """What fails there, or the brokers that it advertises."""
        failed = await connect_failure(host, port, STEP_SECONDS)
        context = self._options.get("ssl_context")
        if failed is None and context is not None:
            failed = await tls_failure(host, port, context, STEP_SECONDS)
        if failed is not None:
            return failed
        conn: AIOKafkaConnection | None = None
        try:
            conn = await self._connected(host, port, self._options)
            told = await conn.send(MetadataRequest([]))
        except (OSError, TimeoutError, KafkaError, AssertionError, ValueError) as error:
            return await self._failed(host, port, error)
        finally:
            if conn is not None:
                await asyncio.wait({conn.close(reason=CloseReason.SHUTDOWN)}, timeout=_CLOSE_SECONDS)
        if not told.brokers and self._settings.kafka_sasl_mechanism == "OAUTHBEARER":
            # The end of a failed login, which aiokafka mistook for an answer.
            return await self._failed(host, port, KafkaError("no brokers"))
        return {node: (name, number) for node, name, number, *_ in told.brokers}

    async def _failed(self, host: str, port: int, error: BaseException) -> Failed:
        """Why a server that accepts our connection, with TLS if we use it, still does not answer."""
        chain = chain_of(error)
        by_tls = refused_by_tls(error)
        if by_tls is not None:
            return by_tls
        token = next((one for one in chain if getattr(one, "is_about_tokens", False)), None)
        if token is not None:
            return Failed("token", str(token))
        mechanism = self._settings.kafka_sasl_mechanism
        if any(isinstance(one, SaslAuthenticationFailed) for one in chain):
            told = next(str(one) for one in chain if isinstance(one, SaslAuthenticationFailed)).split("] ")[-1]
            return Failed("login_refused", f"it refuses the login with {mechanism}{self._as_whom()} ({_clipped(told)})")
        if self._options.get("ssl_context") is None and await speaks_tls(host, port, STEP_SECONDS):
            return Failed("tls_expected", f"it speaks TLS there, but Etapa is set to speak {self._settings.kafka_security_protocol}")
        offered = await self._mechanisms(host, port)
        if offered is None:
            return Failed("another_protocol", "something listens there, but does not answer like Kafka")
        if mechanism is None:
            if offered:
                return Failed("login_expected", f"it wants a login ({' or '.join(offered)}), but Etapa is set to use none")
        elif not offered:
            return Failed("login_not_taken", f"it takes no login there, but Etapa is set to log in with {mechanism}")
        elif mechanism not in offered:
            return Failed("mechanism", f"it does not take {mechanism} there, but {' or '.join(offered)}")
        elif mechanism == "OAUTHBEARER":
            return Failed("login_refused", f"it refuses our token{await self._about_token(host, port)}")
        return Failed("silent", f"it closes the connection or does not answer within {STEP_SECONDS:g} s")

    async def _mechanisms(self, host: str, port: int) -> list[str] | None:
        """The login mechanisms that the server offers (empty: no login); none when it is not Kafka."""
        conn: AIOKafkaConnection | None = None
        try:
            conn = await self._connected(host, port, self._without_login())
            answer = await conn.send(SaslHandShakeRequest("NONE-OF-THEM"))
        except (OSError, TimeoutError, KafkaError, AssertionError, ValueError):
            return None
        finally:
            if conn is not None:
                await asyncio.wait({conn.close(reason=CloseReason.SHUTDOWN)}, timeout=_CLOSE_SECONDS)
        return sorted(answer.enabled_mechanisms)

    async def _about_token(self, host: str, port: int) -> str:
        """What a broker says about our token, in brackets. aiokafka mistakes that answer (RFC 7628, section 3.2.2) for a success."""
        conn: AIOKafkaConnection | None = None
        try:
            conn = await self._connected(host, port, self._without_login())
            await conn.send(SaslHandShakeRequest("OAUTHBEARER"))
            token = await self._options["sasl_oauth_token_provider"].token()
            answer = await conn.send(SaslAuthenticateRequest(f"n,,\x01auth=Bearer {token}\x01\x01".encode()))
            told = msgspec.json.decode(answer.sasl_auth_bytes or b"{}", type=_TokenRefusal).status
        except (OSError, TimeoutError, KafkaError, AssertionError, ValueError):
            return ""
        finally:
            if conn is not None:
                await asyncio.wait({conn.close(reason=CloseReason.SHUTDOWN)}, timeout=_CLOSE_SECONDS)
        return f" ({_clipped(told)})" if told else ""

    def _without_login(self) -> dict[str, Any]:
        options = {name: value for name, value in self._options.items() if not name.startswith("sasl_")}
        return {**options, "security_protocol": "SSL" if "ssl_context" in options else "PLAINTEXT"}

    async def _connected(self, host: str, port: int, options: Mapping[str, Any]) -> AIOKafkaConnection:
        given = {name: value for name, value in options.items() if name != "bootstrap_servers"}
        async with asyncio.timeout(2 * STEP_SECONDS):
            return await create_conn(host, port, client_id="etapa-probe", request_timeout_ms=int(STEP_SECONDS * 1000), **given)

    def _as_whom(self) -> str:
        name = self._settings.kafka_sasl_username
        return f" of {name!r}" if name is not None else ""

    def _trouble(self, address: str, failed: Failed) -> Trouble:
        return Trouble("Kafka", address, failed.kind, failed.found, self._advice(failed))

    def _advice(self, failed: Failed) -> str:
        mechanism = self._settings.kafka_sasl_mechanism
        if failed.kind == "tls_own_certificate" and self._settings.kafka_ssl_cert is None:
            return "Set ETAPA_KAFKA_SSL_CERT and ETAPA_KAFKA_SSL_KEY to Etapa's certificate and its key"
        if failed.kind == "login_refused" and mechanism == "OAUTHBEARER":
            return "Look at what the token says (issuer, audience, scope, times), and at ETAPA_KAFKA_OAUTH_SCOPE"
        return _ADVICE.get(failed.kind, f"Is it running? {_WHERE}")


_ADVICE: Mapping[TroubleKind, str] = {
    "another_protocol": _WHERE,
    "tls_untrusted": "ETAPA_KAFKA_SSL_CA must name a PEM file with the authority that has signed it",
    "tls_name": "ETAPA_KAFKA_BOOTSTRAP_SERVERS must use a name that the certificate is for, and so must the brokers' advertised.listeners",
    "tls_expired": "The brokers need a new certificate, or one of the two clocks is wrong",
    "tls_own_certificate": "Look at ETAPA_KAFKA_SSL_CERT: is it signed by an authority that the brokers trust, and still valid?",
    "tls_terms": "Look at ssl.enabled.protocols and ssl.cipher.suites of the brokers",
    "tls_not_spoken": "ETAPA_KAFKA_SECURITY_PROTOCOL must be PLAINTEXT or SASL_PLAINTEXT for this port, or the port must be that of a TLS listener",
    "tls_expected": "ETAPA_KAFKA_SECURITY_PROTOCOL must be SSL or SASL_SSL for this port",
    "login_refused": "Look at ETAPA_KAFKA_SASL_USERNAME, ETAPA_KAFKA_SASL_PASSWORD and ETAPA_KAFKA_SASL_MECHANISM",
    "login_expected": "ETAPA_KAFKA_SECURITY_PROTOCOL must be SASL_PLAINTEXT or SASL_SSL for this port, with ETAPA_KAFKA_SASL_MECHANISM",
    "login_not_taken": "ETAPA_KAFKA_SECURITY_PROTOCOL must be PLAINTEXT or SSL for this port, or the port must be that of a SASL listener",
    "mechanism": "Set ETAPA_KAFKA_SASL_MECHANISM to one of these",
    "token": "Look at ETAPA_KAFKA_OAUTH_TOKEN_URL, ETAPA_KAFKA_OAUTH_CLIENT_ID and ETAPA_KAFKA_OAUTH_CLIENT_SECRET",
}


def in_words(settings: Settings, trouble: Trouble | None, error: str) -> str:
    """The words for a command or a log: what was found or, if nothing was, the error."""
    return str(trouble) if trouble is not None else f"Kafka at {settings.kafka_bootstrap_servers}: {error}"


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _clipped(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= 200 else f"{text[:200]}…"


def _lower_first(text: str) -> str:
    return text if text.startswith("ETAPA") else text[0].lower() + text[1:]
