"""Which touchpoints satisfy a `where`, and the value at a path of a touchpoint; compiled once, used for every touchpoint."""

from typing import Any, Final

from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.matching.conversions import converted
from etapa.journey.language.matching.predicates import MISSING, Predicate, compile_comparison, needs_zone
from etapa.journey.language.matching.type_checks import LISTS, NUMBERS, TypeCheck, accepts_other_types, type_check
from etapa.journey.language.model import ANY_TYPE, ELEMENTS, Comparison, Conversion, Path, Weights, Where


class ValueAt:
    """The value at a path of a touchpoint."""

    __slots__ = ()

    def of(self, touchpoint: Touchpoint) -> Any:
        """The value, or `MISSING`."""
        raise NotImplementedError

    def every(self, touchpoint: Touchpoint) -> list[Any]:
        """The values: several if the path leads to the elements of a list; then none of them is missing."""
        return [self.of(touchpoint)]

    def is_single(self) -> bool:
        """Whether there is always one value, which `of` finds, too."""
        return True

    def meets_list(self, touchpoint: Touchpoint) -> bool:
        """Whether the path runs into a list, which it cannot enter."""
        return False

    def watches(self) -> list[Watch]:
        """The watches that count values which cannot be converted."""
        return []


def compile_path(path: Path) -> ValueAt:
    """Compile `path`. Common paths have classes of their own, which do less work."""
    if not path:
        return _One()
    if ELEMENTS in path:
        place = path.index(ELEMENTS)
        return _EveryElement(compile_path(path[:place]), path[place + 1 :])
    head, *keys = path
    if head == "channel":
        return _Channel()
    if head == "type":
        return _Type()
    if len(keys) == 1:
        return _Property(keys[0]) if head == "properties" else _Trait(keys[0])
    return _Deep(head, tuple(keys))


def compile_value(path: Path, conversion: Conversion | None, weights: Weights | None = None) -> ValueAt:
    """Like `compile_path`, with the value converted and multiplied by the weight of the touchpoint's type. Without a path the value is one."""
    value = compile_path(path)
    if conversion is not None:
        value = _ReadAs(value, conversion)
    return value if weights is None else _WeightedValue(value, weights)


class Filter:
    """Accepts touchpoints whose values satisfy every entry of a `where`."""

    __slots__ = ("entries",)

    def __init__(self, where: Where) -> None:
        self.entries: Final = [_Entry(compile_path(path), comparison) for path, comparison in where.entries]

    def admits(self, touchpoint: Touchpoint) -> bool:
        """Whether the touchpoint satisfies all of them."""
        for entry in self.entries:
            predicate = entry.predicate.in_zone(touchpoint.zone) if entry.hangs_on_zone else entry.predicate
            value = entry.value.of(touchpoint)
            if not predicate.accepts(value):
                if value is not MISSING:
                    entry.watch.look(value)
                elif entry.value.meets_list(touchpoint):
                    entry.watch.number += 1
                return False
            if entry.accepts_other_types:
                entry.watch.look(value)
        return True

    def watches(self) -> list[Watch]:
        """The watches that count values which the entries cannot use."""
        return [entry.watch for entry in self.entries]


