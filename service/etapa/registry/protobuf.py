"""Reading Protobuf records with a schema from a registry."""

from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from etapa.contracts.incoming.rejected import rejected
from etapa.registry.confluent import Registered
from etapa.registry.proto_files import compiled
from etapa.registry.refusal import SchemaRefused
from etapa.sources.typed_files import plain

MOST_MEMORY: Final = 256 * 1024 * 1024
"""The most bytes that a record may take when unpacked: an empty message takes two bytes, but in memory it has a slot for each field."""
MOST_VALUES: Final = 500_000
"""The most values of one record, about as many as a mebibyte of JSON can hold."""
_FIELD: Final = 8
"""Bytes of memory that an unset field takes."""
_AS_JSON: Final = frozenset(f"google.protobuf.{name}" for name in ("Timestamp", "Duration", "FieldMask", "Struct", "Value", "ListValue"))
_WRAPPERS: Final = frozenset(
    f"google.protobuf.{kind}Value" for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)


class ProtobufReader:
    """Reads records of one schema: fields by the names in the schema, enumerations by name, well-known types as in JSON, integers as numbers.

    A field without presence that is not set has its default; one with presence is left out.
    """

    kind: Final = "protobuf"

    def __init__(self, registered: Registered) -> None:
        """Raises `SchemaRefused`."""
        pool = DescriptorPool()
        name, files = compiled(registered)
        try:
            for file in files:
                pool.Add(file)
            self._file: FileDescriptor = pool.FindFileByName(name)
        except Exception as error:  # noqa: BLE001 - a schema is foreign input: it is refused, whatever building it raises
            raise SchemaRefused(f"its messages cannot be built: {type(error).__name__}: {error}") from None
        if not self._file.message_types_by_name:
            raise SchemaRefused("it has no message")
        self._kept: dict[str, tuple[type[Message], int]] = {}

    def read(self, body: bytes) -> Any:
        """As `SchemaReader.read`."""
        try:
            indexes, start = _indexes(body)
            found = self._type(indexes)
            if found is None:
                return rejected("invalid", f"its schema has no message at {indexes}")
            kind, most = found
            if len(body) > most:
                return rejected(
                    "too_large", f"more than {most} bytes, which could take too much memory with as many fields as this schema has"
                )
            message = kind()
            message.ParseFromString(body[start:])
            return _Walk().object(message)
        except _TooMany:
            return rejected("too_large", f"the record holds more than {MOST_VALUES:,} values")
        except Exception as error:  # noqa: BLE001 - damaged data raises what reading it raises
            return rejected("invalid", f"the record does not fit its Protobuf schema: {type(error).__name__}")

    def message(self, full_name: str) -> Any:
        """A new, empty message of this type, for writing records."""
        return GetMessageClass(self._file.pool.FindMessageTypeByName(full_name))()

    def _type(self, indexes: tuple[int, ...]) -> tuple[type[Message], int] | None:
        """The message type at these indexes, and the most bytes that one may have."""
        types = list(self._file.message_types_by_name.values())
        found: Descriptor | None = None
        for index in indexes:
            if not 0 <= index < len(types):
                return None
            found = types[index]
            # Entries of maps are messages too, but do not appear in the text: Confluent's own serializer does not count them.
            types = [each for each in found.nested_types if not each.GetOptions().map_entry]
        if found is None:
            return None
        kept = self._kept.get(found.full_name)
        if kept is None:
            kept = self._kept[found.full_name] = GetMessageClass(found), MOST_MEMORY // max(1, _widest(found) * _FIELD // 2)
        return kept


class _TooMany(Exception):
    pass


class _Walk:
    """Converts one message to plain values."""

    def __init__(self) -> None:
        self._left = MOST_VALUES

    def object(self, message: Message) -> Any:
        name = message.DESCRIPTOR.full_name
        if name in _AS_JSON:
            return json_format.MessageToDict(message)
        if name in _WRAPPERS:
            return plain(getattr(message, "value"))  # noqa: B009 - the stub of a message knows no fields
        found: dict[str, Any] = {}
        for field in message.DESCRIPTOR.fields:
            self._left -= 1
            if field.is_repeated:
                found[field.name] = self._several(field, getattr(message, field.name))
            elif not field.has_presence or message.HasField(field.name):
                found[field.name] = self._one(field, getattr(message, field.name))
        if self._left < 0:
            raise _TooMany
        return found

    def _several(self, field: FieldDescriptor, values: Any) -> Any:
        self._left -= len(values)
        if self._left < 0:
            raise _TooMany
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            inner = entry.fields_by_name["value"]
            return {_key(key): self._one(inner, values[key]) for key in values}
        return [self._one(field, value) for value in values]

    def _one(self, field: FieldDescriptor, value: Any) -> Any:
        if field.message_type is not None:
            return self.object(value)
        if field.enum_type is not None:
            known = field.enum_type.values_by_number.get(value)
            return value if known is None else known.name
        return plain(value)


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _widest(descriptor: Descriptor) -> int:
    """The largest number of fields of any message type that this one may contain."""
    seen: set[str] = set()
    waiting = [descriptor]
    widest = 1
    while waiting:
        each = waiting.pop()
        if each.full_name not in seen:
            seen.add(each.full_name)
            widest = max(widest, len(each.fields))
            waiting += [field.message_type for field in each.fields if field.message_type is not None]
    return widest


def _indexes(body: bytes) -> tuple[tuple[int, ...], int]:
    """The path of indexes of the message type that follows, and where the message begins. A single 0 stands for the first type."""
    count, at = _signed(body, 0)
    if count == 0:
        return (0,), at
    if not 0 < count <= 100:
        raise ValueError(f"{count} indexes")
    found: list[int] = []
    for _ in range(count):
        index, at = _signed(body, at)
        found.append(index)
    return tuple(found), at


def _signed(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
    raise ValueError("an index of more than 64 bits")
