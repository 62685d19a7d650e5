"""`etapa topics accept`: accept a topic that was deleted and created again on purpose."""

import click

from etapa.commands.terminal.confirmation import ask, somebody_can_be_asked, yes_option
from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.kafka_access import on_kafka
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.contracts.stored.delivery_progress import DeliveryProgressError
from etapa.contracts.stored.mark import REPLACEABLE_ROLES, MarkError, TopicRole
from etapa.deliver.offsets.new_topic import accept_triggers
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topics.topic_ids import role_names
from etapa.stream.protocol.belonging import PartitionRefused, loss_of
from etapa.stream.upkeep.acceptance import NothingProcessed, accept_replacement


@click.command(short_help="Accept an output topic that was created again on purpose.")
@click.argument("topic")
@yes_option
@settings_flags("kafka_bootstrap_servers", "group", "start")
def accept(topic: str, yes: bool, **flags: str | None) -> None:
    """Accept TOPIC, which was deleted and created again on purpose, in place of the one that was there before.

    When a topic is not the one that they know, workers refuse its partitions and `etapa deliver` ends. This command lets them continue. It
    accepts stage-changes, campaign-triggers, campaign-outcomes and dead-letters, which workers only write, by the names that they have here. Workers may run
    meanwhile. The new campaign-triggers is delivered from its beginning (with ETAPA_START=latest: from its end).
    """
    settings = settings_from(flags).settings
    role = _role_of(settings, topic)
    if somebody_can_be_asked(yes=yes):
        ask(f"Accept {topic} as it is now? If it was created again, {loss_of(role)}.")
    try:
        accepted = on_kafka(settings, lambda cluster, count: _accept(cluster, count, role))
    except (MarkError, DeliveryProgressError) as error:
        raise CheckFailed(str(error)) from None
    except PartitionRefused as error:
        raise CheckFailed(f"nothing was changed there: {error}") from None
    if not accepted:
        click.echo(f"{topic} is known already; nothing was changed", err=True)


def _role_of(settings: Settings, topic: str) -> TopicRole:
    names = role_names(settings)
    for role, name in names.items():
        if name == topic:
            if role in REPLACEABLE_ROLES:
                return role
            raise WrongUse(
                f"{topic} cannot be accepted once it was recreated: {loss_of(role)}. Bring the old topic back, or start from the beginning,"
                " with new output topics, another ETAPA_GROUP and another ETAPA_REDIS_PREFIX"
            )
    allowed = ", ".join(names[role] for role in REPLACEABLE_ROLES)
    raise WrongUse(f"{topic} is not a topic that Etapa writes here; those are: {allowed}")


async def _accept(cluster: Cluster, count: int, role: TopicRole) -> bool:
    accepted = False
    for partition in range(count):
        try:
            done = await accept_replacement(cluster, partition, role)
        except NothingProcessed:
            continue
        if done:
            click.echo(f"partition {partition}: workers continue with it", err=True)
        accepted = accepted or done
    if role == "campaign-triggers":
        for partition, offset in await accept_triggers(cluster):
            click.echo(f"partition {partition}: delivery as {cluster.settings.delivery_group} begins at offset {offset}", err=True)
            accepted = True
    return accepted
