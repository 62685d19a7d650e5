"""Reads settings from the environment, files and flags. All problems are reported at once, with where each value came from."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from etapa.settings import (
    FILE_SUFFIX,
    MAX_SECRET_BYTES,
    PREFIX,
    SETTINGS,
    SHIPPED_JOURNEY,
    Setting,
    Settings,
    SettingsError,
    SourceName,
    flag_of,
    values,
    variable_of,
)
from etapa.settings.contradictions import contradictions
from etapa.settings.values import Secret


class SettingSource(msgspec.Struct, frozen=True):
    """Where a value came from, and the name of the variable, file or flag (None for a default)."""

    kind: SourceName
    name: str | None = None


class Reading(msgspec.Struct, frozen=True):
    """Settings as read: the values, where each came from, and warnings about what looks odd but does no harm."""

    settings: Settings
    sources: Mapping[str, SettingSource]
    warnings: tuple[str, ...]


class _Found(msgspec.Struct, frozen=True):
    text: str
    source: SettingSource


def load_settings(environ: Mapping[str, str], overrides: Mapping[str, str | None]) -> Settings:
    """The settings alone; see `read_settings`."""
    return read_settings(environ, overrides).settings


def read_settings(environ: Mapping[str, str], overrides: Mapping[str, str | None]) -> Reading:
    """Read all settings; `overrides` holds flags by field name (None or empty: not given).

    Raises SettingsError with all problems at once.
    """
    problems: list[str] = []
    read: dict[str, Any] = {}
    sources: dict[str, SettingSource] = {}
    for name, setting in SETTINGS.items():
        found = _find(name, setting, environ, overrides, problems)
        sources[name] = found.source if found else SettingSource("default")
        if found is None:
            continue
        try:
            read[name] = _followed(setting.kind.parse(found.text), setting, found.source)
        except ValueError as error:
            problems.append(_problem(name, setting, found, str(error)))
    unknown = set(overrides) - set(SETTINGS)
    if unknown:
        raise TypeError(f"no such settings: {sorted(unknown)}")
    settings = Settings(**read)
    # Values that are wrong by themselves are left out: checking them together would only confuse.
    if not problems:
        problems.extend(contradictions(settings))
    if problems:
        raise SettingsError(tuple(problems))
    return Reading(settings=settings, sources=sources, warnings=_warnings(environ, settings))


def _followed(value: Any, setting: Setting, source: SettingSource) -> Any:
    """Let a secret from a file know where to find its replacement."""
    path = source.name
    if source.kind != "file" or path is None or not isinstance(value, Secret):
        return value
    return type(value)(value.reveal(), lambda: setting.kind.parse(_read_secret(path)))


def _find(
    name: str, setting: Setting, environ: Mapping[str, str], overrides: Mapping[str, str | None], problems: list[str]
) -> _Found | None:
    flag = overrides.get(name)
    if flag:
        return _Found(flag, SettingSource("flag", flag_of(name)))
    variable = variable_of(name)
    file_variable = variable + FILE_SUFFIX
    text, path = environ.get(variable, ""), environ.get(file_variable, "")
    if text.strip() and path.strip():
        problems.append(f"{variable}: found both {variable} and {file_variable}; allowed: one of the two")
        return None
    if text.strip():
        return _Found(text, SettingSource("environment", variable))
    if not path.strip():
        return None
    if setting.kind.is_path:
        # The value is already a path: ETAPA_JOURNEY_FILE=/etc/journey.yaml means that very file.
        return _Found(path, SettingSource("environment", file_variable))
    try:
        return _Found(_read_secret(path), SettingSource("file", path))
    except ValueError as error:
        problems.append(f"{file_variable}: found {path!r}, {error}; allowed: the path of a readable file that holds the value")
        return None


def _read_secret(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise ValueError(f"which cannot be read ({(error.strerror or str(error)).lower()})") from None
    if len(content) > MAX_SECRET_BYTES:
        raise ValueError(f"which holds more than {MAX_SECRET_BYTES} bytes")
    try:
        # Some editors add a byte order mark, which is never part of a password.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("which is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise ValueError("which is empty")
    return text


def _problem(name: str, setting: Setting, found: _Found, reason: str) -> str:
    where = found.source.name or variable_of(name)
    if found.source.kind == "file":
        where = f"{variable_of(name)}{FILE_SUFFIX} ({where})"
    shown = "a value that is kept secret" if setting.kind.is_secret else repr(values.without_login(found.text))
    hint = ""
    if found.text.startswith("tcp://") and found.source.kind == "environment":
        hint = " (Kubernetes sets this for a Service of that name; rename the Service or set enableServiceLinks: false)"
    detail = f", {reason}" if reason else ""
    return f"{where}: found {shown}{detail}; allowed: {setting.kind.allowed}{hint}"


_AT_INSTALLATION = "ETAPA_COMPILE"
"""Says how to install, and may still be there when something runs."""
# Variables that Kubernetes and Docker links add for a Service whose name begins with `etapa`.
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_.+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$")


def _warnings(environ: Mapping[str, str], settings: Settings) -> tuple[str, ...]:
    known = {variable_of(name) for name in SETTINGS}
    known |= {name + FILE_SUFFIX for name in known}
    warnings = []
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in known or variable == _AT_INSTALLATION or _SERVICE_LINK.search(variable):
            continue
        near = difflib.get_close_matches(variable, known, n=1, cutoff=0.75)
        advice = f"; did you mean {near[0]}?" if near else ""
        warnings.append(f"{variable} is not a setting of Etapa and is ignored{advice}")
    return tuple(warnings)


def shown_value(name: str, settings: Settings) -> str:
    """A setting's value for people: secrets hidden, durations and empty values written as in the environment."""
    value = getattr(settings, name)
    if name == "journey" and value is None:
        return str(SHIPPED_JOURNEY)
    if value is None:
        return ""
    return SETTINGS[name].kind.show(value)
