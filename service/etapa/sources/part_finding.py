"""Compiled paths into records of which only some parts were decoded (see `read_parts`). They find what `finding` finds in whole records."""

from typing import Any, Final, final

from etapa.contracts.rfc3339 import format_time
from etapa.sources.finding import Element, Finder, Finders, NumberFinder, Picked, PickedList, first_picked, followed
from etapa.sources.language.paths import PathStep, RecordPath
from etapa.sources.read_parts import ReadPart

_ATTRIBUTE: Final = 0
_EACH: Final = 1
_PICK: Final = 2
_PICK_WHOLE: Final = 3
"""The same among elements that were decoded whole."""

_Step = tuple[int, str, str]
"""What to do, the attribute (or key) to do it with, and the wanted value of a pick."""


@final
class _Attribute(Finder):
    """One key of the record itself, like most paths."""

    __slots__ = ("_place",)

    def __init__(self, place: int) -> None:
        self._place: Final = place

    def find(self, element: Element) -> Any:
        return _parts_of(element)[self._place]


@final
class _TimeAttribute(Finder):
    """One key of the record itself, whose value may be a time in microseconds at the end of the record instead."""

    __slots__ = ("_end", "_place")

    def __init__(self, place: int, end: int) -> None:
        self._place: Final = place
        self._end: Final = end

    def find(self, element: Element) -> Any:
        at = self.instant(element)
        return _parts_of(element)[self._place] if at is None else format_time(at)

    def instant(self, element: Element) -> int | None:
        parts = _parts_of(element)
        at: int | None = parts[self._end] if len(parts) > self._end else None
        return at


@final
class _Attributes(Finder):
    __slots__ = ("_names", "_place")

    def __init__(self, place: int, names: tuple[str, ...]) -> None:
        self._place: Final = place
        self._names: Final = names

    def find(self, element: Element) -> Any:
        value: Any = _parts_of(element)[self._place]
        for name in self._names:
            if value is None:
                return None
            value = getattr(value, name)
        return value


@final
class _PartsPicked(PickedList):
    __slots__ = ()

    def read(self, element: Element) -> list[Any]:
        values: list[Any] = [None] * self.size
        elements = self.finder.find(element)
        if isinstance(elements, list):
            for each in reversed(elements):
                text = None if each is None else getattr(each, self.key)
                ways = self.ways.get(text) if isinstance(text, str) else None
                if ways is not None:
                    for place, way in ways:
                        value: Any = each
                        for name in way:
                            value = getattr(value, name)
                            if value is None:
                                break
                        values[place] = value
        return values


@final
class _AnySteps(Finder):
    """A path of any shape."""

    __slots__ = ("_place", "_rest", "_steps")

    def __init__(self, place: int, steps: tuple[_Step, ...], rest: tuple[PathStep, ...]) -> None:
        self._place: Final = place
        self._steps: Final = steps
        self._rest: Final = rest

    def find(self, element: Element) -> Any:
        return _followed(_parts_of(element)[self._place], self._steps, 0, self._rest)


@final
class PartFinders(Finders):
    """Makes the finders of a source for records decoded in part."""

    __slots__ = ("_ends", "_record")

    def __init__(self, record: ReadPart, times: tuple[str, ...] = ()) -> None:
        """`times`: the keys for which a record may have times at its end, in this order."""
        super().__init__()
        self._record: Final = record
        self._ends: Final[dict[str, int]] = {key: len(record.keys) + number for number, key in enumerate(times)}

    def of(self, path: RecordPath) -> Finder:
        """As `Finders.of`."""
        if path.is_number:
            return NumberFinder()
        place = self._record.place(path.steps[0].key)
        steps, rest = _compiled(self._record, path.steps)
        # The first step is the place in the record.
        steps = steps[1:]
        kinds = [kind for kind, _, _ in steps]
        if not rest and kinds == [_ATTRIBUTE] * len(kinds):
            names = tuple([name for _, name, _ in steps])
            end = self._ends.get(path.steps[0].key)
            if names:
                return _Attributes(place, names)
            return _Attribute(place) if end is None else _TimeAttribute(place, end)
        if not rest and _PICK in kinds and [kind for kind in kinds if kind != _ATTRIBUTE] == [_PICK]:
            at = kinds.index(_PICK)
            names = tuple([name for _, name, _ in steps[:at]])
            _, name, wanted = steps[at]
            way = (path.steps[0].key, *names)
            list_ = self.lists_by_way.get((way, name))
            if list_ is None:
                list_ = self.lists_by_way[way, name] = _PartsPicked(_Attributes(place, names), name, self.lists)
            return Picked(list_, wanted, tuple([name for _, name, _ in steps[at + 1 :]]))
        return _AnySteps(place, steps, rest)


def _parts_of(element: Element) -> tuple[Any, ...]:
    """What was decoded of a record."""
    parts: Any = element.value
    found: tuple[Any, ...] = parts
    return found


def _compiled(part: ReadPart, steps: tuple[PathStep, ...]) -> tuple[tuple[_Step, ...], tuple[PathStep, ...]]:
    """The steps through what was decoded in part, and those that go on in a value that was decoded whole."""
    compiled: list[_Step] = []
    for place, step in enumerate(steps):
        if part.is_whole:
            return tuple(compiled), steps[place:]
        compiled.append((_ATTRIBUTE, part.attribute(step.key), ""))
        part = part.keys[step.key]
        elements = part.elements
        if elements is None:
            continue
        if step.pick is None:
            compiled.append((_EACH, "", ""))
        elif elements.is_whole:
            compiled.append((_PICK_WHOLE, *step.pick))
        else:
            compiled.append((_PICK, elements.attribute(step.pick[0]), step.pick[1]))
        part = elements
    return tuple(compiled), ()


def _followed(value: Any, steps: tuple[_Step, ...], at: int, rest: tuple[PathStep, ...]) -> Any:
    for place in range(at, len(steps)):
        if value is None:
            return None
        kind, name, wanted = steps[place]
        if kind == _ATTRIBUTE:
            value = getattr(value, name)
        elif kind == _EACH:
            return _of_all(value, steps, place + 1, rest)
        else:
            value = _first_part(value, name, wanted) if kind == _PICK else first_picked(value, name, wanted)
    return followed(value, rest, 0) if rest else value


def _of_all(elements: list[Any], steps: tuple[_Step, ...], at: int, rest: tuple[PathStep, ...]) -> list[Any]:
    found: list[Any] = []
    inner = any(kind == _EACH for kind, _, _ in steps[at:]) or any(step.in_each for step in rest)
    for element in elements:
        value = _followed(element, steps, at, rest)
        if inner and isinstance(value, list):
            found += value
        elif value is not None:
            found.append(value)
    return found


def _first_part(elements: list[Any], name: str, wanted: str) -> Any:
    """The first part in a list that has this text at an attribute."""
    for each in elements:
        if each is not None and getattr(each, name) == wanted:
            return each
    return None
