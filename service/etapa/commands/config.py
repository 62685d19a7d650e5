"""`etapa config`: every setting, its value and where it comes from. Secrets stay hidden."""

from collections.abc import Iterator
from typing import Any

import click
import msgspec

from etapa.commands.terminal.options import WORKER_FLAGS, settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.words import width
from etapa.settings import SETTINGS, variable_of
from etapa.settings.reading import Reading, SettingSource, shown_value

GROUPS = {
    "kafka_": "Kafka",
    "redis_": "Redis",
    "topic_": "Topics",
    "partitions": "Topics",
    "replication": "Topics",
    "http_": "HTTP",
    "api_": "HTTP",
    "deliver": "Delivery",
    "log_": "Log",
}
"""The first words of settings' names, with the heading for each group."""

LEAST_ROOM = 20
"""The fewest columns for a value; with less room it gets its own line."""


@click.command()
@settings_flags(*WORKER_FLAGS)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def config(as_json: bool, **flags: str | None) -> None:
    """Show every setting, its value and where it comes from.

    A flag wins over the environment. ETAPA_…_FILE names a file that holds the value, such as a mounted secret.
    Exit code 2 if a setting is wrong.
    """
    reading = settings_from(flags)
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode(_as_object(reading))))
        return
    for line in _lines(reading, width()):
        click.echo(line)


def _lines(reading: Reading, columns: int) -> Iterator[str]:
    """A table in groups; in a narrow terminal each value stands below its name."""
    rows = {name: (variable_of(name), shown_value(name, reading.settings) or "-", _origin(reading.sources[name])) for name in SETTINGS}
    named = max(len(variable) for variable, _, _ in rows.values())
    last = max(len(origin) for _, _, origin in rows.values())
    room = columns - named - last - 4
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for name, row in rows.items():
        groups.setdefault(_group_of(name), []).append(row)
    for place, (group, settings) in enumerate(groups.items()):
        if place:
            yield ""
        yield f"# {group}"
        for variable, value, origin in settings:
            if room >= LEAST_ROOM:
                # A longer value pushes its origin to the right; nothing is cut off.
                yield f"{variable:<{named}}  {value:<{room}}  {origin}"
            else:
                yield variable
                yield f"  {value}  ({origin})"


def _group_of(name: str) -> str:
    return next((title for beginning, title in GROUPS.items() if name.startswith(beginning)), "Worker")


def _origin(source: SettingSource) -> str:
    return f"{source.kind} {source.name}" if source.kind in ("flag", "file") else source.kind


def _as_object(reading: Reading) -> dict[str, Any]:
    return {
        variable_of(name): {
            "value": _machine_value(name, reading),
            "origin": reading.sources[name].kind,
            "origin_name": reading.sources[name].name,
        }
        for name in SETTINGS
    }


def _machine_value(name: str, reading: Reading) -> int | str | None:
    """Plain numbers as numbers; everything else as it would be written in the environment."""
    value = getattr(reading.settings, name)
    if isinstance(value, int) and SETTINGS[name].kind.show is str:
        return value
    return shown_value(name, reading.settings) or None
