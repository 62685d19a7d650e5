"""Which touchpoints are meant by a `where`, and what lies at a path of a touchpoint; compiled once, asked for every touchpoint."""

from typing import Any, Final

from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.matching.conversions import converted
from etapa.journey.language.matching.predicates import MISSING, Predicate, compile_comparison, needs_zone
from etapa.journey.language.matching.type_checks import NUMBERS, TypeCheck, accepts_other_types, type_check
from etapa.journey.language.model import Comparison, Conversion, Path, Where


class ValueAt:
    """The value at a path of a touchpoint."""

    __slots__ = ()

    def of(self, touchpoint: Touchpoint) -> Any:
        """The value, or `MISSING`."""
        raise NotImplementedError

    def meets_list(self, touchpoint: Touchpoint) -> bool:
        """Whether a list lies in the way, into which a path does not lead."""
        return False

    def watches(self) -> list[Watch]:
        """What counts values that cannot be read as they are to be."""
        return []


def compile_path(path: Path) -> ValueAt:
    """What gives the value at `path`. Usual paths have a class of their own, with less to do."""
    head, *keys = path
    if head == "channel":
        return _Channel()
    if head == "type":
        return _Type()
    if len(keys) == 1:
        return _Property(keys[0]) if head == "properties" else _Trait(keys[0])
    return _Deep(head, tuple(keys))


def compile_value(path: Path, conversion: Conversion | None) -> ValueAt:
    """The same, with the value read as something else."""
    value = compile_path(path)
    return value if conversion is None else _ReadAs(value, conversion)


class Filter:
    """Touchpoints whose values satisfy every entry of a `where`."""

    __slots__ = ("entries",)

    def __init__(self, where: Where) -> None:
        self.entries: Final = [_Entry(compile_path(path), comparison) for path, comparison in where.entries]

    def admits(self, touchpoint: Touchpoint) -> bool:
        """Whether it satisfies all of them."""
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
        """What counts values that its entries cannot use."""
        return [entry.watch for entry in self.entries]


class NumberWatch(Watch):
    """Of values that are added up."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(NUMBERS)

    def see_no_number(self, found: Any, value_of: ValueAt, touchpoint: Touchpoint) -> None:
        """Take in that no number was found."""
        if found is not MISSING:
            self.look(found)
        elif value_of.meets_list(touchpoint):
            self.number += 1


def compile_where(where: Where) -> Filter | None:
    """What tells whether a touchpoint satisfies every entry, or none when there is nothing to satisfy."""
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
        value = self.value.of(touchpoint)
        read = converted(value, self.conversion, touchpoint.zone)
        if read is MISSING and value is not MISSING:
            self.watch.number += 1
        return read

    def meets_list(self, touchpoint: Touchpoint) -> bool:
        return self.value.meets_list(touchpoint)

    def watches(self) -> list[Watch]:
        return [self.watch]


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
