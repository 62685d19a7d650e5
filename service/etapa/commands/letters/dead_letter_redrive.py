"""`redrive`, for both topics of dead letters: send them back where they came from, once the cause is fixed."""

import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

import click
import msgspec

from etapa.commands.files.input_source import decoder_for
from etapa.commands.letters.dead_letter_options import (
    DeadLetterCommands,
    LetterPlace,
    bytes_object,
    check_partitions,
    key_text,
    letter_at,
    print_line,
    selection_options,
    totals,
)
from etapa.commands.terminal.confirmation import ask, somebody_can_be_asked, yes_option
from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.interruption import told_if_interrupted
from etapa.commands.terminal.kafka_access import on_kafka
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.words import counted
from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.outgoing.undelivered import UndeliveredTrigger
from etapa.hosting.foreign_text import printable
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.upkeep.dead_letter_topics import DeadLetterTopic
from etapa.stream.upkeep.dead_letters import DeadLetters, Letter, Selection
from etapa.stream.upkeep.originals import Originals
from etapa.stream.upkeep.redrive import Fate, Redrive, RedriveError, RedriveOptions, Sender, redrive_selected, redrive_single, sent_before
from etapa.stream.upkeep.sent_back import SentBack

WHATEVER_SIZE = 2**31
"""How many bytes of a letter are searched for the customer_id."""

_LEFT: Mapping[Fate, str] = {
    "already": "sent back before, and passed over; --again sends them once more",
    "attempts": "left, because they had been sent back as often as --max-attempts allows",
    "too_large": "left, because they are larger than the topic allows (max.message.bytes)",
    "gone": "left, because they are cut and their originals are not in their topic any more",
}


class _Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for."""

    topic: DeadLetterTopic
    places: Sequence[tuple[int, int]]
    selection: Selection
    limit: int | None
    max_attempts: int
    rekey: bool
    again: bool
    dry_run: bool
    as_json: bool
    decoder: Decoder
    """Finds the customer_id of a letter."""

    def options(self, partitions: int) -> RedriveOptions:
        return RedriveOptions(
            partitions=partitions, max_attempts=self.max_attempts, rekey=self.rekey, again=self.again, decoder=self.decoder
        )


def redrive_command(commands: DeadLetterCommands) -> click.Command:
    """The command that sends them back."""
    origin = "campaign-triggers" if commands.of_triggers else "touchpoints"
    selecting = (
        "--reason, --campaign, --target, --since, --until, --partition"
        if commands.of_triggers
        else "--reason, --since, --until, --partition"
    )

    @click.command(
        short_help=f"Send dead letters back to {origin}.", help=_HELP_OF_TRIGGERS if commands.of_triggers else _HELP_OF_TOUCHPOINTS
    )
    @click.argument("places", type=LetterPlace(), nargs=-1, metavar="[PARTITION/OFFSET]…")
    @selection_options(commands)
    @click.option("--all", "everything", is_flag=True, help="Every dead letter, if nothing else is selected.")
    @click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Send at most N.")
    @click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
    @_rekey_option(commands)
    @click.option(
        "--max-attempts",
        type=click.IntRange(min=1),
        default=3,
        show_default=True,
        metavar="N",
        help="Leave letters that were sent back N times and failed each time.",
    )
    @click.option("--again", is_flag=True, help="Also send letters that were sent back before.")
    @yes_option
    @settings_flags(*commands.flags)
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
    def redrive(
        places: Sequence[tuple[int, int]],
        selection: Selection,
        everything: bool,
        limit: int | None,
        dry_run: bool,
        max_attempts: int,
        again: bool,
        yes: bool,
        as_json: bool,
        **others: Any,
    ) -> None:
        selected = selection != Selection()
        if places and (selected or everything or limit is not None):
            raise WrongUse("name letters by PARTITION/OFFSET or select them by options, not both")
        if not (places or selected or everything):
            raise WrongUse(f"say which: letters by PARTITION/OFFSET, or {selecting}; --all means every one")
        rekey = bool(others.pop("rekey", False))
        settings = settings_from(others).settings
        order = _Order(
            topic=commands.topic(settings),
            places=tuple(dict.fromkeys(places)),
            selection=selection,
            limit=limit,
            max_attempts=max_attempts,
            rekey=rekey,
            again=again,
            dry_run=dry_run,
            as_json=as_json,
            decoder=decoder_for(settings, WHATEVER_SIZE, takes_links=True),
        )
        must_ask = not dry_run and somebody_can_be_asked(yes=yes)
        with told_if_interrupted("" if dry_run else _GOES_ON):
            fates = on_kafka(
                settings, lambda cluster, partitions: _redrive(cluster, partitions, order, must_ask=must_ask), order.topic.name
            )
        _tell(fates, order)

    return redrive


_GOES_ON = "What was sent back is remembered: the same command goes on with the rest."
_HELP_OF_TOUCHPOINTS = """Send dead letters back to touchpoints, selected one by one or by reason, time and partition. Try --dry-run first.

