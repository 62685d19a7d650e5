"""`list` and `show`, for both topics of dead letters."""

import sys
from collections import Counter
from collections.abc import Mapping

import click
import msgspec

from etapa.commands.letters.dead_letter_fields import fields_of, origin_of, print_heading, print_object, print_row, text_of
from etapa.commands.letters.dead_letter_options import (
    DeadLetterCommands,
    LetterPlace,
    bytes_object,
    check_partitions,
    letter_at,
    selection_options,
    totals,
)
from etapa.commands.terminal.failures import CheckFailed
from etapa.commands.terminal.kafka_access import on_kafka
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.words import counted
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.rights import rights_trouble
from etapa.stream.protocol.ports import LogError
from etapa.stream.upkeep.dead_letter_topics import DeadLetterTopic
from etapa.stream.upkeep.dead_letters import DeadLetters, Letter, Selection
from etapa.stream.upkeep.originals import Originals
from etapa.stream.upkeep.redrive import RedriveError, sent_before
from etapa.stream.upkeep.sent_back import SentBack


def list_command(commands: DeadLetterCommands) -> click.Command:
    """The command that lists them."""

    @click.command(name="list", short_help="List dead letters, with totals by reason.")
    @selection_options(commands)
    @click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Show at most N, partition by partition, the oldest first.")
    @settings_flags(*commands.flags)
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
    def list_letters(selection: Selection, limit: int | None, as_json: bool, **flags: str | None) -> None:
        """List dead letters: where they are, since when, why, how often they were sent back before, and whether they have been
        sent back since.

        Shows what is there when the command starts. Totals go to stderr.
        """
        settings = settings_from(flags).settings
        topic = commands.topic(settings)
        counts, strangers = on_kafka(
            settings, lambda cluster, partitions: _list(cluster, commands, partitions, selection, limit, as_json=as_json), topic.name
        )
        click.echo(f"{counted(counts.total(), 'dead letter')}{totals(counts)}", err=True)
        if counts.total() == limit:
            click.echo(f"stopped at {limit:,}; there may be more", err=True)
        if strangers:
            click.echo(f"{topic.name} also holds {counted(strangers, 'record')} that Etapa did not write", err=True)

    return list_letters


async def _list(
    cluster: Cluster, commands: DeadLetterCommands, partitions: int, selection: Selection, limit: int | None, *, as_json: bool
) -> tuple[Counter[str], int]:
    check_partitions(selection.partitions, partitions)
    counts: Counter[str] = Counter()
    emit = print_object if as_json else print_row
    async with DeadLetters(cluster, commands.topic(cluster.settings), partitions) as letters:
        memory = await _memory(cluster, letters)
        if not as_json:
            print_heading(of_triggers=commands.of_triggers)
        for partition in sorted(selection.partitions or letters.ranges):
            async for letter in letters.of(partition, selection.since):
                if selection.takes(letter):
                    counts[letter.content.reason] += 1
                    emit(letter, memory[partition].holds(letter.content.kind, letter.offset))
                if counts.total() == limit:
                    return counts, letters.strangers
        return counts, letters.strangers


def show_command(commands: DeadLetterCommands) -> click.Command:
    """The command that shows one."""

    @click.command(short_help="Show one dead letter, or write out its value.")
    @click.argument("place", type=LetterPlace(), metavar="PARTITION/OFFSET")
    @settings_flags(*commands.flags)
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    @click.option(
        "--raw",
        is_flag=True,
        help="Write the original value to stdout as it is, and nothing else; for a cut letter, the original from its topic.",
    )
    def show(place: tuple[int, int], as_json: bool, raw: bool, **flags: str | None) -> None:
        """Show a dead letter: its reason, and its headers, key and value as they were read."""
        settings = settings_from(flags).settings
        topic = commands.topic(settings)
        letter, sent = on_kafka(settings, lambda cluster, partitions: _read(cluster, topic, partitions, place, whole=raw), topic.name)
        if raw:
            if letter.content.value is None:
                raise CheckFailed(f"the record of dead letter {letter.place} has no value")
            sys.stdout.buffer.write(letter.content.value)
        elif as_json:
            headers = [{"name": name, **bytes_object("value", value)} for name, value in letter.content.headers]
            whole = {**fields_of(letter, sent=sent), "headers": headers, **bytes_object("value", letter.content.value)}
            echo_json(msgspec.json.format(msgspec.json.encode(whole)))
        else:
            click.echo(text_of(letter, sent=sent))

    return show


async def _read(cluster: Cluster, topic: DeadLetterTopic, partitions: int, place: tuple[int, int], *, whole: bool) -> tuple[Letter, bool]:
    check_partitions(place[:1], partitions)
    async with DeadLetters(cluster, topic, partitions) as letters, Originals(cluster, topic.origin, partitions) as originals:
        letter = await letter_at(letters, place)
        if whole:
            content = await originals.whole(letter.content)
            if content is None:
                raise CheckFailed(f"dead letter {letter.place} is cut, and {origin_of(letter.content)} does not hold its original any more")
            letter = msgspec.structs.replace(letter, content=content)
        memory = await _memory(cluster, letters)
        return letter, memory[letter.partition].holds(letter.content.kind, letter.offset)


async def _memory(cluster: Cluster, letters: DeadLetters) -> Mapping[int, SentBack]:
    """Which letters were sent back. A user with read access only sees them without that, and a warning."""
    try:
        return await sent_before(cluster, letters)
    except RedriveError as error:
        raise CheckFailed(str(error)) from None
    except LogError as error:
        trouble = rights_trouble(cluster.settings, error)
        if trouble is None:
            raise
        click.echo(f"Warning: which of them were sent back is not known. {trouble}", err=True)
        return {partition: SentBack() for partition in letters.ranges}