class NumberWatch(Watch):
    """Watches values that are added up."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(NUMBERS)

    def see_no_number(self, found: Any, value_of: ValueAt, touchpoint: Touchpoint) -> None:
        """Record that no number was found."""
        if found is not MISSING:
            self.look(found)
        elif value_of.meets_list(touchpoint):
            self.number += 1


def compile_where(where: Where) -> Filter | None:
    """Compile a `where`; none if it has no entries."""
    return Filter(where) if where.entries else None


class _Entry:
    __slots__ = ("accepts_other_types", "hangs_on_zone", "predicate", "value", "watch")

    def __init__(self, value: ValueAt, comparison: Comparison) -> None:
        self.value: Final = value
        self.predicate: Final[Predicate] = compile_comparison(comparison)
        self.hangs_on_zone: Final = needs_zone(comparison)
        self.accepts_other_types: Final = accepts_other_types(comparison)
        self.watch: Final = Watch(type_check(comparison))


class _ReadAs(ValueAt):
    __slots__ = ("conversion", "value", "watch")

    def __init__(self, value: ValueAt, conversion: Conversion) -> None:
        self.value: Final = value
        self.conversion: Final[Conversion] = conversion
        self.watch: Final = Watch(TypeCheck([], conversion))

    def of(self, touchpoint: Touchpoint) -> Any:
        return self._read(self.value.of(touchpoint), touchpoint)

    def every(self, touchpoint: Touchpoint) -> list[Any]:
        return [self._read(value, touchpoint) for value in self.value.every(touchpoint)]

    def is_single(self) -> bool:
        return self.value.is_single()

    def _read(self, value: Any, touchpoint: Touchpoint) -> Any:
        read = converted(value, self.conversion, touchpoint.zone)
        if read is None and value is not None:
            self.watch.number += 1
        return read

    def meets_list(self, touchpoint: Touchpoint) -> bool:
        return self.value.meets_list(touchpoint)

    def watches(self) -> list[Watch]:
        return [self.watch, *self.value.watches()]


class _WeightedValue(ValueAt):
    """A number times the weight of the touchpoint's type, as a double."""

    __slots__ = ("other", "value", "weights")

    def __init__(self, value: ValueAt, weights: Weights) -> None:
        self.value: Final = value
        self.weights: Final[dict[str, Any]] = dict(weights)
        self.other: Final[Any] = self.weights.get(ANY_TYPE)

    def of(self, touchpoint: Touchpoint) -> Any:
        return self._weighed(self.value.of(touchpoint), touchpoint)

    def every(self, touchpoint: Touchpoint) -> list[Any]:
        return [self._weighed(value, touchpoint) for value in self.value.every(touchpoint)]

    def is_single(self) -> bool:
        return self.value.is_single()

    def _weighed(self, value: Any, touchpoint: Touchpoint) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        weighed: float = float(value) * float(self.weights.get(touchpoint.type, self.other))
        return weighed

    def meets_list(self, touchpoint: Touchpoint) -> bool:
        return self.value.meets_list(touchpoint)

    def watches(self) -> list[Watch]:
        return self.value.watches()


class _EveryElement(ValueAt):
    """The values of all elements of a list, in order. A value that is not a list has no elements; elements without the value are skipped."""

    __slots__ = ("keys", "list_at", "watch")

    def __init__(self, list_at: ValueAt, keys: tuple[str, ...]) -> None:
        self.list_at: Final = list_at
        self.keys: Final = keys
        self.watch: Final = Watch(LISTS)

    def of(self, touchpoint: Touchpoint) -> Any:
        values = self.every(touchpoint)
        return values[0] if values else MISSING

    def every(self, touchpoint: Touchpoint) -> list[Any]:
        elements = self.list_at.of(touchpoint)
        if not isinstance(elements, list):
            self.watch.look(elements)
            return []
        values: list[Any] = []
        for element in elements:
            value: Any = element
            for key in self.keys:
                value = value.get(key) if isinstance(value, dict) else MISSING
            if value is not MISSING:
                values.append(value)
        return values

    def is_single(self) -> bool:
        return False

    def meets_list(self, touchpoint: Touchpoint) -> bool:
        return self.list_at.meets_list(touchpoint)

    def watches(self) -> list[Watch]:
        return [self.watch]


class _One(ValueAt):
    """One for each touchpoint: the value of touchpoints that are only counted."""

    __slots__ = ()

    def of(self, touchpoint: Touchpoint) -> Any:
        return 1


class _Channel(ValueAt):
    __slots__ = ()

    def of(self, touchpoint: Touchpoint) -> Any:
        return touchpoint.channel


class _Type(ValueAt):
    __slots__ = ()

    def of(self, touchpoint: Touchpoint) -> Any:
        return touchpoint.type


class _Property(ValueAt):
    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key: Final = key

    def of(self, touchpoint: Touchpoint) -> Any:
        return touchpoint.properties.get(self.key)


class _Trait(ValueAt):
    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key: Final = key

    def of(self, touchpoint: Touchpoint) -> Any:
        return touchpoint.traits.get(self.key)


class _Deep(ValueAt):
    __slots__ = ("head", "keys")

    def __init__(self, head: str, keys: tuple[str, ...]) -> None:
        self.head: Final = head
        self.keys: Final = keys

    def of(self, touchpoint: Touchpoint) -> Any:
        value: Any = touchpoint.properties if self.head == "properties" else touchpoint.traits
        for key in self.keys:
            if not isinstance(value, dict):
                return MISSING
            value = value.get(key)
        return value

    def meets_list(self, touchpoint: Touchpoint) -> bool:
        value: Any = touchpoint.properties if self.head == "properties" else touchpoint.traits
        for key in self.keys:
            if not isinstance(value, dict):
                return isinstance(value, list)
            value = value.get(key)
        return False
