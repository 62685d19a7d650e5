"""Settings as command-line flags, and reading all settings for a command."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from etapa.commands.terminal.failures import WrongUse
from etapa.settings import SETTINGS, SettingsError, flag_of, variable_of
from etapa.settings.reading import Reading, read_settings

Function = TypeVar("Function", bound=Callable[..., Any])

WORKER_FLAGS = (
    "journey",
    "source",
    "kafka_bootstrap_servers",
    "redis_url",
    "group",
    "group_instance",
    "start",
    "workers",
    "http_host",
    "http_port",
    "log_level",
)
"""The flags of `etapa run`. Everything else is set in the environment; secrets only there, where `ps` does not show them."""


def settings_flags(*names: str) -> Callable[[Function], Function]:
    """Add a flag for each of these settings. All arrive as text (None: not given) and are read by `settings_from`."""

    def decorate(function: Function) -> Function:
        for name in reversed(names):
            setting = SETTINGS[name]
            decorator = click.option(
                flag_of(name),
                name,
                metavar="VALUE" if not setting.kind.is_path else "FILE",
                help=f"{setting.about}. [{variable_of(name)}]",
                multiple=setting.kind.is_list,
                callback=_joined if setting.kind.is_list else None,
            )
            function = decorator(function)
        return function

    return decorate


def _joined(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> str | None:
    return ",".join(given) or None


def settings_from(flags: dict[str, str | None]) -> Reading:
    """Read flags and environment; warnings go to stderr, and anything wrong ends the command with exit code 2."""
    try:
        reading = read_settings(os.environ, flags)
    except SettingsError as error:
        if len(error.problems) == 1:
            raise WrongUse(error.problems[0]) from None
        listed = "".join(f"\n  {problem}" for problem in error.problems)
        raise WrongUse(f"{len(error.problems)} settings are wrong:{listed}") from None
    for warning in reading.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return reading


def rate_of_customers(usual: float, about: str) -> Callable[[Function], Function]:
    """The option `--rate`: how many customers a second are taken from a system at work. `about` says what happens to them."""
    positive = click.FloatRange(min=0, min_open=True)
    return click.option("--rate", type=positive, default=usual, show_default=True, metavar="N", help=f"{about}, over all partitions.")
