"""Compiled paths: they find values in records without parsing the path's text again.

Values are what JSON decoding gives. What the elements of a record share is looked up once, and how much of it they may use
together is limited: a record of one mebibyte must not become gigabytes.
"""

from typing import Any, Final, final

import msgspec
from mypy_extensions import mypyc_attr

from etapa.errors import EtapaError
from etapa.sources.paths import PathStep, RecordPath

MOST_SHARED: Final = 8 * 1024 * 1024
"""How many bytes of the surrounding record all elements together may use, counting each use."""

_encode: Final = msgspec.json.Encoder().encode


class SharesTooMuch(EtapaError):
    """The elements of a record use more than `MOST_SHARED` of the record around them."""


@final
@mypyc_attr(acyclic=True)
class WholeRecord:
    """A record, and the values found in it for all its elements."""

    __slots__ = ("found", "record", "used")

    def __init__(self, record: object) -> None:
        self.record: Final = record
        self.found: Final[dict[int, tuple[Any, int]]] = {}
        """By finder number: the value, and how many bytes each use of it counts for."""
        self.used = 0


@final
@mypyc_attr(acyclic=True)
class Element:
    """What a touchpoint is made from: an element of the list that a source names, or the record itself. `number` is its index there."""

    __slots__ = ("indexes", "number", "value", "whole")

    def __init__(self, value: object, number: int, whole: WholeRecord) -> None:
        self.value: Final = value
        self.number: Final = number
        self.whole: Final = whole
        self.indexes: dict[int, dict[str, Any]] | None = None
        """By the number of an index: the elements of a list, by the value of one of their keys."""


class Finder:
    """Finds one value."""

    __slots__ = ()

    def find(self, element: Element) -> Any:
        """The value there; None when there is nothing, or null. Raises `SharesTooMuch`."""
        raise NotImplementedError


@final
class NumberFinder(Finder):
    """The number of the element."""

    __slots__ = ()

    def find(self, element: Element) -> Any:
        return element.number


@final
class _Key(Finder):
    """One key of the element itself, like most paths."""

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        self._key: Final = key

    def find(self, element: Element) -> Any:
        value = element.value
        return value.get(self._key) if isinstance(value, dict) else None


@final
class _Keys(Finder):
    """Key after key."""

    __slots__ = ("_keys",)

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys: Final = keys

    def find(self, element: Element) -> Any:
        value: Any = element.value
        for key in self._keys:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value


@final
class _Picked(Finder):
    """A value inside the first element of a list where a key has a certain value. Paths into the same list share an index of it."""

    __slots__ = ("_index", "_list", "_name", "_rest", "_wanted")

    def __init__(self, index: int, list_: Finder, name: str, wanted: str, rest: tuple[PathStep, ...]) -> None:
        self._index: Final = index
        self._list: Final = list_
        self._name: Final = name
        self._wanted: Final = wanted
        self._rest: Final = rest

    def find(self, element: Element) -> Any:
        indexes = element.indexes
        if indexes is None:
            indexes = element.indexes = {}
        index = indexes.get(self._index)
        if index is None:
            index = indexes[self._index] = indexed(self._list.find(element), self._name)
        value = index.get(self._wanted)
        return value if value is None or not self._rest else followed(value, self._rest, 0)


@final
class _Any(Finder):
    """A path of any shape."""

    __slots__ = ("_steps",)

    def __init__(self, steps: tuple[PathStep, ...]) -> None:
        self._steps: Final = steps

    def find(self, element: Element) -> Any:
        return followed(element.value, self._steps, 0)


@final
class _Outer(Finder):
    """A value in the record around the elements."""

    __slots__ = ("_number", "_steps")

    def __init__(self, number: int, steps: tuple[PathStep, ...]) -> None:
        self._number: Final = number
        self._steps: Final = steps

    def find(self, element: Element) -> Any:
        whole = element.whole
        known = whole.found.get(self._number)
        if known is None:
            value = followed(whole.record, self._steps, 0)
            known = whole.found[self._number] = (value, _weight(value))
        whole.used += known[1]
        if whole.used > MOST_SHARED:
            raise SharesTooMuch(f"its elements use more than {MOST_SHARED >> 20} MiB of the record around them")
        return known[0]


class Finders:
    """Makes the finders of one source, so that those for the same list share an index."""

    __slots__ = ("_indexes", "_outer")

    def __init__(self) -> None:
        self._indexes: Final[dict[tuple[tuple[str, ...], str], int]] = {}
        self._outer: Final[dict[str, int]] = {}

    def of(self, path: RecordPath) -> Finder:
        """The finder for a path."""
        steps = path.steps
        if path.is_number:
            return NumberFinder()
        if path.is_outer:
            return _Outer(self._outer.setdefault(path.text, len(self._outer)), steps)
        plain = 0
        while plain < len(steps) and not steps[plain].in_each and steps[plain].pick is None:
            plain += 1
        keys = tuple([step.key for step in steps[:plain]])
        if plain == len(steps):
            return _Key(keys[0]) if plain == 1 else _Keys(keys)
        pick = steps[plain].pick
        if pick is None:
            return _Any(steps)
        way = (*keys, steps[plain].key)
        index = self.index_of(way, pick[0])
        return _Picked(index, _Key(way[0]) if len(way) == 1 else _Keys(way), pick[0], pick[1], steps[plain + 1 :])

    def index_of(self, way: tuple[str, ...], key: str) -> int:
        """The number of the index, by this key, of the list at the end of this way."""
        return self._indexes.setdefault((way, key), len(self._indexes))


def _weight(value: object) -> int:
    """How many bytes each use of a value counts for. A number or a short text costs no more than the element it goes into."""
    if isinstance(value, str):
        return len(value) if len(value) > 256 else 0
    return len(_encode(value)) if isinstance(value, dict | list) else 0


def indexed(elements: object, name: str) -> dict[str, Any]:
    """The objects of a list by the text that they have at a key; the first, if several have the same."""
    index: dict[str, Any] = {}
    if isinstance(elements, list):
        for each in elements:
            if isinstance(each, dict):
                value = each.get(name)
                if isinstance(value, str):
                    index.setdefault(value, each)
    return index


def followed(value: Any, steps: tuple[PathStep, ...], at: int) -> Any:
    """The value that the steps from `at` on lead to; None when there is nothing."""
    for place in range(at, len(steps)):
        if not isinstance(value, dict):
            return None
        step = steps[place]
        value = value.get(step.key)
        if step.in_each:
            return _of_all(value, steps, place + 1)
        if step.pick is not None:
            value = indexed(value, step.pick[0]).get(step.pick[1])
    return value


def _of_all(elements: Any, steps: tuple[PathStep, ...], at: int) -> list[Any] | None:
    if not isinstance(elements, list):
        return None
    found: list[Any] = []
    inner = any(step.in_each for step in steps[at:])
    for element in elements:
        value = followed(element, steps, at)
        if inner and isinstance(value, list):
            found += value
        elif value is not None:
            found.append(value)
    return found
