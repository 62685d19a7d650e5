"""The workers' event loop: a closed connection is noticed by reading, not by an error inside the loop."""

import asyncio
import sys

import pytest

from etapa.hosting import event_loop


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop for Windows")
def test_workers_run_on_uvloop() -> None:
    async def is_uvloop() -> bool:
        return any(each.__module__.startswith("uvloop") for each in type(asyncio.get_running_loop()).__mro__)

    assert event_loop.run(is_uvloop())


def test_what_is_written_to_a_closed_connection_is_dropped_and_reading_tells() -> None:
    async def late() -> bytes:
        async with await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.transport.abort()
            await asyncio.sleep(0.05)
            writer.write(b"late")
            writer.writelines([b"and", b"later"])
            writer.write_eof()
            return await reader.read()

    assert event_loop.run(late()) == b""


def test_a_connection_carries_both_ways_and_closes() -> None:
    async def talk() -> tuple[bytes, bool]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.writelines([b"is anybody ", b"there\n"])
            await writer.drain()
            told = await reader.read()
            assert writer.get_extra_info("peername") == server.sockets[0].getsockname()
            writer.close()
            await writer.wait_closed()
            return told, writer.is_closing()

    assert event_loop.run(talk()) == (b"IS ANYBODY THERE\n", True)
