import asyncio
import struct

import pytest
from aiokafka.protocol.produce import ProduceRequest_v3
from aiokafka.protocol.transaction import EndTxnRequest_v0

from tests.faults.requests.frames import ApiKey, correlation_of, read_frame, request_of


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def sent(api: int, version: int, correlation: int, client: str, body: bytes) -> bytes:
    name = client.encode()
    return framed(struct.pack(">hhih", api, version, correlation, len(name)) + name + body)


def test_a_request_tells_its_kind_its_number_and_whose_it_is() -> None:
    body = EndTxnRequest_v0("etapa.touchpoints.3", 7, 0, True).encode()
    request = request_of(sent(26, 0, 41, "etapa-etapa-3", body))
    assert (request.api, request.version, request.correlation, request.client) == (ApiKey.EndTxn, 0, 41, "etapa-etapa-3")


def test_the_header_of_a_flexible_version_begins_the_same() -> None:
    tags, transactional_id = b"\x00", b"\x14" + b"etapa.touchpoints.3"
    body = tags + transactional_id + (7).to_bytes(8, "big") + b"\x00\x05" + b"\x01" + tags
    request = request_of(sent(26, 5, 42, "etapa-etapa-3", body))
    assert (request.api, request.version, request.correlation, request.client) == (ApiKey.EndTxn, 5, 42, "etapa-etapa-3")


def test_a_request_without_a_client_id_is_nobodys() -> None:
    assert request_of(framed(struct.pack(">hhih", 18, 0, 1, -1))).client == ""


def test_topics_are_found_in_old_and_in_flexible_versions_of_a_write() -> None:
    old = ProduceRequest_v3("etapa.touchpoints.3", -1, 3000, [("stage-changes", [(0, b"records")])]).encode()
    name = b"stage-changes"
    flexible = b"\x00\x14etapa.touchpoints.3\xff\xff\x00\x00\x0b\xb8\x02" + bytes([len(name) + 1]) + name + b"\x02"
    for version, body in ((3, old), (12, flexible)):
        request = request_of(sent(0, version, 1, "etapa-etapa-0", body))
        assert request.names("stage-changes")
        assert not request.names("customer-state")
        assert not request.names("changes")


def test_frames_are_told_apart_however_they_arrive_and_their_end_is_no_error() -> None:
    async def scenario() -> None:
        reader = asyncio.StreamReader()
        first, second = framed(struct.pack(">i", 5) + b"one"), framed(struct.pack(">i", 6) + b"two")
        reader.feed_data(first + second[:3])
        assert await read_frame(reader) == first
        reader.feed_data(second[3:])
        found = await read_frame(reader)
        assert found == second
        assert correlation_of(second) == 6
        reader.feed_data(first[:5])
        reader.feed_eof()
        assert await read_frame(reader) is None

    asyncio.run(scenario())


def test_what_is_no_frame_is_an_error() -> None:
    async def scenario() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(b"HTTP/1.1 200 OK")
        with pytest.raises(ValueError, match="no frame"):
            await read_frame(reader)

    asyncio.run(scenario())
