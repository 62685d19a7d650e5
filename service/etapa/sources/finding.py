"""Compiled paths: they find values in records without parsing the path's text again.

Values are what JSON decoding gives. What the elements of a record share is looked up once, and how much of it they may use
together is limited: a record of one mebibyte must not become gigabytes.
"""

from typing import Any, Final, final

import msgspec
from mypy_extensions import mypyc_attr

from etapa.errors import EtapaError
from etapa.sources.language.paths import PathStep, RecordPath

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

    __slots__ = ("number", "picked", "value", "whole")

    def __init__(self, value: object, number: int, whole: WholeRecord) -> None:
        self.value: Final = value
        self.number: Final = number
        self.whole: Final = whole
        self.picked: list[list[Any] | None] | None = None
        """By the number of a `PickedList`: the values picked out of it, once one of them was asked for."""


class Finder:
    """Finds one value."""

    __slots__ = ()

    def find(self, element: Element) -> Any:
        """The value there; None when there is nothing, or null. Raises `SharesTooMuch`."""
        raise NotImplementedError

    def instant(self, element: Element) -> int | None:
        """The value there in microseconds since 1970 if it is known as a time already, as in columns of times; else None."""
        return None


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


class PickedList:
    """A list in records of which paths pick elements, by the text at one of their keys. All that is picked is read in one pass."""

    __slots__ = ("_all", "_number", "finder", "key", "size", "ways")

    def __init__(self, list_: Finder, key: str, all_: "list[PickedList]") -> None:
        """`all_`: the lists of the source, to which this one is added."""
        self.key: Final = key
        self.finder: Final = list_
        self.ways: Final[dict[str, list[tuple[int, tuple[Any, ...]]]]] = {}
        self.size = 0
        self._all: Final = all_
        self._number: Final = len(all_)
        all_.append(self)

    def add(self, wanted: str, way: tuple[Any, ...]) -> int:
        """Note a path: the value at the end of `way` in the first element with this text. Its index in `values`."""
        self.ways.setdefault(wanted, []).append((self.size, way))
        self.size += 1
        return self.size - 1

    def values(self, element: Element) -> list[Any]:
        """The values of all paths; None where there is nothing."""
        picked = element.picked
        if picked is None:
            picked = element.picked = [None] * len(self._all)
        values = picked[self._number]
        if values is None:
            values = picked[self._number] = self.read(element)
        return values

    def read(self, element: Element) -> list[Any]:
        """The same, from the list itself. The first of several elements with the same text counts, so the list is read backwards."""
        raise NotImplementedError


@final
class _MapsPicked(PickedList):
    __slots__ = ()

    def read(self, element: Element) -> list[Any]:
        values: list[Any] = [None] * self.size
        elements = self.finder.find(element)
        if isinstance(elements, list):
            for each in reversed(elements):
                text = each.get(self.key) if isinstance(each, dict) else None
                ways = self.ways.get(text) if isinstance(text, str) else None
                if ways is not None:
                    for place, way in ways:
                        values[place] = followed(each, way, 0)
        return values


@final
class Picked(Finder):
    """A value inside the first element of a list where a key has a certain text."""

    __slots__ = ("_list", "_place")

    def __init__(self, list_: PickedList, wanted: str, way: tuple[Any, ...]) -> None:
        self._list: Final = list_
        self._place: Final = list_.add(wanted, way)

    def find(self, element: Element) -> Any:
        return self._list.values(element)[self._place]


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
    """Makes the finders of one source, so that those for the same list read it once."""

    __slots__ = ("_outer", "lists", "lists_by_way")

    def __init__(self) -> None:
        self.lists: Final[list[PickedList]] = []
        self.lists_by_way: Final[dict[tuple[tuple[str, ...], str], PickedList]] = {}
        """The same, by the keys on the way to them, and the key by which they are picked."""
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
        list_ = self.lists_by_way.get((way, pick[0]))
        if list_ is None:
            list_ = self.lists_by_way[way, pick[0]] = _MapsPicked(_Key(way[0]) if len(way) == 1 else _Keys(way), pick[0], self.lists)
        return Picked(list_, pick[1], steps[plain + 1 :])


def _weight(value: object) -> int:
    """How many bytes each use of a value counts for. A number or a short text costs no more than the element it goes into."""
    if isinstance(value, str):
        return len(value) if len(value) > 256 else 0
    return len(_encode(value)) if isinstance(value, dict | list) else 0


def first_picked(elements: object, key: str, wanted: str) -> Any:
    """The first object in a list that has this text at a key."""
    for each in elements if isinstance(elements, list) else ():
        if isinstance(each, dict) and each.get(key) == wanted:
            return each
    return None


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
            value = first_picked(value, step.pick[0], step.pick[1])
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
