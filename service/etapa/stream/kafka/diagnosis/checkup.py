"""What `etapa doctor` checks in Kafka. It changes nothing, except that Kafka then knows the doctor's own transactional id."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import GroupCoordinatorNotAvailableError

from etapa.contracts.stored.mark import MARK_KEY, MarkError, decode_mark
from etapa.contracts.stored.state import StateError
from etapa.hosting.check_result import CheckResult, Level
from etapa.hosting.system_clock import SystemClock
from etapa.stream.kafka.clients.consumer import stop_consumer
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.diagnosis.hanging_checkup import check_open_transactions
from etapa.stream.kafka.diagnosis.probe import find_trouble, trouble_behind
from etapa.stream.kafka.diagnosis.topic_checkup import check_topics_and_rights
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe
from etapa.stream.kafka.groups.broker_bounds import TimeoutRefused, about_timeout
from etapa.stream.kafka.reading.brokers_clocks import BrokersClocks, disagreement_in_words
from etapa.stream.kafka.reading.stamps import EndsOfTransactions
from etapa.stream.kafka.reading.state_topic import StateTopic
from etapa.stream.kafka.topics.topic_ids import worker_topics_now
from etapa.stream.kafka.transactions.features import TRANSACTION_VERSION, finalized_features
from etapa.stream.kafka.transactions.wire import ApiVersionsRequest
from etapa.stream.kafka.writing.producer import close_producer
from etapa.stream.protocol.belonging import OF_ANOTHER_VERSION, LastMark, is_state
from etapa.stream.protocol.ports import LogError

_STEP_SECONDS = 20.0
_GROUP_LOOKS = 40
_GROUP_PAUSE = 0.25
_LAST_RECORDS = 200
"""How many records at the end are searched for the last mark, which ends each batch."""

Check = Callable[[Cluster, AIOKafkaAdminClient], Awaitable[list[CheckResult]]]


async def check_kafka(cluster: Cluster, *, for_links: bool = False) -> list[CheckResult]:
    """Everything that can be found out, or why Kafka cannot be reached. `for_links`: whether the journey joins ids. Raises no errors from Kafka."""
    trouble = await find_trouble(cluster)
    if trouble is not None:
        return [CheckResult.of(trouble, "connection")]
    results: list[CheckResult] = []
    try:
        async with asyncio.timeout(4 * _STEP_SECONDS), cluster.admin() as admin:
            brokers = admin._client.cluster.brokers()
            results.append(_line("connection", "good", f"{cluster.address} answers; brokers: {len(brokers)}"))
            checks: Sequence[tuple[str, Check]] = (
                ("transactions", _protocol),
                ("topics", partial(check_topics_and_rights, for_links=for_links)),
                ("topic ids", _recreated_topics),
                ("transactions", check_open_transactions),
                ("group", _group),
                ("transactions", _transactional_id),
                ("time-outs", _bounds),
                ("clock", _clock),
            )
            for name, check in checks:
                results += await _done(check, name, cluster, admin)
    except KAFKA_FAILURES as error:
        results += await _failed(cluster, "connection", error)
    return results


async def _done(check: Check, name: str, cluster: Cluster, admin: AIOKafkaAdminClient) -> list[CheckResult]:
    try:
        async with asyncio.timeout(_STEP_SECONDS):
            return await check(cluster, admin)
    except (*KAFKA_FAILURES, LogError) as error:
        return await _failed(cluster, name, error)


async def _failed(cluster: Cluster, name: str, error: BaseException) -> list[CheckResult]:
    trouble = await trouble_behind(cluster, error)
    if trouble is not None:
        return [CheckResult.of(trouble, name)]
    found = str(error) if isinstance(error, LogError) else describe(error)
    return [_line(name, "bad", f"this check failed: {found}", "Look at the brokers' logs, and try again")]


def _line(check: str, level: Level, found: str, advice: str = "") -> CheckResult:
    return CheckResult("Kafka", check, level, found, advice)


async def _protocol(cluster: Cluster, admin: AIOKafkaAdminClient) -> list[CheckResult]:
    answer = await admin._send_request(ApiVersionsRequest("etapa", "doctor"))
    level = finalized_features(getattr(answer, "tags", None) or {}).get(TRANSACTION_VERSION, 0)
    if level >= 2:
        return [_line("transactions", "good", f"the cluster has {TRANSACTION_VERSION} {level}")]
    advice = f"kafka-features.sh --bootstrap-server … upgrade --feature {TRANSACTION_VERSION}=2, once all brokers are of Kafka 4.0 or newer"
    found = f"the cluster has {TRANSACTION_VERSION} {level}, with which a request that comes late can end the wrong transaction"
    return [_line("transactions", "warning", found, advice)]


async def _recreated_topics(cluster: Cluster, admin: AIOKafkaAdminClient) -> list[CheckResult]:
    """Compare the topics' ids at the brokers with those in the last mark of each partition."""
    settings = cluster.settings
    now = await worker_topics_now(admin._client, settings)
    results, marks = [], 0
    for partition in range(now.partitions):
        async with StateTopic(cluster, partition) as states:
            first, end = await states.state_range()
            last = state = None
            async for chunk in states.states(max(first, end - _LAST_RECORDS), end):
                last = next((one.value for one in reversed(chunk) if one.key == MARK_KEY), last)
                state = next((one for one in reversed(chunk) if is_state(one)), state)
        if last is None:
            continue
        marks += 1
        try:
            mark = decode_mark(last)
            LastMark(end, mark, state).see_that_states_can_be_read()
        except (MarkError, StateError) as error:
            found = f"partition {partition} of {settings.topic_customer_state} holds what this version cannot use: {error}"
            results.append(_line("states", "bad", found, OF_ANOTHER_VERSION))
            continue
        if mark.group != settings.group:
            found = f"partition {partition} of {settings.topic_customer_state} was written by the group {mark.group}"
            results.append(_line("topic ids", "bad", found, "Give each group output topics of its own (ETAPA_TOPIC_…), or set ETAPA_GROUP"))
        if mark.partitions != now.partitions:
            found = f"customers were placed when there were {mark.partitions} partitions, and now there are {now.partitions}"
            results.append(
                _line("topic ids", "bad", found, "Bring the old number back, or start over with new output topics and a new group")
            )
        for role, id_ in mark.topics.items():
            if now.ids.get(role, id_) != id_:
                found = (
                    f"{now.names[role]} was deleted and recreated since partition {partition} was processed (id {id_}, now {now.ids[role]})"
                )
                results.append(_line("topic ids", "bad", found, "Restore it; else start over with new output topics, group and prefix"))
    return results or [
        _line(
            "topic ids", "good", f"the marks of {marks} partitions name the topics that there are" if marks else "nothing was processed yet"
        )
    ]


