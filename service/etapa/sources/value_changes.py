"""Changes to a value: converted, read as a time, translated, or taken only from some records. Also compiles expressions to origins."""

from typing import Any, Final, final

from etapa.contracts.rfc3339 import format_time
from etapa.errors import EtapaError
from etapa.journey.language.matching.matches import Scalar
from etapa.journey.language.matching.predicates import Predicate, compile_comparison
from etapa.sources.field_values import Unfit, as_text, converted, is_missing
from etapa.sources.finding import Element, Finder, Finders
from etapa.sources.language.model import At, Changed, Const, Conversion, Expression, FirstThere, Hash, Otherwise, Unit, When
from etapa.sources.origins import AtPath, Constant, FirstOf, HashOf, Origin, Refused, Unwanted
from etapa.sources.times import LocalTime, NoTime, time_of_number


class MappingError(EtapaError):
    """A source needs something that was not given, such as a pepper."""


def placed(error: EtapaError, place: str) -> str:
    """What is wrong, and where; what to do about it, which follows a semicolon, comes last."""
    wrong, semicolon, advice = str(error).partition("; ")
    return f"{wrong} at {place}{semicolon}{advice}"


class _Changing(Origin):
    """The value of another origin, changed. Nothing and empty text both become nothing."""

    __slots__ = ("_of",)

    def __init__(self, of: Origin) -> None:
        self._of: Final = of

    def place_of(self, element: Element) -> str:
        return self._of.place_of(element)

    def places(self) -> str:
        return self._of.places()


@final
class _Number(_Changing):
    """`as: number`, by far the most frequent conversion."""

    __slots__ = ()

    def find(self, element: Element) -> Any:
        value = self._of.find(element)
        if is_missing(value):
            return None
        if type(value) is int or type(value) is float:
            return value
        try:
            return converted(value, "number", b"")
        except Unfit as error:
            raise Refused(placed(error, self.place_of(element))) from None


@final
class _Converted(_Changing):
    __slots__ = ("_conversions", "_is_text", "_pepper")

    def __init__(self, of: Origin, conversions: tuple[Conversion, ...], pepper: bytes) -> None:
        super().__init__(of)
        self._conversions: Final = conversions
        self._is_text: Final = conversions == ("text",)
        self._pepper: Final = pepper

    def find(self, element: Element) -> Any:
        value = self._of.find(element)
        if is_missing(value):
            return None
        if self._is_text and type(value) is str:
            return value
        try:
            for conversion in self._conversions:
                value = converted(value, conversion, self._pepper)
        except Unfit as error:
            raise Refused(placed(error, self.place_of(element))) from None
        return value


@final
class _Translated(_Changing):
    __slots__ = ("_names", "_otherwise")

    def __init__(self, of: Origin, names: dict[str, Scalar], otherwise: Otherwise) -> None:
        super().__init__(of)
        self._names: Final[dict[str, Any]] = names
        self._otherwise: Final = otherwise

    def find(self, element: Element) -> Any:
        value = self._of.find(element)
        if is_missing(value):
            return None
        try:
            name = as_text(value)
        except Unfit as error:
            raise Refused(placed(error, self.place_of(element))) from None
        if name in self._names:
            return self._names[name]
        if self._otherwise == "skip":
            raise Unwanted(f"{self.places()} is not in `map`")
        if self._otherwise == "dead":
            raise Refused(f"the value at {self.places()} is not in `map`")
        return value


class _Timed(_Changing):
    """A value that is read as a time."""

    __slots__ = ()

    def find(self, element: Element) -> Any:
        at = self.time(element)
        return None if at is None else format_time(at)

    def time(self, element: Element) -> int | None:
        value = self._of.find(element)
        if is_missing(value):
            return None
        try:
            return self.read(value)
        except NoTime as error:
            raise Refused(placed(error, self.place_of(element))) from None

    def read(self, value: Any) -> int:
        """The time that a value stands for. Raises `NoTime`."""
        raise NotImplementedError


@final
class _Epoch(_Timed):
    """A time as a number of units since 1970."""

    __slots__ = ("_unit",)

    def __init__(self, of: Origin, unit: Unit) -> None:
        super().__init__(of)
        self._unit: Final = unit

    def read(self, value: Any) -> int:
        return time_of_number(value, self._unit)


@final
class _Local(_Timed):
    """A local time of a zone, as text without an offset."""

    __slots__ = ("_times",)

    def __init__(self, of: Origin, times: LocalTime) -> None:
        super().__init__(of)
        self._times: Final = times

    def read(self, value: Any) -> int:
        return self._times.read(value)


@final
class _OfSome(_Changing):
    """A value that only some records have: those that satisfy a `when`."""

    __slots__ = ("_when",)

    def __init__(self, of: Origin, when: "Wanted") -> None:
        super().__init__(of)
        self._when: Final = when

    def find(self, element: Element) -> Any:
        return self._of.find(element) if self._when.holds(element) else None

    def time(self, element: Element) -> int | None:
        return self._of.time(element) if self._when.holds(element) else None


@final
class Wanted:
    """Whether a record satisfies a `when`."""

    __slots__ = ("_tests",)

    def __init__(self, when: When, finders: Finders) -> None:
        tests = [(finders.of(path), compile_comparison(comparison)) for path, comparison in when.comparisons]
        self._tests: Final[list[tuple[Finder, Predicate]]] = tests

    def holds(self, element: Element) -> bool:
        """Whether every comparison is true."""
        for finder, predicate in self._tests:  # noqa: SIM110 - a generator would double the cost
            if not predicate.accepts(finder.find(element)):
                return False
        return True


def origin_of(expression: Expression, finders: Finders, pepper: bytes) -> Origin:
    """The origin for an expression. Raises `MappingError` when it needs a pepper and there is none."""
    if isinstance(expression, At):
        return AtPath(expression.path.text, finders.of(expression.path))
    if isinstance(expression, Const):
        return Constant(expression.value)
    if isinstance(expression, FirstThere):
        return FirstOf(tuple([origin_of(option, finders, pepper) for option in expression.options]))
    if isinstance(expression, Hash):
        return HashOf([path.text for path in expression.paths], tuple([finders.of(path) for path in expression.paths]))
    return _changed(expression, origin_of(expression.of, finders, pepper), finders, pepper)


def _changed(changed: Changed, of: Origin, finders: Finders, pepper: bytes) -> Origin:
    """The order is always the same, however it is written: converted, then read as a time or translated, and all of that only `when`."""
    origin = of
    if "sha256" in changed.conversions and not pepper:
        raise MappingError("the source takes SHA-256 of ids, and needs a secret pepper for it: set ETAPA_SOURCE_PEPPER")
    if changed.conversions == ("number",):
        origin = _Number(origin)
    elif changed.conversions:
        origin = _Converted(origin, changed.conversions, pepper)
    if changed.unit is not None:
        origin = _Epoch(origin, changed.unit)
    elif changed.zone is not None or changed.form is not None:
        origin = _Local(origin, LocalTime(changed.zone or "UTC", changed.form))
    elif changed.translated is not None:
        origin = _Translated(origin, dict(changed.translated), changed.otherwise)
    return origin if changed.when is None else _OfSome(origin, Wanted(changed.when, finders))
