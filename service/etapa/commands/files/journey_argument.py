"""The journey file among a command's arguments, recognised by its name: people give it first, as `etapa validate` and `etapa diff` take it."""

from collections.abc import Sequence
from pathlib import Path

import click

from etapa.commands.terminal.failures import WrongUse
from etapa.settings import Settings

JOURNEY_ENDINGS = (".yaml", ".yml")


def journey_among(journey: str | None, arguments: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The journey file and the other arguments. `journey` is what --journey says; the first argument is the journey if its name looks like one.

    Ends the command with exit code 2 if there are two journeys, or one that does not come first.
    """
    rest = tuple(arguments)
    if rest and _is_journey(rest[0]):
        if journey is not None:
            raise WrongUse(f"two journeys, --journey {journey} and {rest[0]}: give only one")
        journey, rest = rest[0], rest[1:]
    another = next((each for each in rest if _is_journey(each)), None)
    if another is not None:
        raise WrongUse(f"{another} looks like a journey file, but is among the events: the journey must come first")
    return journey, rest


def say_if_shipped(settings: Settings) -> None:
    """Say on stderr that the shipped journey is used, if no other is given: figures of the wrong journey look plausible."""
    if not settings.journey:
        click.echo("No journey file is given, so the shipped journey (retail) is used.", err=True)


def _is_journey(argument: str) -> bool:
    return Path(argument).suffix in JOURNEY_ENDINGS
