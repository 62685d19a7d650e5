"""What a proxy must know of Kafka's protocol: where a request ends, its kind, its sender, and which response belongs to it."""

import asyncio
import struct
from enum import IntEnum

import msgspec

_SIZE = struct.Struct(">i")
_HEADER = struct.Struct(">hhih")
"""Kind, version, correlation id, length of the client id. Requests of all versions begin like this, including the flexible ones."""
_CORRELATION = struct.Struct(">i")
_LARGEST = 200 * 1024 * 1024


class ApiKey(IntEnum):
    """The requests that a transaction is made of, as Kafka numbers and names them (https://kafka.apache.org/protocol)."""

    Produce = 0
    InitProducerId = 22
    AddPartitionsToTxn = 24
    AddOffsetsToTxn = 25
    EndTxn = 26
    TxnOffsetCommit = 28


class SentRequest(msgspec.Struct, frozen=True):
    """A request as it was sent."""

    raw: bytes
    """With the size that it begins with."""
    api: int
    version: int
    correlation: int
    client: str
    """The client id of its sender."""

    def names(self, topic: str) -> bool:
        """Whether it names the topic. Its records must not contain that name."""
        # The length precedes the name: in two bytes up to Produce v8; plus one, in one byte, from v9 on.
        name = topic.encode()
        return struct.pack(">h", len(name)) + name in self.raw or bytes([len(name) + 1]) + name in self.raw


def request_of(raw: bytes) -> SentRequest:
    api, version, correlation, length = _HEADER.unpack_from(raw, _SIZE.size)
    begin = _SIZE.size + _HEADER.size
    client = raw[begin : begin + length].decode("utf-8", "replace") if length > 0 else ""
    return SentRequest(raw, api, version, correlation, client)


def correlation_of(answer: bytes) -> int:
    """The correlation id of the request that this response answers."""
    correlation: int = _CORRELATION.unpack_from(answer, _SIZE.size)[0]
    return correlation


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next request or response, including its leading size; None if the connection has ended."""
    try:
        head = await reader.readexactly(_SIZE.size)
        size = _SIZE.unpack(head)[0]
        if not 0 <= size <= _LARGEST:
            message = f"no frame of Kafka's protocol: it says that it has {size} bytes"
            raise ValueError(message)
        return head + await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
