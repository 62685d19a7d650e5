"""One dead letter, as a row, as JSON and as text."""

from typing import Any

import click

from etapa.commands.letters.dead_letter_options import LONGEST_KEY, bytes_object, key_text, print_line, second_text
from etapa.commands.terminal.words import counted
from etapa.contracts.outgoing.dead_letter import Cut, DeadLetter
from etapa.contracts.outgoing.undelivered import UndeliveredTrigger
from etapa.contracts.rfc3339 import format_time
from etapa.hosting.foreign_text import printable
from etapa.stream.upkeep.dead_letters import Letter

LONGEST_SHOWN = 8_192
"""How many bytes of a value are shown to people; --raw and --json give all of it."""
LONGEST_ID = 24
_ROW = f"{{:<10}} {{:<20}} {{:<17}} {{:>8}} {{:<4}} {{:<{LONGEST_KEY}}} {{}}"
_TRIGGER_ROW = f"{{:<10}} {{:<20}} {{:<13}} {{:<{LONGEST_ID}}} {{:<{LONGEST_ID}}} {{:>8}} {{:<4}} {{:<{LONGEST_KEY}}} {{}}"


def print_heading(*, of_triggers: bool) -> None:
    """The names of the columns."""
    if of_triggers:
        click.echo(_TRIGGER_ROW.format("PLACE", "TIME", "REASON", "TARGET", "CAMPAIGN", "ATTEMPTS", "SENT", "KEY", "DETAIL"))
    else:
        click.echo(_ROW.format("PLACE", "TIME", "REASON", "ATTEMPTS", "SENT", "KEY", "DETAIL"))


def print_row(letter: Letter, sent: bool) -> None:
    """A dead letter on one line."""
    content = letter.content
    begin = (letter.place, second_text(letter.at), content.reason)
    end = (letter.attempts, "yes" if sent else "no", key_text(content.key), printable(content.detail) + (" (cut)" if content.cut else ""))
    if isinstance(content, UndeliveredTrigger):
        click.echo(_TRIGGER_ROW.format(*begin, _clipped(content.target), _clipped(content.campaign), *end))
    else:
        click.echo(_ROW.format(*begin, *end))


def print_object(letter: Letter, sent: bool) -> None:
    """A dead letter as a JSON object on one line."""
    print_line(fields_of(letter, sent=sent))


def fields_of(letter: Letter, *, sent: bool) -> dict[str, Any]:
    """Everything except headers and value, for JSON."""
    content = letter.content
    delivery = {}
    if isinstance(content, UndeliveredTrigger):
        delivery = {name: getattr(content, name) or None for name in ("target", "campaign", "trigger_id")} | {"requests": content.requests}
    return {
        "partition": letter.partition,
        "offset": letter.offset,
        "time": format_time(letter.at),
        "reason": content.reason,
        "detail": content.detail,
        **delivery,
        **bytes_object("key", content.key),
        "attempts": letter.attempts,
        "sent_back": sent,
        "origin": {"topic": content.topic, "partition": content.partition, "offset": content.offset},
        "value_bytes": None if content.value is None else len(content.value),
        **({} if content.cut is None else {"cut": _cut_fields(content.cut)}),
    }


def _clipped(text: str) -> str:
    told = printable(text) or "-"
    return told if len(told) <= LONGEST_ID else told[: LONGEST_ID - 1] + "…"


def _cut_fields(cut: Cut) -> dict[str, Any]:
    return {"parts": cut.parts, "original_bytes": cut.size, "original_sha256": cut.sha256}


def text_of(letter: Letter, *, sent: bool) -> str:
    """The whole dead letter, for people."""
    content = letter.content
    lines = [
        f"dead letter {letter.place}, since {format_time(letter.at)}",
        f"reason    {content.reason}: {printable(content.detail)}",
        f"read at   {origin_of(content)}",
        *_delivery_lines(content),
        f"attempts  {letter.attempts}{', and sent back since' if sent else ''}",
        f"key       {_shown(content.key)}",
    ]
    if content.cut is not None:
        size = counted(content.cut.size, "byte")
        lines += [
            f"cut       not all there: {', '.join(content.cut.parts)}. The original value has {size} (SHA-256 {content.cut.sha256});",
            f"          it is at {origin_of(content)} for as long as the topic keeps it, and --raw reads it there",
        ]
    if content.headers:
        lines.append("headers")
        lines += [f"  {printable(name)}: {_shown(value)}" for name, value in content.headers]
    size = "" if content.value is None else f" ({counted(len(content.value), 'byte')})"
    return "\n".join([*lines, f"value{size}", _shown(content.value)])


def _delivery_lines(content: DeadLetter) -> list[str]:
    if not isinstance(content, UndeliveredTrigger):
        return []
    return [
        f"trigger   {printable(content.trigger_id) or '-'}, of campaign {printable(content.campaign) or '-'}",
        f"target    {printable(content.target) or '-'}, asked {counted(content.requests, 'time')}",
    ]


def origin_of(content: DeadLetter) -> str:
    """The place of the original: topic, partition and offset."""
    return f"{printable(content.topic)} {content.partition}/{content.offset}"


def _shown(data: bytes | None) -> str:
    """Bytes for people: as text if all of it can be printed, otherwise in hexadecimal."""
    if data is None:
        return "(none)"
    rest = f"\n… {counted(len(data) - LONGEST_SHOWN, 'byte')} more; --raw writes all of it" if len(data) > LONGEST_SHOWN else ""
    part = data[:LONGEST_SHOWN]
    # The cut may have split a character.
    text = part.decode(errors="ignore" if rest else "replace")
    if "\N{REPLACEMENT CHARACTER}" not in text and all(one.isprintable() or one in "\n\t" for one in text):
        return text + rest
    return "\n".join(f"0x{part[start : start + 32].hex(' ')}" for start in range(0, len(part), 32)) + rest
