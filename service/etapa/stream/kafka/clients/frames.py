"""Reads the answers of brokers straight into the bytes that are handed on.

By way of asyncio's streams, each piece of an answer becomes an object, is copied behind the others, and is copied out with them again; and
whenever more than 128 KiB are there, reading pauses until somebody has looked. The answer to a fetch has megabytes.
"""

import asyncio
import io
import struct
import weakref
from typing import Final

from aiokafka.conn import AIOKafkaConnection

AT_ONCE: Final = 16 * 1024
"""How many bytes are read at once as long as it is not known how long an answer is."""
_SIZE: Final = struct.Struct(">i")


def read_in_place(connection: AIOKafkaConnection, at_once: bytearray) -> None:
    """From now on, read in this way what comes over a connection that waits for nothing. `at_once` is for all connections of an event loop."""
    is_idle = connection.connected() and not connection._requests and not connection._reader._buffer
    if is_idle and not isinstance(connection._writer.transport.get_protocol(), Frames):
        connection._writer.transport.set_protocol(Frames(connection, at_once))


class Frames(asyncio.BufferedProtocol):
    """Takes the place of aiokafka's protocol for what is read, and tells it everything else.

    aiokafka's task goes on waiting at the stream, into which nothing is put any more: there it learns of the connection's end, and of errors.
    """

    def __init__(self, connection: AIOKafkaConnection, at_once: bytearray) -> None:
        # As aiokafka's task does: a connection that nobody has any more is closed.
        self._connection: Final = weakref.ref(connection)
        self._streams: Final[asyncio.StreamReaderProtocol] = connection._protocol
        self._reader: Final[asyncio.StreamReader] = connection._reader
        self._at_once: Final = memoryview(at_once)
        self._rest = b""
        """The beginning of an answer's size."""
        self._frame: io.BytesIO | None = None
        """An answer of which the beginning is there. It gives its bytes away without a copy."""
        self._room = memoryview(b"")
        """Where its next bytes go."""

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes next."""
        return self._at_once if self._frame is None else self._room

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes were put there."""
        try:
            if self._frame is None:
                self._take(self._rest + self._at_once[:nbytes])
            else:
                self._room = self._room[nbytes:]
                self._hand_over_if_whole(self._frame)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with an answer, nobody knows where the next begins
            self._reader.set_exception(error)

    def _take(self, read: bytes) -> None:
        start = 0
        while len(read) - start >= _SIZE.size:
            (size,) = _SIZE.unpack_from(read, start)
            start += _SIZE.size
            if size < 0:
                raise ValueError(f"a broker announced an answer of {size} bytes")
            if len(read) - start < size:
                self._begin(size, read[start:])
                start = len(read)
            else:
                self._hand_over(read[start : start + size])
                start += size
        self._rest = read[start:]

    def _begin(self, size: int, beginning: bytes) -> None:
        # However much is announced, memory is taken only as it comes.
        frame = io.BytesIO(bytes(size))
        room = frame.getbuffer()
        room[: len(beginning)] = beginning
        self._frame, self._room = frame, room[len(beginning) :]

    def _hand_over_if_whole(self, frame: io.BytesIO) -> None:
        if not self._room:
            self._frame, self._room = None, memoryview(b"")
            self._hand_over(frame.getvalue())

    def _hand_over(self, answer: bytes) -> None:
        connection = self._connection()
        if connection is not None and connection.connected():
            connection._handle_frame(answer)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nothing: it was made before."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream ends."""
        self._streams.connection_lost(exc)

    def eof_received(self) -> bool | None:
        """The stream ends."""
        return self._streams.eof_received()

    def pause_writing(self) -> None:
        """Whoever writes has to wait."""
        self._streams.pause_writing()

    def resume_writing(self) -> None:
        """Whoever writes may go on."""
        self._streams.resume_writing()
