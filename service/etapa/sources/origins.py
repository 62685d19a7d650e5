"""Where a field's value comes from: a path, a constant, the first of several, or a digest. Changes to it are in `value_changes`."""

from typing import Any, Final, final

from etapa.contracts.rfc3339 import parse_time
from etapa.errors import EtapaError
from etapa.journey.language.matching.matches import Scalar
from etapa.journey.language.reading.findings import listed
from etapa.sources.field_values import digest, is_missing
from etapa.sources.finding import Element, Finder


class Refused(EtapaError):
    """A field cannot be made; the message says what was expected and what kind of thing was found, never a value."""


class Unwanted(EtapaError):
    """The record is skipped; the message names the rule."""


class Origin:
    """Where a value comes from."""

    __slots__ = ()

    def find(self, element: Element) -> Any:
        """The value, or None. Raises `Refused` or `Unwanted`."""
        raise NotImplementedError

    def time(self, element: Element) -> int | None:
        """The value as a time, in microseconds since 1970; None when there is none. Raises like `find`."""
        value = self.find(element)
        if is_missing(value):
            return None
        if isinstance(value, str):
            try:
                return parse_time(value)
            except ValueError:
                pass
        raise Refused(f"expected a time in RFC 3339, such as 2026-11-21T10:00:00Z, at {self.places()}")

    def places(self) -> str:
        """The places where it looks, for people."""
        raise NotImplementedError

    def place_of(self, element: Element) -> str:
        """Where it found this record's value, or all places where it looked in vain."""
        return self.places()


@final
class AtPath(Origin):
    __slots__ = ("_finder", "_text")

    def __init__(self, text: str, finder: Finder) -> None:
        self._text: Final = text
        self._finder: Final = finder

    def find(self, element: Element) -> Any:
        return self._finder.find(element)

    def time(self, element: Element) -> int | None:
        at = self._finder.instant(element)
        return super().time(element) if at is None else at

    def places(self) -> str:
        return f"`{self._text}`"


@final
class Constant(Origin):
    __slots__ = ("_value",)

    def __init__(self, value: Scalar) -> None:
        self._value: Final[Any] = value

    def find(self, element: Element) -> Any:
        return self._value

    def places(self) -> str:
        return "the source file"


@final
class FirstOf(Origin):
    __slots__ = ("_options",)

    def __init__(self, options: tuple[Origin, ...]) -> None:
        self._options: Final = options

    def find(self, element: Element) -> Any:
        for option in self._options:
            value = option.find(element)
            if not is_missing(value):
                return value
        return None

    def time(self, element: Element) -> int | None:
        for option in self._options:
            at = option.time(element)
            if at is not None:
                return at
        return None

    def place_of(self, element: Element) -> str:
        for option in self._options:
            if _is_there(option, element):
                return option.place_of(element)
        return self.places()

    def places(self) -> str:
        return " or ".join([option.places() for option in self._options])


@final
class HashOf(Origin):
    __slots__ = ("_finders", "_texts")

    def __init__(self, texts: list[str], finders: tuple[Finder, ...]) -> None:
        self._texts: Final = texts
        self._finders: Final = finders

    def find(self, element: Element) -> Any:
        values: list[Any] = []
        nothing = True
        for finder in self._finders:
            value = finder.find(element)
            if value is not None:
                nothing = False
            values.append(value)
        return None if nothing else digest(values)

    def places(self) -> str:
        return listed(self._texts)


def _is_there(origin: Origin, element: Element) -> bool:
    try:
        return not is_missing(origin.find(element))
    except (Refused, Unwanted):
        # The value is present, and is the reason why the record is refused or skipped.
        return True
