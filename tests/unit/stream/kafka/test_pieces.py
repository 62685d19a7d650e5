"""A request in pieces arrives as if it had been joined."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from etapa.hosting.event_loop import loop_factory
from etapa.stream.kafka.requests.pieces import Piece, PieceWriter, RequestPieces
from tests.servers.local_tcp import tcp_server

BATCHES: list[Piece] = [b"topic", bytearray(range(256)) * 8_000, b"", b"another", bytearray(b"x") * 3_000_000]
EXPECTED = b"size" + b"header" + b"".join(BATCHES) + b"plain"


def test_headers_are_put_before_them() -> None:
    pieces = b"size" + (b"header" + RequestPieces(BATCHES))
    assert bytes(pieces) + b"plain" == EXPECTED
    assert len(pieces) == len(EXPECTED) - len(b"plain")
    assert any(part is BATCHES[1] for part in pieces.parts)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, loop_factory()], ids=["asyncio", "of a worker"])
def test_they_arrive_in_order_before_what_is_written_next(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def scenario() -> bytes:
        arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            arrived.set_result(await reader.read(-1))

        async with tcp_server(serve) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.__class__ = PieceWriter
            for data in (b"size" + (b"header" + RequestPieces(BATCHES)), b"plain"):
                writer.write(data)  # type: ignore[arg-type]
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            return await arrived

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(scenario()) == EXPECTED
