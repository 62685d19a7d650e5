"""The first steps of reaching a server, one by one: its name, a connection, TLS. The step that fails shows what is wrong.

Each step opens its own connection, sends nothing that could change anything, and ends within the given number of seconds.
"""

import asyncio
import socket
import ssl
from typing import NamedTuple

from etapa.hosting.dependencies import chain_of
from etapa.hosting.trouble import TroubleKind

_CLOSE_SECONDS = 0.5
"""For closing a connection to a server that may no longer answer."""


class Failed(NamedTuple):
    """A step that failed: the kind of problem, and what was found, as the end of a sentence."""

    kind: TroubleKind
    found: str


ENDED_AFTER_TLS = Failed(
    "tls_own_certificate", "the server ends the connection after the TLS handshake, perhaps because it wants another certificate"
)
_REFUSAL_SECONDS = 0.3
"""How long a server may take to refuse a certificate."""


async def connect_failure(host: str, port: int, seconds: float) -> Failed | None:
    """Look the name up and connect. Returns what failed; none when both work."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            _, writer = await asyncio.open_connection(host, port)
    except socket.gaierror as error:
        return Failed("name_unknown", f"the name {host} cannot be resolved ({_words(error)})")
    except TimeoutError:
        return Failed("silent", f"no connection within {seconds:g} s")
    except ConnectionRefusedError:
        return Failed("refused", "nobody listens there (connection refused)")
    except OSError as error:
        return Failed("refused", f"no connection ({_words(error)})")
    await _close(writer)
    return None


async def tls_failure(host: str, port: int, context: ssl.SSLContext, seconds: float) -> Failed | None:
    """Try a TLS handshake with a server that accepts connections. Returns what failed; none when it works.

    With TLS 1.3 a server refuses our certificate only after the handshake, so it gets a moment to do so.
    """
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
    except TimeoutError:
        return Failed("silent", f"no answer to a TLS handshake within {seconds:g} s")
    except OSError as error:
        return refused_by_tls(error) or Failed("tls_not_spoken", "the server does not speak TLS there")
    try:
        async with asyncio.timeout(_REFUSAL_SECONDS):
            said = await reader.read(1)
    except TimeoutError:
        said = b"nothing"
    except OSError as error:
        return refused_by_tls(error) or ENDED_AFTER_TLS
    finally:
        await _close(writer)
    return None if said else ENDED_AFTER_TLS


async def speaks_tls(host: str, port: int, seconds: float) -> bool:
    """Whether the server answers a TLS handshake, with any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent over this connection
    failed = await tls_failure(host, port, context, seconds)
    return failed is None or failed.kind not in ("tls_not_spoken", "silent")


# X509_V_ERR_… in OpenSSL's x509_vfy.h.
_OTHER_NAME = (62, 63, 64)
_NOT_NOW = (9, 10)


def refused_by_tls(error: BaseException) -> Failed | None:
    """What this error, or its causes, say about a failed handshake; none when they do not show that the server speaks TLS."""
    for one in chain_of(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            told = one.verify_message.rstrip(".")
            if one.verify_code in _OTHER_NAME:
                return Failed("tls_name", f"the server's certificate is for another name ({told})")
            if one.verify_code in _NOT_NOW:
                return Failed("tls_expired", f"the server's certificate is not valid now ({told})")
            return Failed("tls_untrusted", f"the server's certificate is not signed by a trusted authority ({told})")
        if isinstance(one, ssl.SSLError) and "ALERT" in (one.reason or ""):
            told = (one.reason or "").lower().replace("_", " ")
            if "certificate" in told or "unknown ca" in told:
                return Failed("tls_own_certificate", f"the server wants a client certificate that it trusts ({told})")
            return Failed("tls_terms", f"the server and Etapa have no TLS version or cipher in common ({told})")
    return None


async def first_words(host: str, port: int, said: bytes, context: ssl.SSLContext | None, seconds: float) -> bytes | OSError | None:
    """The first answer of a server to `said`: `b""` when it closes the connection, none when it stays silent, or the error."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                writer.write(said)
                return await reader.read(1024)
            finally:
                await _close(writer)
    except TimeoutError:
        return None
    except OSError as error:
        return error


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await writer.wait_closed()
    except OSError:
        pass
    finally:
        # With TLS the socket stays open until the server says goodbye, too.
        writer.transport.abort()


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
