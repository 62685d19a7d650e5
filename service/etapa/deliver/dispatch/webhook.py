"""One request to one target. It goes only to the URL in the delivery file: no redirects, no proxies from the environment, no cookies.

Failures are described in our own words, because those of the client library may contain the URL.
"""

import asyncio
import contextlib
import os
import ssl
from collections.abc import Collection, Mapping
from typing import Self

import aiohttp
from yarl import URL

import etapa
from etapa.deliver.attempts.destinations import DestinationRefused, GuardedResolver
from etapa.deliver.attempts.signature import idempotency_key, signed_headers
from etapa.deliver.attempts.target_answers import Answer
from etapa.deliver.delivery_file.plan import Target
from etapa.deliver.delivery_file.secrets_found import Credentials
from etapa.deliver.dispatch.answer_head import MOST_HEAD_BYTES, HeadKeepingConnector, HeadKeepingResponse, HeadOnly
from etapa.journey.duration import format_duration
from etapa.journey.units import SECOND

_MOST_READ = 64 * 1024
_REST_SECONDS = 1.0
"""How much of an answer is read, and for how long, so that its connection can be used again; beyond that it is closed."""
NO_TRACE: Mapping[str, str] = {}


class Webhooks:
    """The connections to all targets; used by `async with`."""

    def __init__(self, internal: Collection[str] = ()) -> None:
        """`internal`: hosts that may resolve to this machine, or into networks that are not public."""
        self._internal = internal
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # Each target's `parallel` limits the number of connections. The body of an answer is not used, so it is not
        # unpacked either.
        self._session = aiohttp.ClientSession(
            # Names are resolved again, and checked, for each connection.
            connector=HeadKeepingConnector(limit=0, use_dns_cache=False, resolver=GuardedResolver(self._internal)),
            response_class=HeadKeepingResponse,
            max_line_size=MOST_HEAD_BYTES,
            max_field_size=MOST_HEAD_BYTES,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"etapa/{etapa.__version__}"},
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(
        self,
        target: Target,
        credentials: Credentials,
        campaign: str,
        trigger_id: str,
        body: bytes,
        timestamp: int,
        trace: Mapping[str, str] = NO_TRACE,
    ) -> Answer:
        """Post a trigger. `timestamp` is in seconds since 1970; `trace` holds headers that name the trace it belongs to.

        Does not raise, whatever the target does.
        """
        if self._session is None:
            raise RuntimeError("not entered")
        headers = {
            **trace,
            **credentials.headers_for(campaign),
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key(trigger_id),
            **signed_headers(credentials.signing_keys(), trigger_id, timestamp, body),
        }
        timeout = aiohttp.ClientTimeout(total=target.timeout / SECOND)
        try:
            response = await self._session.post(
                URL(target.url, encoded=True), data=body, headers=headers, allow_redirects=False, timeout=timeout
            )
        except HeadOnly as head:
            return Answer(head.status, retry_after=head.headers.get("retry-after"))
        except TimeoutError:
            return Answer(None, f"no answer within {format_duration(target.timeout)}")
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError, ValueError) as error:
            return Answer(None, _trouble(error))
        # The status has arrived, and it decides. The rest does not matter.
        answer = Answer(response.status, retry_after=response.headers.get("Retry-After"))
        try:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError):
                await _read_rest(response)
        finally:
            if not response.content.at_eof():
                response.close()
        return answer


async def _read_rest(response: aiohttp.ClientResponse) -> None:
    left = _MOST_READ
    async with asyncio.timeout(_REST_SECONDS):
        while left > 0 and not response.content.at_eof():
            left -= len(await response.content.readany())


def _trouble(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError(os_error=DestinationRefused() as refused):
            return str(refused)
        case aiohttp.ClientConnectorDNSError():
            return "its name cannot be resolved"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return "no TLS connection: its certificate or its TLS was not accepted"
        case aiohttp.ClientConnectorError():
            return f"no connection: {_errno_text(error)}"
        case aiohttp.ServerDisconnectedError():
            return "connection closed before an answer"
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return "its answer is not HTTP"
        case OSError():
            return f"connection lost: {_errno_text(error)}"
    return f"the request failed ({type(error).__name__})"


def _errno_text(error: OSError) -> str:
    # The error's own message is not used: asyncio writes the address into it.
    return os.strerror(error.errno).lower() if isinstance(error.errno, int) and error.errno > 0 else "failed"
