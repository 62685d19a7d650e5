import asyncio
import re
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError

from etapa.settings import Settings
from etapa.stream.kafka.clients.security import client_options
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topic_settings import judged, topic_settings
from etapa.stream.kafka.topics.creation import TopicReport, TopicsError, check_delivery_topics, check_topics, create_topics, wanted_topics
from etapa.stream.kafka.topics.growth import provide_transfers
from tests.integration.places import alter, grow, new_place, new_settings
from tests.servers.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka


def create(settings: Settings) -> list[TopicReport]:
    return asyncio.run(create_topics(Cluster(settings)))


def test_all_topics_are_made_with_equal_partitions_and_a_second_run_leaves_them_as_they_are(kafka_server: KafkaServer) -> None:
    settings = new_settings(kafka_server.bootstrap_servers, partitions=3)
    first = create(settings)
    assert {report.name for report in first} == {topic.name for topic in wanted_topics(settings)}
    assert {(report.partitions, report.created, report.warning) for report in first} == {(3, True, None)}
    second = create(settings)
    assert {(report.partitions, report.created, report.warning) for report in second} == {(3, False, None)}
    assert asyncio.run(check_topics(Cluster(settings))) == []


def test_the_state_topic_is_compacted_and_dead_letters_take_whatever_touchpoints_take(kafka_server: KafkaServer) -> None:
    async def scenario() -> dict[str, dict[str, str]]:
        settings = await new_place(kafka_server.bootstrap_servers)
        admin = AIOKafkaAdminClient(**client_options(settings))
        await admin.start()
        names = {"state": settings.topic_customer_state, "letters": settings.topic_dead_letters, "touchpoints": settings.topic_touchpoints}
        [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names.values()])
        await admin.close()
        found = {name: {entry[0]: entry[1] for entry in entries} for _, _, _, name, entries in answer.resources}
        return {short: found[name] for short, name in names.items()}

    configs = asyncio.run(scenario())
    assert configs["state"]["cleanup.policy"] == "compact"
    assert configs["letters"]["cleanup.policy"] == "delete"
    assert int(configs["letters"]["max.message.bytes"]) > int(configs["touchpoints"]["max.message.bytes"])


def test_other_partition_counts_are_refused_before_anything_is_made(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, partitions=2)
        options = client_options(settings)
        await grow(settings, settings.topic_dead_letters, 5)
        admin = AIOKafkaAdminClient(**options)
        await admin.start()
        await admin.delete_topics([settings.topic_stage_changes])
        async with asyncio.timeout(60):
            while settings.topic_stage_changes in await admin.list_topics():
                await asyncio.sleep(0.05)
        with pytest.raises(TopicsError, match=r"here 2: .*dead-letters has 5"):
            await create_topics(Cluster(settings))
        assert settings.topic_stage_changes not in await admin.list_topics()
        await admin.close()

    asyncio.run(scenario())


