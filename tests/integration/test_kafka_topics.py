import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError

from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.security import client_options
from etapa.stream.kafka.topics import TopicReport, TopicsError, check_topics, create_topics, judge_configs, wanted_topics
from tests.integration.places import grow, new_place, new_settings
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


def test_what_the_brokers_refuse_is_told_in_their_words(kafka_server: KafkaServer) -> None:
    with pytest.raises(TopicsError, match=r"touchpoints: .*replication factor"):
        create(new_settings(kafka_server.bootstrap_servers, replication=3))


def test_no_broker_is_told_with_the_address() -> None:
    settings = new_settings("127.0.0.1:1")
    with pytest.raises(TopicsError, match=r"at 127\.0\.0\.1:1"):
        create(settings)
    with pytest.raises(KafkaConnectionError):
        asyncio.run(check_topics(Cluster(settings)))


def test_topic_settings_that_lose_states_or_block_dead_letters_are_warned_of() -> None:
    settings = Settings()
    fitting = {"touchpoints": {"max.message.bytes": "1048588"}, "dead-letters": {"max.message.bytes": "2000000"}}
    assert judge_configs(settings, {**fitting, "customer-state": {"cleanup.policy": "compact"}}) == {}
    assert judge_configs(settings, {}) == {}
    warned = judge_configs(settings, {"customer-state": {"cleanup.policy": "compact,delete"}})
    assert "cleanup.policy=compact,delete" in warned["customer-state"]
    equal = {name: {"max.message.bytes": "1048588"} for name in ("touchpoints", "dead-letters")}
    assert "Set it to at least 1114124" in judge_configs(settings, equal)["dead-letters"]
