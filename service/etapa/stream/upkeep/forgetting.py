"""Has a customer forgotten: writes the request into the log, waits until its partition's owner has done it, and finds what Kafka still has.

Nothing is erased here. The owner of the partition does that, in the order of the log and in a transaction, like everything else.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from etapa.contracts.incoming.forget_request import encode_forget_request
from etapa.contracts.outgoing.forget_certificate import ForgetCertificate, RemainingPlace, RequestPlace, signed
from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import moment_of
from etapa.errors import EtapaError
from etapa.journey.engine.deny_list import DenyKey
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.reading.state_topic import StateTopic
from etapa.stream.kafka.topic_settings import topic_settings
from etapa.stream.kafka.writing.producer import close_producer
from etapa.stream.protocol.belonging import MayPass
from etapa.stream.protocol.takeover import last_mark
from etapa.stream.upkeep.lifetimes import lifetime
from etapa.stream.upkeep.personal_records import PersonalRecord, PersonalRecords, ReadSoFar
from etapa.stream.upkeep.rebuild import NobodyAtWork, workers_of

LOOK_SECONDS = 0.2
LOOKS_BETWEEN_COUNTS = 25
"""Looks at the mark between two looks whether any worker is there."""


class NotForgotten(EtapaError):
    """The owner of the partition read the request and did not do it."""


class WrittenRequest(msgspec.Struct, frozen=True):
    """A request in the log."""

    request: ForgetRequest
    partition: int
    offset: int


async def send_request(cluster: Cluster, request: ForgetRequest, partitions: int) -> WrittenRequest:
    """Write the request to the customer's partition of `touchpoints`. Raises `LogError`."""
    topic, partition = cluster.settings.topic_touchpoints, partition_of(request.customer_id, partitions)
    key, value, headers = encode_forget_request(request)
    # Written twice, it does nothing more. Without a right to write, an idempotent producer would be refused something else first.
    producer = cluster.producer(f"{cluster.settings.group}-forget", acks="all")
    with log_errors(f"writing to {topic} {partition}"):
        try:
            async with asyncio.timeout(cluster.session_seconds):
                await producer.start()
                written = await producer.send_and_wait(topic, value, key, partition=partition, headers=list(headers))
        finally:
            await close_producer(producer, "the request")
    return WrittenRequest(request, partition, written.offset)


async def wait_until_done(cluster: Cluster, sent: WrittenRequest) -> None:
    """Wait until the partition's owner has committed the batch with the request.

    Raises `NobodyAtWork` if there is no worker; the request stays in the log, and the next worker does it. Raises `LogError` and `MarkError`.
    """
    looks = 0
    async with StateTopic(cluster, sent.partition) as states:
        while True:
            try:
                last = await last_mark(states, *await states.state_range())
            except MayPass:
                last = None
            if last is not None and last.mark.through >= sent.offset:
                return
            looks += 1
            if looks % LOOKS_BETWEEN_COUNTS == 0 and not await workers_of(cluster):
                raise NobodyAtWork
            await asyncio.sleep(LOOK_SECONDS)


async def remaining(cluster: Cluster, customer_id: str, partitions: int, read_so_far: ReadSoFar) -> list[PersonalRecord]:
    """Every record about the customer in any topic, states and tombstones included. Raises `LogError`."""
    settings = cluster.settings
    records = PersonalRecords(cluster, customer_id, partitions, read_so_far)
    found: list[PersonalRecord] = []
    for topic in (
        settings.topic_customer_state,
        settings.topic_touchpoints,
        settings.topic_stage_changes,
        settings.topic_campaign_triggers,
        settings.topic_campaign_outcomes,
    ):
        found += await records.keyed(topic)
    found += await records.mentioned(settings.topic_dead_letters)
    return found + (await records.undelivered() or [])


async def certify(
    cluster: Cluster, sent: WrittenRequest, found: Sequence[PersonalRecord], key: DenyKey, now: Callable[[], int]
) -> ForgetCertificate:
    """The signed certificate about what was found once the request was done. Raises `LogError`."""
    topics = sorted({one.topic for one in found})
    with log_errors("asking for the topics' settings"):
        async with asyncio.timeout(cluster.session_seconds), cluster.admin() as admin:
            settings = await topic_settings(admin, topics)
    places: dict[tuple[str, int], list[PersonalRecord]] = {}
    for one in found:
        places.setdefault((one.topic, one.partition), []).append(one)
    remain = []
    for (topic, partition), there in sorted(places.items()):
        latest = max(now(), *(one.record.timestamp for one in there))
        life = lifetime(settings.get(topic, {}), latest)
        remain.append(
            RemainingPlace(
                topic=topic,
                partition=partition,
                records=len(there),
                last_offset=max(one.record.offset for one in there),
                removed_by=life.removed_by,
                gone_by=None if life.gone_by is None else moment_of(life.gone_by),
                because=life.because,
            )
        )
    request = sent.request
    certificate = ForgetCertificate(
        customer_digest=request.digest.hex(),
        request=RequestPlace(
            topic=cluster.settings.topic_touchpoints,
            partition=sent.partition,
            offset=sent.offset,
            at=moment_of(request.at),
            readmitted_after=moment_of(request.until),
        ),
        remaining=remain,
    )
    return signed(certificate, key)


def see_that_it_is_done(found: Sequence[PersonalRecord], topic_customer_state: str) -> None:
    """Raises `NotForgotten` if the last record of the customer in `customer-state` is a state."""
    states = [one for one in found if one.topic == topic_customer_state]
    if states and states[-1].record.value is not None:
        raise NotForgotten(
            "the customer still has a state: the worker did not do what was asked. It may have another ETAPA_FORGET_KEY, or none; the request"
            " is then a dead letter (`etapa dead-letters list --reason invalid`)"
        )
