"""Members of a group with a name of their own (KIP-345, `group.instance.id`): one that starts again under it keeps its partitions.

Within the session timeout, the coordinator gives it what its predecessor had, at once and without a rebalance, so that nobody else
stops. Fencing does not depend on names: a takeover always shuts the predecessor's producer out.
"""

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.group_coordinator import GroupCoordinator


def look_out_for_more_partitions(consumer: AIOKafkaConsumer) -> None:
    """Have a member with a name join anew when its topic has more partitions. Call it after each assignment.

    Only the leader of a group looks. A leader that starts again under its name remains the leader, but is not told so (KIP-814), so
    nobody would look. When a member joins that is not the leader, the coordinator starts no rebalance.
    """
    coordinator = _named(consumer)
    if coordinator is not None and coordinator._group_subscription is None:
        coordinator._group_subscription = set(consumer.subscription())
        coordinator._metadata_snapshot = coordinator._get_metadata_snapshot()


def forgotten_name(consumer: AIOKafkaConsumer) -> str | None:
    """The name of a member that the coordinator has just disowned; none if it has no name, or still is a member."""
    coordinator = _named(consumer)
    return coordinator._group_instance_id if coordinator is not None and coordinator.generation < 0 else None


def leave_for_good(consumer: AIOKafkaConsumer) -> None:
    """Have its `stop` tell the coordinator that it leaves. aiokafka does not for members with a name, and others would wait for them."""
    coordinator = _named(consumer)
    if coordinator is not None:
        coordinator._group_instance_id = None


def _named(consumer: AIOKafkaConsumer) -> GroupCoordinator | None:
    coordinator = consumer._coordinator
    return coordinator if isinstance(coordinator, GroupCoordinator) and coordinator._group_instance_id is not None else None
