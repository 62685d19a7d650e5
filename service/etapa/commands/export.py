"""`etapa export`: everything that is kept of one customer, as one JSON document."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import click
import msgspec

from etapa.commands.files.journey_files import journey_from
from etapa.commands.terminal.failures import CheckFailed, WrongUse, reason
from etapa.commands.terminal.kafka_access import on_kafka
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.words import counted
from etapa.contracts.outgoing.personal_data import kept_record, kept_state, kept_transfer
from etapa.contracts.outgoing.personal_data_message import KeptRecordMessage, KeptStateMessage, PersonalDataMessage
from etapa.contracts.rfc3339 import moment_of
from etapa.contracts.stored.mark import MarkError
from etapa.contracts.stored.state import StateError, decode_state
from etapa.contracts.stored.transfer import TransferError
from etapa.hosting.system_clock import SystemClock
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.judging.recollection import recollect
from etapa.journey.engine.judging.visits import stages_visited
from etapa.journey.engine.queries.beginnings import stages_by_digest
from etapa.journey.language.model import Journey
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.upkeep.person_ids import PersonIds
from etapa.stream.upkeep.personal_places import personal_places, topic_partitions
from etapa.stream.upkeep.personal_records import PersonalRecord, PersonalRecords, PersonalState, committed_records

TELL_EVERY = 1.0
"""Seconds between two updates of the progress."""


@click.command(short_help="Write everything that is kept of a customer.")
@click.argument("customer_id", metavar="CUSTOMER")
@click.option(
    "--out",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to this file, which only its owner can read (mode 0600).",
)
@settings_flags("journey", "kafka_bootstrap_servers")
def export(customer_id: str, path: Path | None, **flags: str | None) -> None:
    """Write everything that is kept of a customer as one JSON document. Its JSON Schema is in schemas/.

    It reads Kafka's topics from beginning to end, which takes a while if they are large; nothing is changed. Exit code 1 if nothing is kept
    of a customer with this id.
    """
    settings = settings_from(flags).settings
    journey = journey_from(settings.journey_path)
    progress = Progress()
    try:
        document = on_kafka(settings, lambda cluster, count: _document(cluster, count, customer_id, journey, progress))
    except (MarkError, StateError, TransferError, EvaluationFailed) as error:
        raise CheckFailed(str(error)) from None
    finally:
        progress.end()
    if not is_anything(document):
        raise CheckFailed(f"nothing is kept of a customer {customer_id!r}; ids are compared letter by letter")
    for topic in document.not_read:
        click.echo(f"{topic} was not read: it does not exist, or access control hides it", err=True)
    encoded = msgspec.json.format(msgspec.json.encode(document))
    if path is None:
        echo_json(encoded)
    else:
        write_private(path, encoded + b"\n")
        click.echo(f"{path}: {in_short(document)}", err=True)


class Progress:
    """One line on a terminal, overwritten while topics are read."""

    def __init__(self) -> None:
        self._next = monotonic() + TELL_EVERY
        self._shown = False

    def tell(self, topic: str, done: int, total: int) -> None:
        """Show how much of a partition of `topic` has been read, at most once a second."""
        if monotonic() >= self._next and sys.stderr.isatty():
            self._next = monotonic() + TELL_EVERY
            self._shown = True
            click.echo(f"\r\x1b[Kreading {topic}: {done:,} of {total:,}", err=True, nl=False)

    def end(self) -> None:
        """Remove the line."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)


async def _document(cluster: Cluster, partitions: int, customer_id: str, journey: Journey, progress: Progress) -> PersonalDataMessage:
    settings = cluster.settings
    places = await personal_places(cluster, customer_id, partitions)
    read = committed_records(cluster, progress.tell)
    who = await PersonalRecords(read, settings, PersonIds(customer_id), places).all_ids()
    records = PersonalRecords(read, settings, who, places)
    now = SystemClock().now()
    state = await records.state()
    has_undelivered = await topic_partitions(cluster, settings.topic_campaign_trigger_dead_letters) is not None
    not_read = [] if has_undelivered else [settings.topic_campaign_trigger_dead_letters]
    if places.is_transfers_hidden:
        not_read.append(settings.topic_transfers)
    return PersonalDataMessage(
        customer_id=customer_id,
        customer_ids=who.ids,
        exported_at=moment_of(now),
        journey=journey.id,
        journey_version=journey.version,
        forwarded_from=state.left,
        state=_state(state, journey, now),
        touchpoints=_records(await records.keyed(settings.topic_touchpoints)),
        stage_changes=_records(await records.keyed(settings.topic_stage_changes)),
        campaign_triggers=_records(await records.keyed(settings.topic_campaign_triggers)),
        campaign_outcomes=_records(await records.keyed(settings.topic_campaign_outcomes)),
        dead_letters=_records(await records.mentioned(settings.topic_dead_letters)),
        undelivered_triggers=_records(await records.keyed(settings.topic_campaign_trigger_dead_letters)) if has_undelivered else [],
        transfers=[_transfer(one) for one in await records.transferred()],
        not_read=not_read,
    )


def _state(found: PersonalState, journey: Journey, now: int) -> KeptStateMessage | None:
    if found.latest is None:
        return None
    record = found.latest.record
    customer = decode_state(record.value or b"", (record.key or b"").decode(), found.common)
    memories = recollect(journey, customer, now)
    visited = stages_visited(customer, stages_by_digest([stage.id for stage in journey.stages]))
    topic, partition = found.latest.topic, found.latest.partition
    return kept_state(customer, memories, topic, partition, record.offset, record.timestamp, visited=visited, earlier=found.earlier)


def _records(found: Sequence[PersonalRecord]) -> list[KeptRecordMessage]:
    return [
        kept_record(one.topic, one.partition, one.record.offset, one.record.timestamp, one.record.value, one.record.headers)
        for one in found
    ]


def _transfer(found: PersonalRecord) -> KeptRecordMessage:
    record = found.record
    return kept_transfer(found.topic, found.partition, record.offset, record.timestamp, record.value)


def is_anything(document: PersonalDataMessage) -> bool:
    """Whether anything was found."""
    return document.state is not None or any(
        (
            document.touchpoints,
            document.stage_changes,
            document.campaign_triggers,
            document.campaign_outcomes,
            document.dead_letters,
            document.undelivered_triggers,
            document.transfers,
            document.forwarded_from,
        )
    )


def in_short(document: PersonalDataMessage) -> str:
    """What was found, in a line."""
    parts = [
        "no state" if document.state is None else "a state",
        counted(len(document.touchpoints), "touchpoint"),
        counted(len(document.stage_changes), "stage change"),
        counted(len(document.campaign_triggers), "trigger"),
        counted(len(document.campaign_outcomes), "outcome"),
        counted(len(document.dead_letters) + len(document.undelivered_triggers), "dead letter"),
    ]
    if document.transfers:
        parts.append(counted(len(document.transfers), "transfer"))
    return ", ".join(parts)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read. Ends the command when that fails."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            # An existing file may have been open to others.
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
    except OSError as error:
        raise WrongUse(f"{path}: cannot be written: {reason(error)}") from None
