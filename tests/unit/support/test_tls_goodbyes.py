"""A loop ends only when the TLS connections that were closed in it have said goodbye."""

import asyncio
from pathlib import Path
from typing import Any

from tests.servers.tls_server import taciturn_tls_server


def test_a_connection_whose_end_nobody_waited_for_is_closed_when_the_loop_is(tmp_path: Path) -> None:
    async def scenario(port: int, context: Any) -> Any:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        below: Any = writer.transport
        writer.close()
        return below._ssl_protocol._transport

    with taciturn_tls_server(tmp_path, goodbye_after=0.3) as (port, context):
        assert repr(asyncio.run(scenario(port, context))).startswith("<_SelectorSocketTransport closed")
