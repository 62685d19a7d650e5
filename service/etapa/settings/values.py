"""What the value of a setting may look like: parses text to a checked value, and shows it as text for people.

A parser raises ValueError; its message, if any, says what is wrong in addition to what `allowed` says. Secrets are never shown.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self, cast

from etapa.journey.duration import DurationError, format_duration, parse_duration

HIDDEN = "********"


class ValueKind(NamedTuple):
    """How to parse a value, what is allowed (for messages), and how to show it."""

    parse: Callable[[str], Any]
    allowed: str
    show: Callable[[Any], str] = str
    is_secret: bool = False
    is_path: bool = False
    is_list: bool = False
    """Several values, separated by commas; its flag may be given more than once."""


class Secret:
    """Text that is never shown: only `reveal()` returns it."""

    __slots__ = ("_again", "_text")

    def __init__(self, text: str, again: "Callable[[], Secret] | None" = None) -> None:
        """`again` reads it once more from where it is stored, and raises `ValueError` when that cannot be used."""
        self._text = text
        self._again = again

    def current(self) -> Self:
        """The secret as its file holds it now; this one when it has no file, or the file cannot be used."""
        try:
            return self if self._again is None else cast("Self", self._again())
        except ValueError:
            return self

    def reveal(self) -> str:
        """The text itself. Pass it to the client that needs it and to nothing else."""
        return self._text

    def __str__(self) -> str:
        return HIDDEN

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> Any:
        raise TypeError("a secret cannot be pickled or copied: use reveal() where it is needed")


class RedisUrl(Secret):
    """A Redis URL. It is shown with user and password hidden."""

    __slots__ = ()

    def __str__(self) -> str:
        scheme, separator, rest = self._text.partition("://")
        # The last "@" ends the login, whatever the password contains. A query may contain a password too.
        _, at, place = rest.rpartition("@")
        address = re.sub(r"(?i)([?&][^=&]*password=)[^&]*", rf"\1{HIDDEN}", place)
        return f"{scheme}{separator}{HIDDEN + at if at else ''}{address}"


def without_login(text: str) -> str:
    """The text as a message may repeat it: what comes before the last "@" may be a user and password, so it is hidden."""
    login, at, place = text.rpartition("@")
    scheme, separator, _ = login.partition("://")
    return f"{scheme + separator if separator and scheme in _SCHEMES else ''}{HIDDEN}@{place}" if at else text


_SCHEMES = ("http", "https", "kafka", "redis", "rediss", "tcp")


def _decimal(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError("")
    return int(text)


def number(least: int, most: int) -> ValueKind:
    """A whole number from `least` to `most`."""

    def parse(text: str) -> int:
        value = _decimal(text.strip())
        if not least <= value <= most:
            raise ValueError("")
        return value

    return ValueKind(parse, f"a whole number from {least} to {most}")


def number_or_auto(least: int, most: int) -> ValueKind:
    """A whole number from `least` to `most`, or `auto`, which becomes None."""
    inner = number(least, most)

    def parse(text: str) -> int | None:
        return None if text.strip().lower() == "auto" else cast("int", inner.parse(text))

    return ValueKind(parse, f"{inner.allowed}, or auto", lambda value: "auto" if value is None else str(value))


_SIZE = re.compile(r"([0-9]{1,15}) ?(|B|KiB|MiB|GiB)", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "b": 1, "kib": 1024, "mib": 1024**2, "gib": 1024**3}


def size(least: int, most: int) -> ValueKind:
    """A size in bytes, KiB, MiB or GiB."""

    def parse(text: str) -> int:
        matched = _SIZE.fullmatch(text.strip())
        if not matched:
            raise ValueError("")
        value = int(matched[1]) * _SIZE_UNITS[matched[2].lower()]
        if not least <= value <= most:
            raise ValueError("")
        return value

    return ValueKind(
        parse, f"a number of bytes such as 65536, 64KiB or 4MiB, from {_shown_size(least)} to {_shown_size(most)}", _shown_size
    )


def _shown_size(value: int) -> str:
    for unit, factor in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if value and value % factor == 0:
            return f"{value // factor}{unit}"
    return str(value)


def duration(least: int, most: int) -> ValueKind:
    """A duration in the journey file's notation; the value is in microseconds."""

    def parse(text: str) -> int:
        try:
            value = parse_duration(text.strip())
        except DurationError as error:
            raise ValueError("") from error
        if not least <= value <= most:
            raise ValueError("")
        return value

    return ValueKind(
        parse,
        f"a duration such as 30s, 5m or 1h30m, from {_shown_duration(least)} to {_shown_duration(most)}",
        _shown_duration,
    )


