"""The wire format of transaction protocol 2 (KIP-890); aiokafka 0.14 has only earlier versions.

In the style of `aiokafka.protocol`. Formats: Kafka's message definitions `ApiVersions`, `Produce`, `TxnOffsetCommit` and `EndTxn`.
All are flexible (KIP-482): compact types, and tagged fields at the end of every structure, sent empty.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.protocol.admin import ApiVersionRequest_v0
from aiokafka.protocol.api import Request, RequestStruct, Response, ResponseHeader_v0
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
    UnsignedVarInt32,
)

from etapa.stream.kafka.requests.pieces import Piece, RequestPieces

_TEXT = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)


class ApiVersionsResponseV3(Response):  # type: ignore[misc]  # aiokafka has no types
    """What a broker understands; tag 2 holds the features that the cluster has agreed on."""

    API_KEY = 18
    API_VERSION = 3
    SCHEMA = Schema(
        ("error_code", Int16),
        ("api_versions", CompactArray(("api_key", Int16), ("min_version", Int16), ("max_version", Int16), _TAGS)),
        ("throttle_time_ms", Int32),
        _TAGS,
    )


class ApiVersionsRequestV3(RequestStruct):  # type: ignore[misc]
    """Also names the client."""

    API_KEY = 18
    API_VERSION = 3
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = ApiVersionsResponseV3
    SCHEMA = Schema(("client_software_name", _TEXT), ("client_software_version", _TEXT), _TAGS)

    def parse_response_header(self, read_buffer: Any) -> Any:
        """Read the header. For this request alone it is the old one, which brokers that do not know the version can write, too."""
        return ResponseHeader_v0.decode(read_buffer)


class ApiVersionsRequest(Request[ApiVersionRequest_v0 | ApiVersionsRequestV3]):  # type: ignore[misc]
    """Asks what a broker understands, and since Kafka 2.4 also for the cluster's features."""

    API_KEY = 18

    def __init__(self, name: str, version: str) -> None:
        self._name = name
        self._version = version

    def build(self, request_struct_class: Any) -> Any:
        """Build the request in a given version."""
        return request_struct_class(self._name, self._version, {}) if request_struct_class.FLEXIBLE_VERSION else request_struct_class()


class ProduceResponseV12(Response):  # type: ignore[misc]
    """The result of each partition's batch."""

    API_KEY = 0
    API_VERSION = 12
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic", _TEXT),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("offset", Int64),
                        ("timestamp", Int64),
                        ("log_start_offset", Int64),
                        ("record_errors", CompactArray(("batch_index", Int32), ("batch_index_error_message", _TEXT), _TAGS)),
                        ("error_message", _TEXT),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        ("throttle_time_ms", Int32),
        _TAGS,
    )


class ProduceRequestV12(RequestStruct):  # type: ignore[misc]
    """The first version that makes a partition part of the transaction by sending to it."""

    API_KEY = 0
    API_VERSION = 12
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = ProduceResponseV12
    SCHEMA = Schema(
        ("transactional_id", _TEXT),
        ("required_acks", Int16),
        ("timeout", Int32),
        (
            "topics",
            CompactArray(
                ("topic", _TEXT),
                ("partitions", CompactArray(("partition", Int32), ("messages", CompactBytes), _TAGS)),
                _TAGS,
            ),
        ),
        _TAGS,
    )

    def encode(self) -> RequestPieces:
        """The same bytes as aiokafka's way gives, which copies each batch once for every structure around it: here no batch is copied."""
        parts: list[Piece] = []
        _add_parts(self.SCHEMA, [self.get_item(name) for name in self.SCHEMA.names], parts)
        return RequestPieces(parts)


def _add_parts(kind: Any, value: Any, parts: list[Piece]) -> None:
    """What a value of a kind is written as; arrays and bytes are always there."""
    if isinstance(kind, Schema):
        for field, part in zip(kind.fields, value, strict=True):
            _add_parts(field, part, parts)
    elif isinstance(kind, CompactArray):
        parts.append(UnsignedVarInt32.encode(len(value) + 1))
        for each in value:
            _add_parts(kind.array_of, each, parts)
    elif kind is CompactBytes:
        parts += [UnsignedVarInt32.encode(len(value) + 1), value]
    else:
        parts.append(kind.encode(value))


