"""Formats log records as lines: for people, as logfmt, or as JSON. One event is one line, whatever it holds, and no line holds a secret.

Code that logs about a customer passes `extra={"customer_id": …}` and never names the customer in the message; how the id is shown is
decided here.
"""

import hashlib
import hmac
import logging
import re
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote, unquote

import msgspec

from etapa.hosting.foreign_text import escaped, json_text
from etapa.settings.values import HIDDEN

SHORTEST_SECRET = 4
"""Shorter secrets also occur in ordinary words; replacing them would make lines unreadable without hiding anything."""
PSEUDONYM_DIGITS = 16

Fields = Mapping[str, object]
_TIME = "%Y-%m-%dT%H:%M:%S"
_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_PLAIN_VALUE = re.compile(r"[!#-<>-\[\]-~]+")


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that hides these secrets in a text, also when percent-encoded, decoded, or escaped as in Python or JSON strings."""
    forms = set()
    for secret in secrets:
        for form in (secret, unquote(secret), quote(secret, safe="")):
            # The fourth is a Python string that holds both kinds of quotation marks.
            forms |= {form, escaped(form), repr(form)[1:-1], repr(form + "\"'")[1:-4], json_text(_encoded(form))[1:-1]}
    known = sorted((form for form in forms if len(form) >= SHORTEST_SECRET), key=len, reverse=True)
    if not known:
        return str
    pattern = re.compile("|".join(map(re.escape, known)))
    return lambda text: pattern.sub(HIDDEN, text)


def pseudonym(customer_id: str, key: bytes) -> str:
    """Always the same for a customer and a key, and useless without the key: the first hexadecimal digits of the id's HMAC-SHA256."""
    return hmac.new(key, customer_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:PSEUDONYM_DIGITS]


class LineFormatter(logging.Formatter):
    """Turns each record into one line. Subclasses decide how it is written; the content is the same for all."""

    def __init__(self, static: Mapping[str, str], redact: Callable[[str], str], shown_customer: Callable[[str], str]) -> None:
        """`static` are fields of every line; `shown_customer` turns a customer's id into what is shown."""
        super().__init__()
        self._static = static
        self._redact = redact
        self._shown_customer = shown_customer

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a line end."""
        fields: dict[str, object] = {
            "time": f"{time.strftime(_TIME, time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._redact(_message(record)),
        }
        fields.update(self._static)
        for name, value in vars(record).items():
            if name not in _OF_EVERY_RECORD and name not in fields:
                fields[name] = self._shown(name, value)
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if error is not None:
            fields["error"] = type(error).__name__
            fields["traceback"] = self._redact("".join(traceback.format_exception(error)).rstrip())
        elif record.stack_info:
            fields["traceback"] = self._redact(record.stack_info)
        return self.written(fields)

    def _shown(self, name: str, value: object) -> object:
        if name == "customer_id":
            return self._redact(self._shown_customer(str(value)))
        return value if isinstance(value, bool | int | float) or value is None else self._redact(str(value))

    def written(self, fields: Fields) -> str:
        """The fields as one line."""
        raise NotImplementedError


class TextLines(LineFormatter):
    """For people: time, level, logger and message, then the fields, then any traceback with bars for line ends."""

    def written(self, fields: Fields) -> str:
        """The fields as one line, without those that are the same in every line."""
        shown = dict(fields)
        moment, level, logger = (str(shown.pop(name)) for name in ("time", "level", "logger"))
        message, trace = escaped(str(shown.pop("message"))), str(shown.pop("traceback", ""))
        shown.pop("error", None)
        others = "".join(f" {name}={_logfmt_value(value)}" for name, value in shown.items() if name not in self._static)
        behind = "".join(f" | {escaped(line.strip())}" for line in trace.splitlines())
        who = f"worker {self._static['worker']}, " if "worker" in self._static else ""
        return f"{moment.partition('.')[0]}Z {level.upper():<7} {who}{escaped(logger)}: {message}{others}{behind}"


class LogfmtLines(LineFormatter):
    """`name=value` pairs separated by spaces; a value that is not plain ASCII without spaces is written as a JSON string."""

    def written(self, fields: Fields) -> str:
        """The fields as one line."""
        return " ".join(f"{name}={_logfmt_value(value)}" for name, value in fields.items())


class JsonLines(LineFormatter):
    """A JSON object."""

    def written(self, fields: Fields) -> str:
        """The fields as one line."""
        return json_text(_encoded({name: _sound(value) for name, value in fields.items()}))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError, IndexError):
        # The arguments do not fit the message. What was meant is worth more than the logging library's complaint over many lines.
        return f"{record.msg} {record.args!r}"


def _logfmt_value(value: object) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if _PLAIN_VALUE.fullmatch(text) else json_text(_encoded(text))


def _encoded(value: object) -> bytes:
    return msgspec.json.encode(_sound(value))


def _sound(value: object) -> object:
    """Escape half surrogate pairs, which cannot be encoded."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
