"""Limits on what a record of an Avro schema may become: a few bytes must not turn into gigabytes, or take hours.

In Avro some values take no bytes at all: null, a `fixed` of size 0, and records of only such values. An array of them can claim any number
of items.
"""

from typing import Any, Final, NamedTuple

from etapa.registry.refusal import SchemaRefused

MOST_WITHOUT_BYTES: Final = 100
"""The most values without bytes in one record."""


def may_hold_itself(schema: Any, named: dict[str, Any]) -> bool:
    """Whether records of a parsed schema may contain records of their own type, to any depth; `named`: the types that it names.

    Raises `SchemaRefused` when they could become far larger than their bytes.
    """
    look = _Look(named)
    look.at(schema)
    return look.is_recursive


class _Size(NamedTuple):
    least: int
    """Bytes that the shortest value takes; for a type that contains itself, 0 until that is known."""
    without_bytes: int
    """The number of values that take no bytes."""


class _Look:
    def __init__(self, named: dict[str, Any]) -> None:
        self._named = named
        self._known: dict[str, _Size] = {}
        self._open: set[str] = set()
        self.is_recursive = False

    def at(self, schema: Any) -> _Size:
        if isinstance(schema, list):
            return _Size(1, max((self.at(branch).without_bytes for branch in schema if branch != "null"), default=0))
        if isinstance(schema, str):
            return self._by_name(schema)
        kind = schema["type"]
        if kind in ("record", "error"):
            return self._record(schema)
        if kind in ("array", "map"):
            if kind == "array" and self.at(schema["items"]).least == 0:
                raise SchemaRefused("it has an array whose items take no bytes, so it may be of any length")
            if kind == "map":
                self.at(schema["values"])
            return _Size(1, 0)
        if kind == "fixed":
            return _sized(int(schema["size"]))
        return _Size(1, 0) if kind == "enum" else self.at(kind)

    def _by_name(self, name: str) -> _Size:
        if name in self._named:
            return self.at(self._named[name])
        return _sized({"null": 0, "float": 4, "double": 8}.get(name, 1))

    def _record(self, schema: dict[str, Any]) -> _Size:
        name = schema["name"]
        if name in self._known:
            return self._known[name]
        if name in self._open:
            self.is_recursive = True
            return _Size(1, 0)
        self._open.add(name)
        sizes = [self.at(field["type"]) for field in schema["fields"]]
        self._open.remove(name)
        least = sum(size.least for size in sizes)
        without = sum(size.without_bytes for size in sizes) + (least == 0)
        if without > MOST_WITHOUT_BYTES:
            raise SchemaRefused(f"more than {MOST_WITHOUT_BYTES} values of `{name}` take no bytes")
        size = self._known[name] = _Size(least, without)
        return size


def _sized(size: int) -> _Size:
    return _Size(size, int(size == 0))
