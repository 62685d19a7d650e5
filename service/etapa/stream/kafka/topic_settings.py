"""The topics' settings as the brokers report them, and what is wrong with them for us.

Using a topic and reading its settings are different rights. A setting that we may not read is assumed to be correct.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion

from etapa.settings import Settings, variable_of

POLICY = "cleanup.policy"
LARGEST = "max.message.bytes"
LETTER_OVERHEAD = 64 * 1024
"""Room for the headers that a dead letter adds to the original record."""
_FOR_EVER = "-1"

TopicSettings = Mapping[str, Mapping[str, str]]
"""By topic, then by name. Topics whose settings the brokers do not report are missing."""


class Findings(NamedTuple):
    """What is wrong. A refusal means that no work may begin, since results would be silently wrong; a warning does not."""

    refusals: Sequence[str]
    warnings: Mapping[str, str]
    """By topic."""


async def topic_settings(admin: AIOKafkaAdminClient, names: Sequence[str]) -> TopicSettings:
    """What the brokers report about these topics. Raises what aiokafka raises."""
    if not names:
        return {}
    try:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    except IncompatibleBrokerVersion:
        # A broker that does not support the request, such as the demo's.
        return {}
    return {
        name: {entry[0]: entry[1] for entry in entries} for answer in answers for code, _, _, name, entries in answer.resources if not code
    }


def judged(settings: Settings, found: TopicSettings) -> Findings:
    """What is wrong with these topics."""
    refusals: list[str] = []
    warnings: dict[str, str] = {}
    _judge_touchpoints(settings, found, refusals, warnings)
    for topic, loss, growth in (
        (
            settings.topic_customer_state,
            "states of quiet customers are deleted and these customers forgotten",
            "the time to refill Redis",
        ),
        (
            settings.topic_delivery_progress,
            "what was delivered is forgotten and then delivered again",
            "the time to take a partition over",
        ),
    ):
        _judge_what_is_kept(topic, loss, growth, found, refusals, warnings)
    for topic, loss in (
        (settings.topic_campaign_triggers, "a trigger followed by another for the same customer would never be delivered"),
        (
            settings.topic_campaign_outcomes,
            "outcomes followed by another for the same customer would be removed before they are counted",
        ),
        (
            settings.topic_dead_letters,
            "a letter without a key could not be written, which would block its partition, and others would be removed",
        ),
        (settings.topic_campaign_trigger_dead_letters, "letters would be removed before anybody has seen them"),
        (settings.topic_transfers, "what has no key cannot be written, so that no customer could move to another partition"),
    ):
        if is_compacted(topic, found):
            refusals.append(f"{topic} has {POLICY}={found[topic][POLICY]}: {loss}. Set it to delete ({_altering(topic, 'delete')})")
    changes = settings.topic_stage_changes
    if is_compacted(changes, found):
        warnings[changes] = (
            f"{changes} has {POLICY}={found[changes][POLICY]}: Kafka removes changes followed by another for the same customer, so"
            " late readers miss some. Set it to delete unless only the last one counts"
        )
    letters, touchpoints = (found.get(topic, {}).get(LARGEST) for topic in (settings.topic_dead_letters, settings.topic_touchpoints))
    if letters and touchpoints and int(letters) < int(touchpoints) + LETTER_OVERHEAD:
        warnings[settings.topic_dead_letters] = (
            f"{settings.topic_dead_letters} takes records up to {LARGEST}={letters}, but {settings.topic_touchpoints} up to"
            f" {touchpoints}: the dead letter of a large record would be cut. Set it to at least {int(touchpoints) + LETTER_OVERHEAD}"
        )
    return Findings(refusals, warnings)


def _judge_touchpoints(settings: Settings, found: TopicSettings, refusals: list[str], warnings: dict[str, str]) -> None:
    topic = settings.topic_touchpoints
    if not is_compacted(topic, found):
        return
    what = (
        f"{topic} has {POLICY}={found[topic][POLICY]}: Kafka removes touchpoints followed by another from the same customer, so"
        " customers that are processed late end up in wrong stages"
    )
    if settings.allow_compacted_touchpoints == "on":
        warnings[topic] = f"{what}. {variable_of('allow_compacted_touchpoints')} is on, so the topic is read anyway"
    else:
        refusals.append(
            f"{what}. Set it to delete ({_altering(topic, 'delete')}), or have it read anyway with"
            f" {variable_of('allow_compacted_touchpoints')}=on"
        )


def _judge_what_is_kept(topic: str, loss: str, growth: str, found: TopicSettings, refusals: list[str], warnings: dict[str, str]) -> None:
    told = found.get(topic, {})
    policy = told.get(POLICY, "compact")
    if "delete" not in policy:
        return
    bounds = {name: told[name] for name in ("retention.ms", "retention.bytes") if told.get(name, _FOR_EVER) != _FOR_EVER}
    if bounds:
        bound = " and ".join(f"{name}={value}" for name, value in bounds.items())
        refusals.append(f"{topic} has {POLICY}={policy} and {bound}: {loss}. Set it to compact ({_altering(topic, 'compact')})")
    elif "compact" not in policy:
        warnings[topic] = f"{topic} has {POLICY}={policy}: it grows with every batch, and with it {growth}. Set it to compact"


def is_compacted(topic: str, found: TopicSettings) -> bool:
    """Whether Kafka removes records of this topic once a later one has the same key; false when unknown."""
    return "compact" in found.get(topic, {}).get(POLICY, "")


def _altering(topic: str, policy: str) -> str:
    return f"kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {POLICY}={policy}"
