"""`etapa forget`: erase a customer, in order with everything else in the log, and certify what Kafka still has and by when it is gone."""

from pathlib import Path

import click

from etapa.commands.export import Progress, write_private
from etapa.commands.terminal.confirmation import ask, somebody_can_be_asked, yes_option
from etapa.commands.terminal.failures import CheckFailed, WrongUse, reason
from etapa.commands.terminal.interruption import told_if_interrupted
from etapa.commands.terminal.kafka_access import on_kafka
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.words import counted
from etapa.contracts.outgoing.forget_certificate import CertificateError, ForgetCertificate, encode_certificate, read_certificate
from etapa.contracts.rfc3339 import format_time, microseconds_of
from etapa.contracts.stored.mark import MarkError
from etapa.contracts.stored.state import StateError
from etapa.contracts.stored.transfer import TransferError
from etapa.hosting.foreign_text import printable
from etapa.hosting.system_clock import SystemClock
from etapa.journey.engine.deny_list import DenyKey
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.upkeep.forgetting import NotForgotten, certify, have_forgotten, remaining, see_that_it_is_done
from etapa.stream.upkeep.person_ids import PersonIds
from etapa.stream.upkeep.personal_places import personal_places
from etapa.stream.upkeep.personal_records import PersonalRecord, PersonalRecords, committed_records
from etapa.stream.upkeep.rebuild import NobodyAtWork

_GOES_ON = (
    "If the request is in the log already, the workers do it; otherwise nobody was forgotten. Run the same command again to be certain:"
    " forgetting twice changes nothing more."
)


@click.command(short_help="Erase a customer, with a certificate.")
@click.argument("customer_id", metavar="CUSTOMER")
@click.option(
    "--certificate",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write where records about the customer still are, and by when Kafka has removed them.",
)
@click.option(
    "--verify",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Erase nothing; read every topic and say what is left of what this certificate names.",
)
@yes_option
@settings_flags("kafka_bootstrap_servers", "group")
def forget(customer_id: str, certificate: Path | None, verify: Path | None, yes: bool, **flags: str | None) -> None:
    """Erase everything that Etapa keeps of a customer: state, timers, memories, held triggers, open goals.

    The owner of the customer's partition does it when it reads the request. Touchpoints of this id that come late or again change nothing
    for ETAPA_FORGET_READMIT_AFTER. What was published before stays in its topics until Kafka removes it; the certificate says by when.
    """
    settings = settings_from(flags).settings
    if settings.forget_key is None:
        raise WrongUse("ETAPA_FORGET_KEY is not set. Forgotten customers are recognised with it; all workers need the same one")
    if verify is not None and certificate is not None:
        raise WrongUse("--certificate makes one, and --verify checks one: give only one of them")
    key = DenyKey(settings.forget_key.reveal().encode())
    progress = Progress()
    try:
        if verify is not None:
            made = _read(verify, customer_id, key)
            who = PersonIds(customer_id, digests=[made.customer_digest, *made.linked_digests], key=key)
            found = on_kafka(settings, lambda cluster, count: _look(cluster, count, customer_id, who, progress))
            progress.end()
            _say_what_is_left(made, found, SystemClock().now())
            return
        if somebody_can_be_asked(yes=yes):
            ask(f"Erase everything that Etapa keeps of {printable(customer_id)}? This cannot be undone.")
        with told_if_interrupted(_GOES_ON):
            who, done = on_kafka(settings, lambda cluster, count: _forget(cluster, count, customer_id, settings, key, progress))
    except (NotForgotten, MarkError, StateError, TransferError) as error:
        raise CheckFailed(str(error)) from None
    except NobodyAtWork:
        raise CheckFailed(
            f"no worker is in group {settings.group}. The request is in the log, and the next worker that starts does it; run the command"
            " again then for a certificate"
        ) from None
    finally:
        progress.end()
    if certificate is not None:
        write_private(certificate, encode_certificate(done))
    for line in _lines(customer_id, who, done):
        click.echo(line, err=True)


def _read(path: Path, customer_id: str, key: DenyKey) -> ForgetCertificate:
    try:
        return read_certificate(path.read_bytes(), customer_id, key)
    except OSError as error:
        raise WrongUse(f"{path}: cannot be read: {reason(error)}") from None
    except CertificateError as error:
        raise WrongUse(f"{path}: {error}") from None


async def _look(cluster: Cluster, partitions: int, customer_id: str, who: PersonIds, progress: Progress) -> list[PersonalRecord]:
    places = await personal_places(cluster, customer_id, partitions)
    return await remaining(cluster, committed_records(cluster, progress.tell), who, places)


async def _forget(
    cluster: Cluster, partitions: int, customer_id: str, settings: Settings, key: DenyKey, progress: Progress
) -> tuple[PersonIds, ForgetCertificate]:
    clock = SystemClock()
    at = clock.now()
    request = ForgetRequest(customer_id, key.digest(customer_id), at, at + settings.forget_readmit_after)
    places = await personal_places(cluster, customer_id, partitions)
    read = committed_records(cluster, progress.tell)
    who = await PersonalRecords(read, settings, PersonIds(customer_id), places).all_ids()
    sent = await have_forgotten(cluster, read, request, who, places)
    found = await remaining(cluster, read, who, places)
    see_that_it_is_done(found, settings.topic_customer_state)
    return who, await certify(cluster, sent, found, who, key, clock.now)


def _lines(customer_id: str, who: PersonIds, certificate: ForgetCertificate) -> list[str]:
    others = [printable(each) for each in who.ids if each != customer_id]
    with_others = f", and so are the other ids of the same person: {', '.join(others)}" if others else ""
    lines = [
        f"{printable(customer_id)} is forgotten{with_others}.",
        f"Touchpoints of this id change nothing until {format_time(microseconds_of(certificate.request.readmitted_after))}.",
    ]
    for place in certificate.remaining:
        gone = "no time follows from" if place.gone_by is None else f"gone by {format_time(microseconds_of(place.gone_by))}, from"
        lines.append(
            f"{place.topic} {place.partition}: {counted(place.records, 'record')} up to offset {place.last_offset}; {gone} {place.because}"
        )
    return lines


def _say_what_is_left(certificate: ForgetCertificate, found: list[PersonalRecord], now: int) -> None:
    """Ends the command with 1 if anything that the certificate names is still there, or anything is about the customer that it does not name."""
    left = 0
    by_place: dict[tuple[str, int], list[int]] = {}
    for one in found:
        by_place.setdefault((one.topic, one.partition), []).append(one.record.offset)
    for place in certificate.remaining:
        offsets = by_place.pop((place.topic, place.partition), [])
        still = sum(offset <= place.last_offset for offset in offsets)
        left += len(offsets)
        if still:
            by = None if place.gone_by is None else microseconds_of(place.gone_by)
            due = "without a time" if by is None else f"due by {format_time(by)}{', which is over' if by < now else ''}"
            click.echo(f"{place.topic} {place.partition}: {counted(still, 'record')} up to offset {place.last_offset} left, {due}")
        if len(offsets) > still:
            click.echo(f"{place.topic} {place.partition}: {counted(len(offsets) - still, 'record')} that came since")
    for (topic, partition), offsets in sorted(by_place.items()):
        left += len(offsets)
        click.echo(f"{topic} {partition}: {counted(len(offsets), 'record')} that the certificate does not name")
    if left:
        raise CheckFailed(f"{counted(left, 'record')} about the customer left")
    click.echo("nothing is left in any topic", err=True)
