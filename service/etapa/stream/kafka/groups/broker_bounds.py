"""The brokers' limits on time-outs, and the message for a worker that exceeds them.

Such a refusal is permanent: the brokers repeat it until one of the two settings is changed.
"""

from collections.abc import Sequence

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidSessionTimeoutError, InvalidTransactionTimeout, KafkaError

from etapa.settings import variable_of
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES

_SESSION = ("group.min.session.timeout.ms", "group.max.session.timeout.ms")
_TRANSACTION = ("transaction.max.timeout.ms",)

TimeoutRefused = (InvalidSessionTimeoutError, InvalidTransactionTimeout)


async def about_timeout(cluster: Cluster, error: KafkaError, group: str | None = None) -> str:
    """What is wrong with our time-out, in words, after one of `TimeoutRefused`. `group` is the workers' by default."""
    in_session = isinstance(error, InvalidSessionTimeoutError)
    names = _SESSION if in_session else _TRANSACTION
    found = await _told(cluster, names)
    milliseconds = cluster.settings.session_timeout // 1000
    if in_session:
        bounds = " to ".join(found) if len(found) == len(names) else f"what {' and '.join(names)} say"
        what = f"the group {group or cluster.settings.group} a session of {milliseconds} ms: brokers take {bounds}"
    else:
        most = found[0] if found else f"what {names[0]} says"
        what = f"transactions of {milliseconds} ms: brokers take {most} at most"
    variable = variable_of("session_timeout")
    return f"Kafka at {cluster.address} refuses {what}. Set {variable}, which is {milliseconds / 1000:g}s, within that, or change it there"


async def _told(cluster: Cluster, names: Sequence[str]) -> list[str]:
    """Each of these broker settings as name=value, in order; empty when we may not ask."""
    try:
        async with cluster.admin() as admin:
            brokers = admin._client.cluster.brokers()
            resource = ConfigResource(ConfigResourceType.BROKER, str(min(broker.nodeId for broker in brokers)), dict.fromkeys(names))
            answers = await admin.describe_configs([resource])
    except (*KAFKA_FAILURES, ValueError):
        return []
    told = {entry[0]: entry[1] for answer in answers for code, _, _, _, entries in answer.resources if not code for entry in entries}
    return [f"{name}={told[name]}" for name in names if told.get(name)]
