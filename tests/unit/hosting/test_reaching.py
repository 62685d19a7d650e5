"""Trying to reach a server leaves no connection open, however the server behaves."""

import asyncio
import ssl
from pathlib import Path

import pytest

from etapa.hosting.reaching import first_words, tls_failure
from tests.servers.tls_server import taciturn_tls_server


@pytest.mark.parametrize("asked", ["tls", "words"])
def test_a_server_that_does_not_answer_a_goodbye_keeps_no_connection_open(tmp_path: Path, asked: str) -> None:
    async def scenario(port: int, context: ssl.SSLContext) -> int:
        if asked == "tls":
            assert await tls_failure("127.0.0.1", port, context, 5) is None
        else:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await first_words("127.0.0.1", port, b"hello", context, 5)
        await asyncio.sleep(0)
        # What is left is the loop's own pair of sockets.
        return len(asyncio.get_running_loop()._selector.get_map())  # type: ignore[attr-defined]

    with taciturn_tls_server(tmp_path) as (port, context):
        assert asyncio.run(scenario(port, context)) == 1
