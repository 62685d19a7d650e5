"""uvloop's event loop, made to behave as the Kafka and Redis clients expect of asyncio: writes to a closed connection are dropped.

uvloop raises RuntimeError instead, which these clients take for a bug. Readers notice that the connection is closed, as with asyncio.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import uvloop


class Loop(uvloop.Loop):
    """Its connections to servers are forgiving; everything else is uvloop's."""

    async def create_connection(self, protocol_factory: Callable[[], Any], *arguments: Any, **options: Any) -> tuple[Any, Any]:
        """As asyncio's."""
        transport, protocol = await super().create_connection(protocol_factory, *arguments, **options)
        return _Forgiving(transport), protocol


class _Forgiving(asyncio.Transport):
    """A uvloop transport that ignores writes after the end."""

    def __init__(self, transport: Any) -> None:
        super().__init__()
        self._transport = transport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        if not self._transport.is_closing():
            self._transport.writelines(list_of_data)

    def write_eof(self) -> None:
        if not self._transport.is_closing():
            self._transport.write_eof()

    def can_write_eof(self) -> bool:
        can: bool = self._transport.can_write_eof()
        return can

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        closing: bool = self._transport.is_closing()
        return closing

    def is_reading(self) -> bool:
        reading: bool = self._transport.is_reading()
        return reading

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._transport.get_protocol()
        return protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        size: int = self._transport.get_write_buffer_size()
        return size

    def get_write_buffer_limits(self) -> tuple[int, int]:
        limits: tuple[int, int] = self._transport.get_write_buffer_limits()
        return limits
