"""Which parts of a record a source reads, as a type that decodes nothing else.

A row of Google Analytics has more than a hundred fields, of which a mapping reads thirty. Decoding them into a structure made for
them costs half of what decoding everything into maps costs.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from etapa.sources.language.model import At, Changed, Const, Expression, Fields, FirstThere, Hash, Source, When
from etapa.sources.language.paths import PathStep, RecordPath


class ReadPart:
    """A value of a record, and what is read of it: all of it, some of its keys, or its elements."""

    def __init__(self) -> None:
        self.is_whole = False
        self.keys: dict[str, ReadPart] = {}
        self.elements: ReadPart | None = None

    def place(self, key: str) -> int:
        """The index of the value of a key in the tuple of all that is read."""
        return list(self.keys).index(key)

    def attribute(self, key: str) -> str:
        """The attribute that holds the value of a key."""
        return f"part{self.place(key)}"

    def add(self, steps: tuple[PathStep, ...]) -> None:
        """Note that the value at the end of these steps is read."""
        part = self
        for step in steps:
            part = part.keys.setdefault(step.key, ReadPart())
            if not (step.in_each or step.pick):
                continue
            part.elements = part.elements or ReadPart()
            part = part.elements
            if step.pick:
                part.keys.setdefault(step.pick[0], ReadPart()).is_whole = True
        part.is_whole = True

    def columns(self) -> tuple[str, ...] | None:
        """The keys of which it is made, if each is read whole, like the columns of a table; else None."""
        return tuple(self.keys) if self.keys and all(part.is_whole for part in self.keys.values()) else None

    def times(self, source: Source) -> tuple[str, ...]:
        """Those of the keys whose values the source reads as times and nothing else has changed before."""
        return tuple(dict.fromkeys(path.steps[0].key for path in _unchanged(source.touchpoint.occurred_at) if _is_key_of(self, path)))

    def kind(self) -> Any:
        """The type to decode it as. Raises `ValueError` if one path goes into a list and another takes it whole, or as an object."""
        if self.elements is not None:
            if self.is_whole or self.keys:
                raise ValueError
            inner = self.elements.kind()
            return list[inner] | None  # type: ignore[valid-type]
        return Any if self.is_whole else self.structure() | None

    def structure(self) -> Any:
        """The type of an object of which some keys are read."""
        fields = [(self.attribute(key), part.kind(), None) for key, part in self.keys.items()]
        return msgspec.defstruct("Part", fields, rename={self.attribute(key): key for key in self.keys}, gc=False)


def read_parts(source: Source) -> tuple[ReadPart, Any] | None:
    """What the source reads of a record, and the type for it; None if records must be decoded whole."""
    if source.each is not None or source.decode not in ("auto", "json"):
        return None
    record = ReadPart()
    for path in _paths(source):
        if path.is_outer:
            return None
        if not path.is_number:
            record.add(path.steps)
    try:
        return record, record.structure()
    except ValueError:
        return None


def _unchanged(expression: Expression) -> Iterator[RecordPath]:
    """The paths whose values the expression takes as they are."""
    if isinstance(expression, At):
        yield expression.path
    elif isinstance(expression, FirstThere):
        for option in expression.options:
            yield from _unchanged(option)


def _is_key_of(record: ReadPart, path: RecordPath) -> bool:
    return not path.is_number and len(path.steps) == 1 and record.keys[path.steps[0].key].is_whole


def _paths(source: Source) -> Iterator[RecordPath]:
    for when in source.skip:
        yield from _of_when(when)
    touchpoint = source.touchpoint
    for expression in (touchpoint.id, touchpoint.customer_id, touchpoint.type, touchpoint.occurred_at, touchpoint.channel):
        if expression is not None:
            yield from _of(expression)
    for fields in (touchpoint.properties, touchpoint.traits):
        yield from _of_fields(fields)
    link = source.link
    if link is not None:
        yield from _of(link.customer_id)
        yield from _of(link.same_as)
        if link.when is not None:
            yield from _of_when(link.when)


def _of_fields(fields: Fields) -> Iterator[RecordPath]:
    for expression in (*fields.spread, *fields.single.values()):
        yield from _of(expression)


def _of(expression: Expression) -> Iterable[RecordPath]:
    match expression:
        case At(path):
            yield path
        case Hash(paths):
            yield from paths
        case FirstThere(options):
            for option in options:
                yield from _of(option)
        case Changed(of=of, when=when):
            yield from _of(of)
            if when is not None:
                yield from _of_when(when)
        case Const():
            pass


def _of_when(when: When) -> Iterator[RecordPath]:
    for path, _ in when.comparisons:
        yield path