def test_a_worker_is_told_which_topics_are_missing_and_which_partitions_differ(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = new_settings(kafka_server.bootstrap_servers)
        with pytest.raises(TopicsError, match=r"no topic .*touchpoints"):
            await check_topics(Cluster(settings))
        await create_topics(Cluster(settings))
        await grow(settings, settings.topic_stage_changes, 3)
        with pytest.raises(TopicsError, match="stage-changes has 3"):
            await check_topics(Cluster(settings))

    asyncio.run(scenario())


def test_a_worker_whose_journey_joins_ids_is_told_what_makes_the_topic_for_that(kafka_server: KafkaServer) -> None:
    settings = asyncio.run(new_place(kafka_server.bootstrap_servers))
    cluster = Cluster(settings)
    assert asyncio.run(check_topics(cluster)) == []
    with pytest.raises(TopicsError, match=f"through the topic {settings.topic_transfers}.*`etapa topics create --links` makes it"):
        asyncio.run(check_topics(cluster, for_links=True))
    asyncio.run(provide_transfers(cluster, 1))
    with pytest.raises(TopicsError, match=r"has 1 partition, and needs 2.*`etapa topics create --links` adds them"):
        asyncio.run(check_topics(cluster, for_links=True))
    asyncio.run(provide_transfers(cluster, 2))
    assert asyncio.run(check_topics(cluster, for_links=True)) == []


def test_what_the_brokers_refuse_is_told_in_their_words(kafka_server: KafkaServer) -> None:
    with pytest.raises(TopicsError, match=r"touchpoints: .*replication factor"):
        create(new_settings(kafka_server.bootstrap_servers, replication=3))


def test_no_broker_is_told_with_the_address() -> None:
    settings = new_settings("127.0.0.1:1")
    with pytest.raises(TopicsError, match=r"at 127\.0\.0\.1:1"):
        create(settings)
    with pytest.raises(KafkaConnectionError):
        asyncio.run(check_topics(Cluster(settings)))


@pytest.mark.parametrize(
    ("topic", "configs", "why"),
    [
        ("touchpoints", {"cleanup.policy": "compact"}, "ETAPA_ALLOW_COMPACTED_TOUCHPOINTS=on"),
        ("touchpoints", {"cleanup.policy": "compact,delete"}, "customers that are processed late end up in wrong stages"),
        ("customer_state", {"cleanup.policy": "delete"}, "retention.ms=604800000: states of quiet customers are deleted"),
        ("customer_state", {"cleanup.policy": "compact,delete", "retention.ms": "60000"}, "retention.ms=60000"),
        ("campaign_triggers", {"cleanup.policy": "compact"}, "would never be delivered"),
        ("dead_letters", {"cleanup.policy": "compact"}, "a letter without a key could not be written"),
    ],
)
def test_a_topic_whose_policy_would_make_results_wrong_is_refused(
    kafka_server: KafkaServer, topic: str, configs: dict[str, str], why: str
) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        name = getattr(settings, f"topic_{topic}")
        await alter(settings, name, configs)
        for refusing in (check_topics, create_topics):
            with pytest.raises(TopicsError, match=re.escape(name)) as refusal:
                await refusing(Cluster(settings))
            assert why in str(refusal.value)
            assert "kafka-configs.sh --alter" in str(refusal.value)

    asyncio.run(scenario())


def test_delivery_refuses_triggers_that_are_compacted(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await check_delivery_topics(Cluster(settings))
        await alter(settings, settings.topic_campaign_triggers, {"cleanup.policy": "compact"})
        with pytest.raises(TopicsError, match="would never be delivered"):
            await check_delivery_topics(Cluster(settings))

    asyncio.run(scenario())


def test_compacted_touchpoints_are_read_when_that_is_allowed_in_so_many_words(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, allow_compacted_touchpoints="on")
        await alter(settings, settings.topic_touchpoints, {"cleanup.policy": "compact"})
        [warning] = await check_topics(Cluster(settings))
        assert "ETAPA_ALLOW_COMPACTED_TOUCHPOINTS is on" in warning

    asyncio.run(scenario())


def test_states_that_are_never_deleted_and_changes_that_are_compacted_are_warned_of(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await alter(settings, settings.topic_customer_state, {"cleanup.policy": "delete", "retention.ms": "-1"})
        await alter(settings, settings.topic_stage_changes, {"cleanup.policy": "compact"})
        warned = {report.name: report.warning for report in await create_topics(Cluster(settings))}
        assert "grows with every batch" in (warned[settings.topic_customer_state] or "")
        assert "late readers miss some" in (warned[settings.topic_stage_changes] or "")

    asyncio.run(scenario())


def test_nothing_is_made_when_one_of_the_topics_is_refused(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = new_settings(kafka_server.bootstrap_servers)
        async with Cluster(settings).admin() as admin:
            # In topic names, brokers treat a dot and an underscore as equal.
            await admin.create_topics([NewTopic(settings.topic_customer_state.replace(".", "_"), 1, 1)])
            with pytest.raises(TopicsError, match=r"customer-state: .*collides") as refusal:
                await create_topics(Cluster(settings))
            assert not set(await admin.list_topics()) & {topic.name for topic in wanted_topics(settings)}
        assert "Created so far" not in str(refusal.value)
        assert "--without SETTING" in str(refusal.value)

    asyncio.run(scenario())


def test_what_was_made_before_something_failed_is_named_and_a_second_run_goes_on(
    kafka_server: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        settings = new_settings(kafka_server.bootstrap_servers)
        create = AIOKafkaAdminClient.create_topics

        async def forgetful(admin: AIOKafkaAdminClient, topics: list[NewTopic], *, validate_only: bool = False) -> Any:
            """Like brokers that notice only while creating topics that there are too many."""
            answer = await create(admin, topics if validate_only else topics[:2], validate_only=validate_only)
            if not validate_only:
                answer.topic_errors += [(topic.name, 44, "no more than 2 topics") for topic in topics[2:]]
            return answer

        with monkeypatch.context() as broken:
            broken.setattr(AIOKafkaAdminClient, "create_topics", forgetful)
            with pytest.raises(TopicsError, match="no more than 2 topics") as refusal:
                await create_topics(Cluster(settings))
        assert f"Created so far: {settings.topic_touchpoints}, {settings.topic_stage_changes}; a second run continues" in str(refusal.value)
        reports = await create_topics(Cluster(settings))
        assert [report.created for report in reports] == [False, False, *[True] * (len(reports) - 2)]

    asyncio.run(scenario())


def test_a_setting_that_is_left_out_is_the_brokers(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = new_settings(kafka_server.bootstrap_servers)
        await create_topics(Cluster(settings), ["segment.bytes", "max.message.bytes"])
        async with Cluster(settings).admin() as admin:
            told = await topic_settings(admin, [settings.topic_customer_state, settings.topic_dead_letters])
        assert told[settings.topic_customer_state]["segment.bytes"] == str(2**30)
        assert told[settings.topic_customer_state]["cleanup.policy"] == "compact"
        assert told[settings.topic_dead_letters]["max.message.bytes"] == "1048588"

    asyncio.run(scenario())


def test_topics_that_are_made_without_what_they_need_are_refused_and_named(kafka_server: KafkaServer) -> None:
    settings = new_settings(kafka_server.bootstrap_servers)
    with pytest.raises(TopicsError, match=r"customer-state has cleanup\.policy=delete") as refusal:
        asyncio.run(create_topics(Cluster(settings), ["cleanup.policy"]))
    assert f"Created so far: {settings.topic_touchpoints}, " in str(refusal.value)


def test_dead_letters_that_take_less_than_touchpoints_are_warned_of() -> None:
    settings = Settings()
    fitting = {"touchpoints": {"max.message.bytes": "1048588"}, "dead-letters": {"max.message.bytes": "2000000"}}
    assert judged(settings, {**fitting, "customer-state": {"cleanup.policy": "compact"}}) == ([], {})
    assert judged(settings, {}) == ([], {})
    equal = {name: {"max.message.bytes": "1048588"} for name in ("touchpoints", "dead-letters")}
    assert "Set it to at least 1114124" in judged(settings, equal).warnings["dead-letters"]
