"""Shared by the commands about dead letters: selecting them, and writing one on a line."""

import base64
import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click
import msgspec

from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.time_options import Time
from etapa.commands.terminal.words import counted
from etapa.contracts.rfc3339 import format_time
from etapa.hosting.foreign_text import printable
from etapa.journey.units import SECOND
from etapa.settings import Settings
from etapa.stream.upkeep.dead_letter_topics import DeadLetterTopic
from etapa.stream.upkeep.dead_letters import DeadLetters, Letter, Selection

LONGEST_KEY = 24


class LetterPlace(click.ParamType):
    """The place of a dead letter: its partition and offset."""

    name = "PARTITION/OFFSET"

    def convert(self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Read the text, or fail as wrong use."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,18})", value)
        if found is None:
            self.fail(f"found {value!r}; a dead letter is named by partition and offset, such as 3/1742", param, ctx)
        return int(found[1]), int(found[2])


class DeadLetterCommands(msgspec.Struct, frozen=True):
    """How the commands for one topic of dead letters differ from those for the other."""

    topic: Callable[[Settings], DeadLetterTopic]
    reasons: Sequence[str]
    flags: Sequence[str]
    """Settings that the commands accept as flags."""
    of_triggers: bool
    """Whether the dead letters are triggers, which have a campaign and may have a target."""


def selection_options(commands: DeadLetterCommands) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options that select dead letters; the command gets the `Selection`."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def selecting(*, since: int | None, until: int | None, **others: Any) -> None:
            among = {name: others.pop(name, ()) for name in ("partitions", "reasons", "campaigns", "targets")}
            function(selection=Selection(**among, since=since, until=until), **others)

        chosen = selecting
        for option in reversed(_selecting_options(commands)):
            chosen = option(chosen)
        return chosen

    return decorate


def _selecting_options(commands: DeadLetterCommands) -> list[Callable[[Callable[..., None]], Callable[..., None]]]:
    reason = click.option(
        "--reason",
        "reasons",
        type=click.Choice(commands.reasons),
        metavar="REASON",
        multiple=True,
        help=f"Only those with this reason; may be repeated. One of {', '.join(commands.reasons)}.",
    )
    campaign = click.option("--campaign", "campaigns", multiple=True, metavar="ID", help="Only those of this campaign; may be repeated.")
    target = click.option(
        "--target", "targets", multiple=True, metavar="ID", help="Only those that this target did not accept; may be repeated."
    )
    return [
        reason,
        *([campaign, target] if commands.of_triggers else []),
        click.option("--since", type=Time(), metavar="TIME", help="Only those published at this time or later: RFC 3339, or a date."),
        click.option("--until", type=Time(), metavar="TIME", help="Only those published before this time."),
        click.option(
            "--partition", "partitions", type=click.IntRange(min=0), multiple=True, metavar="P", help="Only those of this partition."
        ),
    ]


def check_partitions(named: Iterable[int], partitions: int) -> None:
    """End the command when a partition was named that the topics do not have."""
    unknown = [number for number in named if number >= partitions]
    if unknown:
        raise WrongUse(f"there is no partition {unknown[0]}; the topics have {counted(partitions, 'partition')}, the first is 0")


async def letter_at(letters: DeadLetters, place: tuple[int, int]) -> Letter:
    """The dead letter at a place. Ends the command when there is none."""
    partition, offset = place
    found = await letters.at(partition, offset)
    if found is None:
        first, end = letters.ranges.get(partition, (0, 0))
        there = f"partition {partition} holds offsets {first} to {end - 1}, with gaps" if first < end else f"partition {partition} is empty"
        raise CheckFailed(f"there is no dead letter at {partition}/{offset}; {there}")
    return found


def totals(counts: Mapping[str, int]) -> str:
    """Counts by word, largest first: `: invalid 7, not_json 2`."""
    listed = ", ".join(f"{word} {count:,}" for word, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))
    return f": {listed}" if listed else ""


def second_text(at: int) -> str:
    """A time to the second, which is enough for people."""
    return format_time(at // SECOND * SECOND)


def key_text(key: bytes | None) -> str:
    """A key for a line: shortened, and without control characters."""
    if key is None:
        return "-"
    try:
        text = printable(key.decode())
    except UnicodeDecodeError:
        text = f"0x{key.hex()}"
    return text if len(text) <= LONGEST_KEY else text[: LONGEST_KEY - 1] + "…"


def bytes_object(name: str, data: bytes | None) -> dict[str, Any]:
    """Bytes for JSON: text under `name`, anything else under `name_base64`."""
    if data is None:
        return {name: None}
    try:
        return {name: data.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data).decode()}


def print_line(fields: Mapping[str, Any]) -> None:
    """Print one JSON object on a line."""
    echo_json(msgspec.json.encode(fields))
