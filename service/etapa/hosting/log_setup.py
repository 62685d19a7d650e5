"""Where a process logs, in which format, and what it hides."""

import logging
import os
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import etapa
from etapa.hosting.log_lines import JsonLines, LineFormatter, LogfmtLines, TextLines, pseudonym, redactor
from etapa.settings import SETTINGS, Settings
from etapa.settings.values import RedisUrl

LIBRARIES = ("aiokafka", "faust", "mode", "asyncio", "aiohttp")

_FORMATTERS: dict[str, type[LineFormatter]] = {"text": TextLines, "logfmt": LogfmtLines, "json": JsonLines}

logger = logging.getLogger(__name__)


Process = Literal["worker", "supervisor", "delivery", "command"]


def log_to_stderr(settings: Settings, process: Process, more_secrets: Iterable[str] = (), number: int | None = None) -> None:
    """Log at the level of the settings, in UTC. Unexpected errors that end the process are logged, too, instead of printed over many lines.

    Secrets in the settings and `more_secrets` never get into a line. `number` distinguishes workers that log to the same place.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(line_formatter(settings, process, more_secrets, number))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = _log_the_end
    threading.excepthook = _log_a_threads_end
    if settings.log_level != "debug":
        # Routine messages of libraries are of no interest.
        handler.addFilter(_is_no_service_news)
        for name in LIBRARIES:
            logging.getLogger(name).setLevel(logging.WARNING)


def line_formatter(settings: Settings, process: str, more_secrets: Iterable[str] = (), number: int | None = None) -> LineFormatter:
    """The formatter that the settings ask for."""
    static = {
        "process": process,
        "version": etapa.__version__,
        "group": settings.delivery_group if process == "delivery" else settings.group,
        "instance": f"{socket.gethostname()}:{os.getpid()}",
    }
    if number is not None:
        static["worker"] = str(number)
    redact = redactor([*_secrets_in(settings), *_secrets_of_traces(settings, os.environ), *more_secrets])
    return _FORMATTERS[settings.log_format](static, redact, _shown_customer(settings))


def _shown_customer(settings: Settings) -> Callable[[str], str]:
    if settings.log_customer_ids == "plain":
        return str
    # Without a key shared by all processes, a pseudonym is stable only within this process.
    key = settings.log_customer_key.reveal().encode() if settings.log_customer_key else secrets.token_bytes(32)
    return lambda customer_id: pseudonym(customer_id, key)


def _secrets_in(settings: Settings) -> Iterable[str]:
    for name, setting in SETTINGS.items():
        value = getattr(settings, name)
        if setting.kind.is_secret and value is not None and not isinstance(value, RedisUrl):
            yield value.reveal()
    url = urlsplit(settings.redis_url.reveal())
    login, at, _ = url.netloc.rpartition("@")
    if at:
        # The user name is not a secret, and hiding it would also hide ordinary words that are the same.
        yield login.partition(":")[2]
    yield from (value for name, value in parse_qsl(url.query) if name.endswith("password"))


def _secrets_of_traces(settings: Settings, environment: Mapping[str, str]) -> Iterable[str]:
    """The collector's credentials: the values in https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables"""
    if settings.traces != "off":
        for name in ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"):
            for header in environment.get(name, "").split(","):
                value = unquote(header.partition("=")[2]).strip()
                # `Bearer` in front of it is not a secret.
                yield from (value, value.rpartition(" ")[2])


def _log_the_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, Exception):
        logger.critical("a bug in Etapa ended this process", exc_info=error)
    else:
        sys.__excepthook__(kind, error, trace)


def _log_a_threads_end(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        logger.error("a bug in Etapa ended a thread", exc_info=arguments.exc_value)


def _is_no_service_news(record: logging.LogRecord) -> bool:
    """False for mode's `[^--Service]: Starting...`, which it logs under our services' names."""
    return record.levelno > logging.INFO or not str(record.msg).startswith("[^")
