"""`etapa dead-letters`: look at what could not be used, and send it back once the cause is mended."""

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import click
import msgspec

from etapa.commands.redrive import redrive
from etapa.commands.terminal.dead_letter_options import (
    LETTER_FLAGS,
    LONGEST_KEY,
    LetterPlace,
    bytes_object,
    check_partitions,
    key_text,
    letter_at,
    print_line,
    second_text,
    selection_options,
    totals,
)
from etapa.commands.terminal.failures import CheckFailed
from etapa.commands.terminal.kafka_access import on_kafka
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.words import counted, printable
from etapa.contracts.dead_letter import Cut, DeadLetter
from etapa.contracts.rfc3339 import format_time
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.upkeep.dead_letters import DeadLetters, Letter, Selection
from etapa.stream.upkeep.originals import Originals
from etapa.stream.upkeep.redrive import RedriveError, sent_before

LONGEST_SHOWN = 8_192
"""Bytes of a value that are shown to people; --raw and --json give all of it."""
_ROW = f"{{:<10}} {{:<20}} {{:<17}} {{:>8}} {{:<4}} {{:<{LONGEST_KEY}}} {{}}"

Emit = Callable[[Letter, bool], None]


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Look at touchpoints that could not be used, and send them back after a fix.

    A dead letter is named by where it is in its topic: PARTITION/OFFSET.
    """


dead_letters.add_command(redrive)


@dead_letters.command(name="list", short_help="List dead letters, with totals by reason.")
@selection_options
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many, partition by partition, the oldest first.")
@settings_flags(*LETTER_FLAGS)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_letters(selection: Selection, limit: int | None, as_json: bool, **flags: str | None) -> None:
    """List dead letters: where and since when they are, why, how often they had been sent back before, and whether they were since.

    Reads up to the end that there is at the start. Totals go to stderr.
    """
    settings = settings_from(flags).settings
    counts, strangers = on_kafka(
        settings, lambda cluster, partitions: _list(cluster, partitions, selection, limit, _print_object if as_json else _print_row)
    )
    click.echo(f"{counted(counts.total(), 'dead letter')}{totals(counts)}", err=True)
    if counts.total() == limit:
        click.echo(f"stopped at {limit:,}; there may be more", err=True)
    if strangers:
        click.echo(f"{settings.topic_dead_letters} also holds {counted(strangers, 'record')} that Etapa did not write", err=True)


async def _list(cluster: Cluster, partitions: int, selection: Selection, limit: int | None, emit: Emit) -> tuple[Counter[str], int]:
    check_partitions(selection.partitions, partitions)
    counts: Counter[str] = Counter()
    async with DeadLetters(cluster, partitions) as letters:
        try:
            memory = await sent_before(cluster, letters.ranges)
        except RedriveError as error:
            raise CheckFailed(str(error)) from None
        if emit is _print_row:
            click.echo(_ROW.format("PLACE", "TIME", "REASON", "ATTEMPTS", "SENT", "KEY", "DETAIL"))
        for partition in sorted(selection.partitions or letters.ranges):
            async for letter in letters.of(partition, selection.since):
                if selection.takes(letter):
                    counts[letter.content.reason] += 1
                    emit(letter, memory[partition].holds(letter.content.reason, letter.offset))
                if counts.total() == limit:
                    return counts, letters.strangers
        return counts, letters.strangers


def _print_row(letter: Letter, sent: bool) -> None:
    content = letter.content
    told = key_text(content.key)
    click.echo(
        _ROW.format(
            letter.place,
            second_text(letter.at),
            content.reason,
            letter.attempts,
            "yes" if sent else "no",
            told,
            printable(content.detail) + (" (cut)" if content.cut else ""),
        )
    )


def _print_object(letter: Letter, sent: bool) -> None:
    print_line(_fields(letter, sent=sent))


def _fields(letter: Letter, *, sent: bool) -> dict[str, Any]:
    content = letter.content
    return {
        "partition": letter.partition,
        "offset": letter.offset,
        "time": format_time(letter.at),
        "reason": content.reason,
        "detail": content.detail,
        **bytes_object("key", content.key),
        "attempts": letter.attempts,
        "sent_back": sent,
        "origin": {"topic": content.topic, "partition": content.partition, "offset": content.offset},
        "value_bytes": None if content.value is None else len(content.value),
        **({} if content.cut is None else {"cut": _cut_fields(content.cut)}),
    }


def _cut_fields(cut: Cut) -> dict[str, Any]:
    return {"parts": cut.parts, "original_bytes": cut.size, "original_sha256": cut.sha256}


@dead_letters.command(short_help="Show one dead letter, or write out its value.")
@click.argument("place", type=LetterPlace(), metavar="PARTITION/OFFSET")
@settings_flags(*LETTER_FLAGS)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--raw", is_flag=True, help="Write the original value to stdout as it is, and nothing else; of a letter that is cut, from touchpoints."
)
def show(place: tuple[int, int], as_json: bool, raw: bool, **flags: str | None) -> None:
    """Show a dead letter: its headers, key and value, as they were read from touchpoints, and why it could not be used."""
    settings = settings_from(flags).settings
    letter, sent = on_kafka(settings, lambda cluster, partitions: _read(cluster, partitions, place, whole=raw))
    if raw:
        if letter.content.value is None:
            raise CheckFailed(f"the record of dead letter {letter.place} has no value")
        sys.stdout.buffer.write(letter.content.value)
    elif as_json:
        headers = [{"name": name, **bytes_object("value", value)} for name, value in letter.content.headers]
        whole = {**_fields(letter, sent=sent), "headers": headers, **bytes_object("value", letter.content.value)}
        click.echo(msgspec.json.format(msgspec.json.encode(whole)))
    else:
        click.echo(_as_text(letter, sent=sent))


async def _read(cluster: Cluster, partitions: int, place: tuple[int, int], *, whole: bool) -> tuple[Letter, bool]:
    check_partitions(place[:1], partitions)
    async with DeadLetters(cluster, partitions) as letters, Originals(cluster, partitions) as originals:
        letter = await letter_at(letters, place)
        if whole:
            content = await originals.whole(letter.content)
            if content is None:
                raise CheckFailed(f"dead letter {letter.place} is cut, and {_origin(letter.content)} does not hold its original any more")
            letter = msgspec.structs.replace(letter, content=content)
        try:
            memory = await sent_before(cluster, letters.ranges)
        except RedriveError as error:
            raise CheckFailed(str(error)) from None
        return letter, memory[letter.partition].holds(letter.content.reason, letter.offset)


def _as_text(letter: Letter, *, sent: bool) -> str:
    content = letter.content
    lines = [
        f"dead letter {letter.place}, since {format_time(letter.at)}",
        f"reason    {content.reason}: {printable(content.detail)}",
        f"read at   {_origin(content)}",
        f"attempts  {letter.attempts}{', and sent back since' if sent else ''}",
        f"key       {_shown(content.key)}",
    ]
    if content.cut is not None:
        size = counted(content.cut.size, "byte")
        lines += [
            f"cut       not all there: {', '.join(content.cut.parts)}. The original value has {size} (SHA-256 {content.cut.sha256});",
            f"          it lies at {_origin(content)} for as long as the topic keeps it, and --raw reads it there",
        ]
    if content.headers:
        lines.append("headers")
        lines += [f"  {printable(name)}: {_shown(value)}" for name, value in content.headers]
    size = "" if content.value is None else f" ({counted(len(content.value), 'byte')})"
    return "\n".join([*lines, f"value{size}", _shown(content.value)])


def _origin(content: DeadLetter) -> str:
    return f"{printable(content.topic)} {content.partition}/{content.offset}"


def _shown(data: bytes | None) -> str:
    """Bytes for people: text if all of it can be printed, else hexadecimal."""
    if data is None:
        return "(none)"
    rest = f"\n… {counted(len(data) - LONGEST_SHOWN, 'byte')} more; --raw writes all of it" if len(data) > LONGEST_SHOWN else ""
    part = data[:LONGEST_SHOWN]
    # A character may have been cut in two.
    text = part.decode(errors="ignore" if rest else "replace")
    if "\N{REPLACEMENT CHARACTER}" not in text and all(one.isprintable() or one in "\n\t" for one in text):
        return text + rest
    return "\n".join(f"0x{part[start : start + 32].hex(' ')}" for start in range(0, len(part), 32)) + rest
