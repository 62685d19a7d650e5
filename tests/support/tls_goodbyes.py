"""Lets TLS connections that were closed say goodbye before the event loop closes, so that a leaked socket is a fault and nothing else.

A TLS connection is closed in steps: it tells its peer, waits for the peer's answer, and closes its socket then. Whoever closes one
without waiting, as clients do after a failed login, leaves an open socket behind when the loop ends first. The garbage collector
finds it in the middle of another test, which then fails.
"""

import asyncio
from asyncio.sslproto import SSLProtocol
from typing import Any

_MOST_SECONDS = 5.0
_LOOK_SECONDS = 0.01
# Names of `asyncio.sslproto.SSLProtocolState`.
_ENDING = ("FLUSHING", "SHUTDOWN")


def wait_for_goodbyes() -> None:
    """Make asyncio's own event loop wait for them from now on."""
    close = asyncio.SelectorEventLoop.close

    def close_after_goodbyes(loop: Any) -> None:
        if not loop.is_closed() and not loop.is_running() and _ending(loop):
            loop.run_until_complete(_goodbyes(loop))
        close(loop)

    asyncio.SelectorEventLoop.close = close_after_goodbyes  # type: ignore[method-assign, assignment]


async def _goodbyes(loop: Any) -> None:
    until = loop.time() + _MOST_SECONDS
    while (ending := _ending(loop)) and loop.time() < until:
        await asyncio.sleep(_LOOK_SECONDS)
    for transport in ending:
        transport.abort()
    # A transport closes its socket one iteration after `abort`.
    await asyncio.sleep(0)


def _ending(loop: Any) -> list[asyncio.Transport]:
    """The transports below TLS connections that have been closed and wait for their peers."""
    found = []
    for key in loop._selector.get_map().values():
        for handle in key.data:
            transport = getattr(getattr(handle, "_callback", None), "__self__", None)
            if isinstance(transport, asyncio.Transport):
                protocol: Any = transport.get_protocol()
                if isinstance(protocol, SSLProtocol) and protocol._state.name in _ENDING:  # type: ignore[attr-defined]
                    found.append(transport)
    return found