class ProduceRequest(Request[ProduceRequestV12]):  # type: ignore[misc]
    """Writes batches, and adds their partitions to the transaction."""

    API_KEY = 0

    def __init__(
        self, transactional_id: str, required_acks: int, timeout_ms: int, topics: Mapping[str, Sequence[tuple[int, bytes | bytearray]]]
    ) -> None:
        self.required_acks = required_acks
        self._transactional_id = transactional_id
        self._timeout_ms = timeout_ms
        self._topics = topics

    def build(self, request_struct_class: Any) -> Any:
        """Build the request in a given version."""
        topics: list[Any] = [(topic, [(*one, {}) for one in batches], {}) for topic, batches in self._topics.items()]
        return request_struct_class(self._transactional_id, self.required_acks, self._timeout_ms, topics, {})


class TxnOffsetCommitResponseV5(Response):  # type: ignore[misc]
    """Whether each partition's offset is part of the transaction."""

    API_KEY = 28
    API_VERSION = 5
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(("topic", _TEXT), ("partitions", CompactArray(("partition", Int32), ("error_code", Int16), _TAGS)), _TAGS),
        ),
        _TAGS,
    )


class TxnOffsetCommitRequestV5(RequestStruct):  # type: ignore[misc]
    """The first version that makes a group part of the transaction by committing for it."""

    API_KEY = 28
    API_VERSION = 5
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = TxnOffsetCommitResponseV5
    SCHEMA = Schema(
        ("transactional_id", _TEXT),
        ("group_id", _TEXT),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("generation_id", Int32),
        ("member_id", _TEXT),
        ("group_instance_id", _TEXT),
        (
            "topics",
            CompactArray(
                ("topic", _TEXT),
                (
                    "partitions",
                    CompactArray(("partition", Int32), ("offset", Int64), ("leader_epoch", Int32), ("metadata", _TEXT), _TAGS),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


_NO_GENERATION, _NO_MEMBER, _NO_LEADER_EPOCH = -1, "", -1


class TxnOffsetCommitRequest(Request[TxnOffsetCommitRequestV5]):  # type: ignore[misc]
    """Commits a group's offsets with the transaction, and adds the group to it. The sender need not be a member of the group."""

    API_KEY = 28

    def __init__(
        self,
        transactional_id: str,
        group_id: str,
        producer_id: int,
        producer_epoch: int,
        offsets: Mapping[str, Sequence[tuple[int, int, str]]],
    ) -> None:
        """`offsets`: partitions, offsets and their metadata, by topic."""
        self._producer = transactional_id, group_id, producer_id, producer_epoch
        self._offsets = offsets

    def build(self, request_struct_class: Any) -> Any:
        """Build the request in a given version."""
        topics: list[Any] = [
            (topic, [(partition, offset, _NO_LEADER_EPOCH, metadata, {}) for partition, offset, metadata in partitions], {})
            for topic, partitions in self._offsets.items()
        ]
        return request_struct_class(*self._producer, _NO_GENERATION, _NO_MEMBER, None, topics, {})


class EndTxnResponseV5(Response):  # type: ignore[misc]
    """Whether the transaction is ended, and the producer's next id and epoch."""

    API_KEY = 26
    API_VERSION = 5
    SCHEMA = Schema(("throttle_time_ms", Int32), ("error_code", Int16), ("producer_id", Int64), ("producer_epoch", Int16), _TAGS)


class EndTxnRequestV5(RequestStruct):  # type: ignore[misc]
    """The first version that raises the producer's epoch."""

    API_KEY = 26
    API_VERSION = 5
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = EndTxnResponseV5
    SCHEMA = Schema(("transactional_id", _TEXT), ("producer_id", Int64), ("producer_epoch", Int16), ("transaction_result", Boolean), _TAGS)


class EndTxnRequest(Request[EndTxnRequestV5]):  # type: ignore[misc]
    """Commits or aborts the transaction."""

    API_KEY = 26

    def __init__(self, transactional_id: str, producer_id: int, producer_epoch: int, *, transaction_result: bool) -> None:
        self._fields = transactional_id, producer_id, producer_epoch, transaction_result

    def build(self, request_struct_class: Any) -> Any:
        """Build the request in a given version."""
        return request_struct_class(*self._fields, {})
