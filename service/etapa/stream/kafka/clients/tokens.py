"""Tokens for OAUTHBEARER: from an authorization server with client credentials, or from a configured function.

Client credentials: RFC 6749, section 4.4. A token is requested for a new connection, and reused for most of its lifetime.
"""

import asyncio
import importlib
import inspect
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import aiohttp
import msgspec
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError

from etapa.errors import EtapaError
from etapa.settings import Settings
from etapa.settings.values import Secret

_SECONDS = 10.0
_MOST_BYTES = 256 * 1024
_SHARE = 0.8
"""The share of its lifetime during which a token is used for new connections."""


class TokenError(EtapaError, KafkaError):  # type: ignore[misc]  # aiokafka has no types
    """There is no token; the message says why, and holds neither token nor secret. aiokafka treats it as a failed login."""

    is_about_tokens = True


class TokenEndpoint(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """Asks the token endpoint of an authorization server."""

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = settings.kafka_oauth_token_url or ""
        self._client_id = settings.kafka_oauth_client_id or ""
        self._secret = settings.kafka_oauth_client_secret or Secret("")
        self._scope = settings.kafka_oauth_scope
        self._monotonic = monotonic
        self._asking: asyncio.Lock | None = None
        self._token = ""
        self._good_until = 0.0

    async def token(self) -> str:
        """A token that is valid for a while. Raises `TokenError`."""
        # One at a time: at startup all connections want one at once.
        if self._asking is None:
            self._asking = asyncio.Lock()
        async with self._asking:
            if self._monotonic() >= self._good_until:
                self._token, seconds = await self._ask()
                self._good_until = self._monotonic() + seconds * _SHARE
            return self._token

    async def _ask(self) -> tuple[str, float]:
        form = {"grant_type": "client_credentials", **({"scope": self._scope} if self._scope else {})}
        # Each of the two is form-encoded before both are joined (RFC 6749, section 2.3.1).
        login = f"{quote_plus(self._client_id)}:{quote_plus(self._secret.current().reveal())}"
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session:
                headers = {"Authorization": f"Basic {b64encode(login.encode()).decode()}", "Accept": "application/json"}
                async with session.post(self._url, data=form, headers=headers, allow_redirects=False) as answer:
                    return _read(answer.status, await answer.content.read(_MOST_BYTES))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            told = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
            raise TokenError(f"there is no token for the login: the token endpoint cannot be reached ({told})") from error


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float = 60.0


class _Refused(msgspec.Struct):
    error: str = ""


def _read(status: int, body: bytes) -> tuple[str, float]:
    try:
        if status == 200:
            granted = msgspec.json.decode(body, type=_Granted, strict=False)
            if granted.access_token:
                return granted.access_token, max(0.0, granted.expires_in)
        error = msgspec.json.decode(body, type=_Refused).error[:60]
    except (msgspec.DecodeError, UnicodeDecodeError):
        error = ""
    told = f"HTTP {status}{f', {error}' if error.isprintable() and error else ''}"
    raise TokenError(f"there is no token for the login: the token endpoint refused ({told})")


class NamedProvider(AbstractTokenProvider):  # type: ignore[misc]
    """Calls a configured function for a token, in a thread if it is not `async`. Caching is up to the function."""

    def __init__(self, name: str) -> None:
        """`name` is `package.module:function`. Raises `ValueError` when there is none."""
        module, _, function = name.partition(":")
        try:
            found: Any = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise ValueError(str(error)) from None
        if not callable(found):
            raise ValueError(f"{function} cannot be called")
        self._name = name
        self._function = found

    async def token(self) -> str:
        """A token. Raises `TokenError`."""
        try:
            async with asyncio.timeout(_SECONDS):
                given = self._function() if inspect.iscoroutinefunction(self._function) else asyncio.to_thread(self._function)
                token = await given
        except Exception as error:
            # Not its text, which may hold secrets.
            raise TokenError(f"there is no token for the login: {self._name} failed ({type(error).__name__})") from error
        if not isinstance(token, str) or not token:
            raise TokenError(f"there is no token for the login: {self._name} gave none")
        return token