async def _group(cluster: Cluster, admin: AIOKafkaAdminClient) -> list[CheckResult]:
    settings = cluster.settings
    results = [await _usable(admin, settings.group, settings.topic_touchpoints)]
    if settings.delivery is not None:
        results.append(await _usable(admin, settings.delivery_group, settings.topic_campaign_triggers))
    return results


async def _usable(admin: AIOKafkaAdminClient, group: str, topic: str) -> CheckResult:
    places = [TopicPartition(topic, 0)]
    for left in range(_GROUP_LOOKS, -1, -1):
        try:
            await admin.list_consumer_group_offsets(group, partitions=places)
            break
        except GroupCoordinatorNotAvailableError:
            # The first group of a new cluster: the brokers are creating the offsets topic.
            if not left:
                raise
            await asyncio.sleep(_GROUP_PAUSE)
    return _line("group", "good", f"the group {group} may be used")


async def _transactional_id(cluster: Cluster, admin: AIOKafkaAdminClient) -> list[CheckResult]:
    """Request a producer id: the only way to find out whether transactions are allowed, and for how long."""
    id_ = f"{cluster.settings.group}.doctor"
    producer = cluster.producer(f"etapa-{id_}", transactional_id=id_, transaction_timeout_ms=cluster.settings.session_timeout // 1000)
    try:
        await producer.start()
    except TimeoutRefused as error:
        return [_line("transactions", "bad", await about_timeout(cluster, error))]
    finally:
        await close_producer(producer, id_)
    return [_line("transactions", "good", f"transactional ids that begin with {cluster.settings.group}. may be used")]


async def _bounds(cluster: Cluster, admin: AIOKafkaAdminClient) -> list[CheckResult]:
    brokers = admin._client.cluster.brokers()
    names = ("group.min.session.timeout.ms", "group.max.session.timeout.ms")
    resource = ConfigResource(ConfigResourceType.BROKER, str(min(broker.nodeId for broker in brokers)), dict.fromkeys(names))
    answers = await admin.describe_configs([resource])
    told = {entry[0]: entry[1] for answer in answers for code, _, _, _, entries in answer.resources if not code for entry in entries}
    if not all(told.get(name) for name in names):
        return [_line("time-outs", "good", "the brokers do not tell what they allow; a worker finds out when it starts")]
    least, most = (int(told[name]) for name in names)
    ours = cluster.settings.session_timeout // 1000
    if least <= ours <= most:
        return [_line("time-outs", "good", f"a session of {ours} ms is within what brokers take ({least} to {most})")]
    return [
        _line(
            "time-outs",
            "bad",
            f"brokers take sessions of {least} to {most} ms, and ours has {ours}",
            "Set ETAPA_SESSION_TIMEOUT within that",
        )
    ]


async def _clock(cluster: Cluster, admin: AIOKafkaAdminClient) -> list[CheckResult]:
    settings = cluster.settings
    count = (await worker_topics_now(admin._client, settings)).partitions
    places = [TopicPartition(settings.topic_customer_state, partition) for partition in range(count)]
    consumer = cluster.reading_consumer()
    clock, clocks = SystemClock(), BrokersClocks()
    try:
        await consumer.start()
        consumer.assign(places)
        consumer.pause(*places)
        for stamp in await EndsOfTransactions(consumer, places, clock).look():
            clocks.saw(stamp)
    finally:
        await stop_consumer(consumer)
    apart = clocks.farthest(clock.now(), clock.elapsed())
    if apart is None:
        return [_line("clock", "good", "no transaction has ended yet, so the brokers' clocks are not known")]
    addresses = {broker.nodeId: f"{broker.host}:{broker.port}" for broker in consumer._client.cluster.brokers()}
    wrong = disagreement_in_words(apart, addresses)
    return [_line("clock", "bad", wrong) if wrong else _line("clock", "good", "the brokers' time stamps agree with the clock here")]