def _shown_duration(value: int) -> str:
    return format_duration(value) if value else "0s"


def choice(options: Sequence[str]) -> ValueKind:
    """One of a few words, in upper or lower case; the value is spelled as in `options`."""
    by_lower = {option.lower(): option for option in options}

    def parse(text: str) -> str:
        try:
            return by_lower[text.strip().lower()]
        except KeyError:
            raise ValueError("") from None

    return ValueKind(parse, ", ".join(options[:-1]) + " or " + options[-1])


def names(longest: int) -> ValueKind:
    """Texts separated by commas, each of at most `longest` characters; `off` for none at all."""

    def parse(text: str) -> tuple[str, ...]:
        found = tuple(name for each in text.split(",") if (name := each.strip()))
        if not found or any(len(name) > longest for name in found):
            raise ValueError("")
        return () if found == ("off",) else found

    return ValueKind(parse, f"texts of at most {longest} characters separated by commas, or `off`", lambda found: ",".join(found) or "off")


def one_line() -> ValueKind:
    """Any text on one line."""

    def parse(text: str) -> str:
        if not text.isprintable():
            raise ValueError("")
        return text

    return ValueKind(parse, "text on one line")


def secret() -> ValueKind:
    """Any text on one line, kept hidden."""

    def parse(text: str) -> Secret:
        if "\n" in text or "\r" in text or "\0" in text:
            raise ValueError("")
        return Secret(text)

    return ValueKind(parse, "text on one line", is_secret=True)


def token() -> ValueKind:
    """A bearer token: what fits into an HTTP header."""

    def parse(text: str) -> Secret:
        if not re.fullmatch(r"[\x21-\x7e]{16,4096}", text.strip()):
            raise ValueError("")
        return Secret(text.strip())

    return ValueKind(parse, "16 to 4096 printable ASCII characters without spaces", is_secret=True)


def file_path() -> ValueKind:
    """A path. Opening the file will show whether it is good."""

    def parse(text: str) -> str:
        if "\0" in text:
            raise ValueError("")
        return text

    return ValueKind(parse, "the path of a file", is_path=True)


def source_names() -> ValueKind:
    """Names of sources that come with Etapa, or paths of source files, separated by commas."""

    def parse(text: str) -> tuple[str, ...]:
        found = tuple(each.strip() for each in text.split(","))
        if "\0" in text or not all(found):
            raise ValueError("")
        return found

    allowed = "names of sources (see `etapa sources`), or paths of source files, separated by commas"
    return ValueKind(parse, allowed, ",".join, is_path=True, is_list=True)


def _parsed_with(pattern: str, allowed: str) -> ValueKind:
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        matched = compiled.fullmatch(text.strip())
        if not matched:
            raise ValueError("")
        return matched[0]

    return ValueKind(parse, allowed)


def function_name() -> ValueKind:
    """The place of a function. Whether it exists is found out when it is called."""
    return _parsed_with(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", "package.module:function")


def topic_name() -> ValueKind:
    """A legal name of a Kafka topic."""
    return _parsed_with(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}", "1 to 249 letters, digits, '.', '_' and '-', not '.' or '..'")


def group_name() -> ValueKind:
    """A name that is safe as consumer group, in transactional ids and in Redis keys."""
    return _parsed_with(r"[A-Za-z0-9._-]{1,200}", "1 to 200 letters, digits, '.', '_' and '-'")


def key_prefix() -> ValueKind:
    """A prefix of Redis keys. Braces would move a Redis Cluster's hash tag."""
    return _parsed_with(r"[!-z|~]{1,200}", "1 to 200 printable ASCII characters without spaces and braces")
