"""Has a customer forgotten: writes the request into the log, waits until its partition's owner has done it, and finds what Kafka still has.

Nothing is erased here. The owner of the partition does that, in the order of the log and in a transaction, like everything else.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

import msgspec

from etapa.contracts.incoming.forget_request import encode_forget_request
from etapa.contracts.outgoing.forget_certificate import ForgetCertificate, RemainingPlace, RequestPlace, signed
from etapa.contracts.rfc3339 import moment_of
from etapa.contracts.stored.mark import Mark
from etapa.contracts.stored.transfer import ANNOUNCER, decode_transfer
from etapa.errors import EtapaError
from etapa.journey.engine.deny_list import DenyKey
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.groups.workers import workers_of
from etapa.stream.kafka.reading.state_topic import StateTopic
from etapa.stream.kafka.reading.topic_reader import TopicReader
from etapa.stream.kafka.topic_settings import topic_settings
from etapa.stream.kafka.topics.creation import TopicsError
from etapa.stream.kafka.writing.producer import close_producer
from etapa.stream.protocol.belonging import MayPass
from etapa.stream.protocol.takeover import last_mark
from etapa.stream.redis.customer_search import MOST_HOPS
from etapa.stream.upkeep.lifetimes import Lifetime, lifetime
from etapa.stream.upkeep.person_ids import PersonIds
from etapa.stream.upkeep.personal_places import PersonalPlaces, topic_partitions
from etapa.stream.upkeep.personal_records import PersonalRecord, PersonalRecords, ReadPartitions
from etapa.stream.upkeep.rebuild import NobodyAtWork

LOOK_SECONDS = 0.2
LOOKS_BETWEEN_COUNTS = 25
"""Looks at the mark between two looks whether any worker is there."""
_MOST_FORWARDS = 2
"""A request is read at home and forwarded once, or twice while the number of partitions changes."""
_LOOK_BACK = 64
"""How many offsets before the end of a partition of `transfers` its last records are looked for, at first."""
_STAYS = "the customer moved while the request was done, and its forwarding address stays until the customer is forgotten once more"


class NotForgotten(EtapaError):
    """The owner of the partition read the request and did not do it."""


class WrittenRequest(msgspec.Struct, frozen=True):
    """A request in the log."""

    request: ForgetRequest
    partition: int
    offset: int


async def have_forgotten(
    cluster: Cluster, read: ReadPartitions, request: ForgetRequest, who: PersonIds, places: PersonalPlaces
) -> WrittenRequest:
    """Write the request, and wait until it is done. Returns the request in the customer's home.

    Partitions that the customer has left get it, too, for what they hold is a forwarding address with the id. `who`: all ids of the person;
    where it lives, they are forgotten together.
    Raises `NobodyAtWork` if there is no worker; the request stays in the log, and the next worker does it. Raises `LogError`, `MarkError`
    and `TransferError`.
    """
    left: Sequence[int] = ()
    if len(places.partitions) > 1:
        left = (await PersonalRecords(read, cluster.settings, PersonIds(request.customer_id), places).state()).left
    written = [await _send_request(cluster, request, partition) for partition in dict.fromkeys([places.home, *left])]
    for sent in written:
        await _wait_for_mark(cluster, sent.partition, partial(_is_through, sent.offset))
    # Each link may have added a place on the way; and once it is done, every other place is told, and may have to tell one more.
    for _ in range(min(len(who.ids), MOST_HOPS) + _MOST_FORWARDS + 1 if places.transfers else 0):
        await _wait_until_taken_in(cluster, min(places.transfers, places.all_partitions))
    return written[0]


async def _send_request(cluster: Cluster, request: ForgetRequest, partition: int) -> WrittenRequest:
    topic = cluster.settings.topic_touchpoints
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


def _is_through(offset: int, mark: Mark) -> bool:
    return mark.through >= offset


async def _wait_until_taken_in(cluster: Cluster, partitions: int) -> None:
    """Wait until each of these partitions has taken in what `transfers` holds for it now."""
    async with TopicReader(cluster, cluster.settings.topic_transfers) as reader:
        sent = {partition: await _last_sent(reader, partition) for partition in range(partitions)}
    for partition, numbers in sent.items():
        await _wait_for_mark(cluster, partition, partial(_has_taken, numbers))


async def _last_sent(reader: TopicReader, partition: int) -> dict[int, int]:
    """The numbers of the last transfers to a partition, by sender."""
    first, end = await reader.range_of(partition)
    start, look_back = end, _LOOK_BACK
    numbers: dict[int, int] = {}
    # What brokers note about transactions has offsets, too.
    while not numbers and start > first:
        start, look_back = max(first, end - look_back), look_back * 8
        async for records in reader.between(partition, start, end):
            for transfer in (decode_transfer(record.value) for record in records):
                if transfer.sender != ANNOUNCER:
                    numbers[transfer.sender] = max(transfer.number, numbers.get(transfer.sender, 0))
    return numbers


def _has_taken(numbers: Mapping[int, int], mark: Mark) -> bool:
    taken = {} if mark.moving is None else mark.moving.taken
    return all(taken.get(sender, 0) >= number for sender, number in numbers.items())


async def _wait_for_mark(cluster: Cluster, partition: int, is_enough: Callable[[Mark], bool]) -> None:
    looks = 0
    async with StateTopic(cluster, partition) as states:
        while True:
            try:
                last = await last_mark(states, *await states.state_range())
            except MayPass:
                last = None
            if last is not None and is_enough(last.mark):
                return
            looks += 1
            if looks % LOOKS_BETWEEN_COUNTS == 0 and not await workers_of(cluster):
                raise NobodyAtWork
            await asyncio.sleep(LOOK_SECONDS)


async def remaining(cluster: Cluster, read: ReadPartitions, who: PersonIds, places: PersonalPlaces) -> list[PersonalRecord]:
    """Every record about the person in any topic, states and tombstones included. Raises `LogError` and `TransferError`.

    Raises `TopicsError` if `transfers` cannot be seen though customers have moved through it.
    """
    settings = cluster.settings
    if places.is_transfers_hidden:
        raise TopicsError(
            f"customers have moved between partitions, but {settings.topic_transfers}, through which they did, does not exist, or access"
            " control hides it. Nothing can be certified without reading it"
        )
    records = PersonalRecords(read, settings, who, places)
    found = await records.stored()
    for topic in (
        settings.topic_touchpoints,
        settings.topic_stage_changes,
        settings.topic_campaign_triggers,
        settings.topic_campaign_outcomes,
    ):
        found += await records.keyed(topic)
    found += await records.transferred()
    found += await records.mentioned(settings.topic_dead_letters)
    undelivered = settings.topic_campaign_trigger_dead_letters
    return found if await topic_partitions(cluster, undelivered) is None else found + await records.keyed(undelivered)


async def certify(
    cluster: Cluster, sent: WrittenRequest, found: Sequence[PersonalRecord], who: PersonIds, key: DenyKey, now: Callable[[], int]
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
        if topic == cluster.settings.topic_customer_state and any(one.is_address for one in _last_of_each(there)):
            life = Lifetime("compaction", None, _STAYS)
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
        linked_digests=tuple(key.digest(each).hex() for each in who.ids if each != request.customer_id),
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
    """Raises `NotForgotten` if the last record of one of the ids in a partition of `customer-state` is a state, or a list of ids."""
    if any(one.is_state or one.lists_ids for one in _last_of_each([one for one in found if one.topic == topic_customer_state])):
        raise NotForgotten(
            "the customer still has a state: the worker did not do what was asked. It may have another ETAPA_FORGET_KEY, or none; the request"
            " is then a dead letter (`etapa dead-letters list --reason invalid`). Or the customer was moving to another partition just then: run the"
            " command again"
        )


def _last_of_each(found: Iterable[PersonalRecord]) -> Collection[PersonalRecord]:
    """The last record with each key in each partition."""
    return {(one.partition, one.record.key): one for one in found}.values()
