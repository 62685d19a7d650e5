"""Converting values to what a field needs."""

import hashlib
import re
import unicodedata
from typing import Any, Final

import msgspec

from etapa.errors import EtapaError
from etapa.sources.language.model import Conversion

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,400})(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,4})?")
"""A number in JSON notation."""
_DECIMAL_COMMA: Final = re.compile(r"-?(?:[0-9]{1,3}(?:[. ][0-9]{3}){0,100}|[0-9]{1,400}),[0-9]{1,400}")
"""A number with a comma before its decimals, and points or blanks between thousands."""
_DIGEST_LENGTH: Final = 32

_encode: Final = msgspec.json.Encoder().encode


class Unfit(EtapaError, ValueError):
    """A value cannot be converted; the message says what was expected and what kind of value was found, but never the value."""


def is_missing(value: object) -> bool:
    """Whether it is nothing, or empty text, which counts as nothing."""
    # Cheaper in compiled code than comparing with an empty text.
    return value is None or (isinstance(value, str) and not value)


def noun(value: Any) -> str:
    """The kind of a value, for messages."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "text" if value else "empty text"
    if isinstance(value, int | float):
        return "a number"
    return "a list" if isinstance(value, list) else "an object"


def as_text(value: Any) -> str:
    """Text unchanged, whole numbers in digits, booleans as in JSON. Raises `Unfit`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    raise Unfit(f"expected text, found {noun(value)}")


def converted(value: Any, conversion: Conversion, pepper: bytes) -> Any:
    """The value after one conversion. Raises `Unfit`."""
    match conversion:
        case "number":
            return _number(value)
        case "boolean":
            return _boolean(value)
        case "text":
            return as_text(value)
        case "trim":
            return as_text(value).strip()
        case "decimal_comma":
            return _with_point(value)
        case "lower":
            return as_text(value).lower()
        case "upper":
            return as_text(value).upper()
        case "nfc":
            return unicodedata.normalize("NFC", as_text(value))
        case "sha256":
            return hashlib.sha256(pepper + as_text(value).encode(errors="surrogatepass")).hexdigest()


def digest(values: list[Any]) -> str:
    """A digest of 32 hexadecimal digits: equal values give the same text."""
    return hashlib.sha256(_encode(values)).hexdigest()[:_DIGEST_LENGTH]


def _number(value: Any) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if not _NUMBER.fullmatch(text):
        if _DECIMAL_COMMA.fullmatch(text):
            raise Unfit(
                "expected a number, found one with a comma; in a source file, `as: [decimal_comma, number]` takes what follows it for decimals"
            )
        raise Unfit(f"expected a number, found {noun(value)}" + (" that is not a number" if isinstance(value, str) else ""))
    number = float(text) if any(sign in text for sign in ".eE") else int(text)
    if isinstance(number, float) and abs(number) == float("inf"):
        raise Unfit("expected a number, found one that is too large")
    return number


def _with_point(value: Any) -> Any:
    """A number written as in much of Europe and Latin America, as JSON writes it; anything else unchanged."""
    text = value.strip() if isinstance(value, str) else ""
    return text.replace(".", "").replace(" ", "").replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"true": True, "false": False}
    found = known.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise Unfit(f"expected true or false, found {noun(value)}")
    return found