Value and headers stay as they were, and so does the touchpoint's id: one that was processed already changes nothing. Which
letters were sent back is remembered, so after an interruption the same command continues where it stopped. A letter that fails again becomes a
new dead letter that counts its attempts.
"""
_HELP_OF_TRIGGERS = """Send triggers that could not be delivered back to campaign-triggers, where `etapa deliver` finds them like new ones: selected one
by one or by reason, campaign, target, time and partition. Try --dry-run first.

Key, value and headers stay as they were, and so does the Idempotency-Key: a receiver that accepted a trigger after all recognises it. Which
letters were sent back is remembered, so after an interruption the same command continues where it stopped. A letter that fails again becomes a
new dead letter that counts its attempts.
"""


def _rekey_option(commands: DeadLetterCommands) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    if commands.of_triggers:
        return lambda function: function
    return click.option("--rekey", is_flag=True, help="If the key was not the customer_id (key_mismatch), make the customer_id the key.")


def _tell(fates: Counter[Fate], order: _Order) -> None:
    """Print the totals. Ends the command with exit code 1 when something could not be sent."""
    would = "would be " if order.dry_run else ""
    click.echo(f"{counted(fates['sent'], 'dead letter')} {would}sent back to {order.topic.origin}", err=True)
    for fate, why in _LEFT.items():
        if fates[fate]:
            click.echo(f"{fates[fate]:,} {why}", err=True)
    left = fates["too_large"] + fates["gone"]
    if left:
        raise CheckFailed(f"{counted(left, 'dead letter')} could not be sent back")


async def _redrive(cluster: Cluster, partitions: int, order: _Order, *, must_ask: bool) -> Counter[Fate]:
    check_partitions([*order.selection.partitions, *(partition for partition, _ in order.places)], partitions)
    try:
        async with contextlib.AsyncExitStack() as closing:
            letters = await closing.enter_async_context(DeadLetters(cluster, order.topic, partitions))
            originals = await closing.enter_async_context(Originals(cluster, order.topic.origin, partitions))
            picked = [await letter_at(letters, place) for place in sorted(order.places)]
            if must_ask:
                await _ask(cluster, letters, picked, order, partitions, originals)
            # Done before the memory is read, so that no other process can still change it.
            sender = None if order.dry_run else await closing.enter_async_context(Sender(cluster, order.topic))
            memory = await sent_before(cluster, letters)
            fates: Counter[Fate] = Counter()
            async with contextlib.aclosing(_all(letters, picked, order, partitions, memory, originals, sender)) as done:
                async for one in done:
                    fates[one.fate] += 1
                    if one.fate != "already":
                        _print(one, order)
            return fates
    except RedriveError as error:
        raise CheckFailed(str(error)) from None


def _all(
    letters: DeadLetters,
    picked: Sequence[Letter],
    order: _Order,
    partitions: int,
    memory: Mapping[int, SentBack],
    originals: Originals,
    sender: Sender | None,
) -> AsyncGenerator[Redrive, None]:
    options = order.options(partitions)
    if order.places:
        return redrive_single(picked, options, memory, originals, sender)
    return redrive_selected(letters, order.selection, options, memory, originals, sender, order.limit)


async def _ask(
    cluster: Cluster, letters: DeadLetters, picked: Sequence[Letter], order: _Order, partitions: int, originals: Originals
) -> None:
    """Count what would be sent, and continue if the user confirms."""
    memory = await sent_before(cluster, letters)
    counts: Counter[str] = Counter()
    async for one in _all(letters, picked, order, partitions, memory, originals, None):
        if one.fate == "sent":
            counts[one.letter.content.reason] += 1
    if counts:
        ask(f"Send {counted(counts.total(), 'dead letter')} back to {order.topic.origin}{totals(counts)}?")


def _print(one: Redrive, order: _Order) -> None:
    content = one.letter.content
    attempt = one.letter.attempts + 1
    if order.as_json:
        fate = "would_be_sent" if order.dry_run and one.fate == "sent" else one.fate
        target = {"topic": order.topic.origin, "partition": one.partition, **bytes_object("key", one.key), "attempt": attempt}
        fields = {"partition": one.letter.partition, "offset": one.letter.offset, "reason": content.reason, "outcome": fate, "to": target}
        if isinstance(content, UndeliveredTrigger):
            fields |= {"campaign": content.campaign or None, "target": content.target or None, "trigger_id": content.trigger_id or None}
        print_line(fields)
        return
    key = key_text(one.key) if one.key == content.key else f"{key_text(one.key)} (was {key_text(content.key)})"
    why = content.reason
    if isinstance(content, UndeliveredTrigger):
        why += f", campaign {printable(content.campaign) or '-'}"
    if one.fate == "sent":
        click.echo(f"{one.letter.place} -> {order.topic.origin} {one.partition}, key {key}, {why}, attempt {attempt}")
    elif one.fate == "attempts":
        click.echo(f"{one.letter.place} left after {counted(one.letter.attempts, 'attempt')}, key {key}, {why}")
    elif one.fate == "gone":
        click.echo(f"{one.letter.place} left, cut and its original gone, key {key}, {why}")
    else:
        click.echo(f"{one.letter.place} left, too large, key {key}, {why}")
