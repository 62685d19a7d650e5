"""Faults of Kafka. Each returns when it is over, and says what was done."""

import time
from collections.abc import Collection, Mapping
from random import Random
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from etapa.stream.kafka.writing.producer import transactional_id
from tests.faults.installation.installation import BROKERS, Installation
from tests.faults.installation.log_ends import hanging_transactions
from tests.faults.installation.placement import Place, elect_preferred, reassign
from tests.servers.processes import wait_until

_SECONDS = 120.0
TRANSACTIONS = "__transaction_state"
OFFSETS = "__consumer_offsets"


def kill_broker(installation: Installation, random: Random) -> str:
    """`kill -9` of a random broker, and a start after a while."""
    return _kill(installation, random, random.choice(BROKERS))


def kill_transaction_coordinator(installation: Installation, random: Random) -> str:
    """`kill -9` of the broker that coordinates some partition's transactions."""
    name = transactional_id(installation.settings, random.randrange(installation.settings.partitions))
    return _kill(installation, random, _coordinator(installation, TRANSACTIONS, name))


def kill_group_coordinator(installation: Installation, random: Random) -> str:
    """`kill -9` of the broker that coordinates the workers' group."""
    return _kill(installation, random, _coordinator(installation, OFFSETS, installation.settings.group))


def freeze_broker(installation: Installation, random: Random) -> str:
    """SIGSTOP of a broker, for a moment or until the others have dropped it; then SIGCONT."""
    broker = random.choice(BROKERS)
    seconds = random.uniform(1, 9)
    installation.kafka.freeze_node(broker)
    time.sleep(seconds)
    installation.kafka.thaw_node(broker)
    return f"broker {broker}, {seconds:.1f} s"


def restart_brokers(installation: Installation, random: Random) -> str:
    """A rolling restart: stop one broker after the other; the next follows when all replicas are in sync again."""
    for broker in random.sample(BROKERS, len(BROKERS)):
        installation.kafka.stop_node(broker)
        installation.kafka.start_node(broker)
        installation.kafka.wait_node(broker)
        wait_until_in_sync(installation)
    return f"{len(BROKERS)} brokers"


def move_leaders(installation: Installation, random: Random) -> str:
    """Give every partition of every topic another leader."""
    order = {place: random.sample(BROKERS, len(BROKERS)) for place in _leaders(installation)}
    servers = installation.kafka.bootstrap_servers
    reassign(servers, order)
    elect_preferred(servers, list(order))
    return f"{len(order)} partitions"


def move_replicas(installation: Installation, random: Random) -> str:
    """A broker's replicas of all our topics are deleted; then it gets new ones."""
    broker = random.choice(BROKERS)
    ours = [place for place in _leaders(installation) if not place[0].startswith("__")]
    others = [one for one in BROKERS if one != broker]
    servers = installation.kafka.bootstrap_servers
    reassign(servers, {place: random.sample(others, 2) for place in ours})
    wait_until(lambda: all(len(copies) == 2 for copies in _in_sync(installation, ours).values()), _SECONDS, "the copies' removal")
    reassign(servers, {place: [broker, *random.sample(others, 2)] for place in ours})
    wait_until_in_sync(installation)
    elect_preferred(servers, ours)
    return f"{len(ours)} partitions off broker {broker} and back"


def wait_until_in_sync(installation: Installation) -> None:
    """Wait until every partition has all its replicas in sync."""

    def is_in_sync() -> bool:
        return all(len(copies) == len(BROKERS) for copies in _in_sync(installation).values())

    wait_until(is_in_sync, _SECONDS, "every partition's having all its copies", poll=0.2)


def hanging(installation: Installation) -> list[Place]:
    """Partitions with an open transaction. The coordinators' own log has none."""
    places = [place for place in _leaders(installation) if place[0] != TRANSACTIONS]
    return hanging_transactions(installation.kafka.bootstrap_servers, places)


def _kill(installation: Installation, random: Random, broker: int) -> str:
    seconds = random.uniform(0, 6)
    installation.kafka.kill_node(broker)
    time.sleep(seconds)
    installation.kafka.start_node(broker)
    installation.kafka.wait_node(broker)
    return f"broker {broker}, started after {seconds:.1f} s"


def _admin(installation: Installation) -> AdminClient:
    return AdminClient({"bootstrap.servers": installation.kafka.bootstrap_servers, "log_level": 2})


def _partitions(installation: Installation) -> Mapping[Place, Any]:
    topics = _admin(installation).list_topics(timeout=20).topics
    return {(name, number): partition for name, topic in topics.items() for number, partition in topic.partitions.items()}


def _leaders(installation: Installation) -> Mapping[Place, int]:
    return {place: partition.leader for place, partition in _partitions(installation).items()}


def _in_sync(installation: Installation, places: Collection[Place] | None = None) -> Mapping[Place, list[int]]:
    """The in-sync replicas."""
    try:
        found = _partitions(installation)
    except KafkaException:
        return {("no broker answers", 0): []}
    return {place: partition.isrs for place, partition in found.items() if places is None or place in places}


def _coordinator(installation: Installation, topic: str, name: str) -> int:
    """The leader of the internal topic's partition that holds `name`, chosen by Java's String.hashCode."""
    code = 0
    for character in name:
        code = (31 * code + ord(character)) & 0xFFFFFFFF
    leaders = {number: leader for (where, number), leader in _leaders(installation).items() if where == topic}
    return leaders[(code & 0x7FFFFFFF) % len(leaders)]
