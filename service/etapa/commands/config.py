"""`etapa config`: every setting, its value and where it comes from. Secrets stay hidden."""

from typing import Any

import click
import msgspec

from etapa.commands.terminal.options import WORKER_FLAGS, settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.settings import SETTINGS, variable_of
from etapa.settings.reading import Reading, SettingSource, shown_value


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
    rows = [(variable_of(name), shown_value(name, reading.settings), _origin(reading.sources[name])) for name in SETTINGS]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for variable, value, origin in rows:
        click.echo(f"{variable:<{widths[0]}}  {value or '-':<{widths[1]}}  {origin}")


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
