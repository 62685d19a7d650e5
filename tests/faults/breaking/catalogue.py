"""All faults, by name."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from tests.faults.breaking import kafka_faults, network_faults, redis_faults, shortage_faults, worker_faults
from tests.faults.installation.installation import Installation

Fault = Callable[[Installation, Random], str]
"""Breaks something and repairs it. Returns what was broken, for the report."""

CATALOGUE: Mapping[str, Fault] = {
    "worker-kill": worker_faults.kill,
    "worker-kill-all": worker_faults.kill_all,
    "worker-freeze": worker_faults.freeze,
    "worker-stall": worker_faults.stall,
    "worker-deploy": worker_faults.deploy,
    "broker-kill": kafka_faults.kill_broker,
    "broker-kill-transactions": kafka_faults.kill_transaction_coordinator,
    "broker-kill-group": kafka_faults.kill_group_coordinator,
    "broker-freeze": kafka_faults.freeze_broker,
    "broker-restart": kafka_faults.restart_brokers,
    "leaders-move": kafka_faults.move_leaders,
    "replicas-move": kafka_faults.move_replicas,
    "redis-kill-empty": redis_faults.kill_empty,
    "redis-kill-file": redis_faults.kill_with_file,
    "redis-promote": redis_faults.promote,
    "redis-flush": redis_faults.flush,
    "redis-full": redis_faults.fill,
    "redis-scripts": redis_faults.forget_scripts,
    "redis-stall": redis_faults.stall,
    "redis-disk-full": shortage_faults.fill_redis_disk,
    "redis-save-fails": shortage_faults.fail_redis_saves,
    "broker-disk-full": shortage_faults.fill_broker_disk,
    "kafka-read-only": shortage_faults.lack_replicas,
    "network-cut": network_faults.cut,
    "network-reset": network_faults.reset,
    "network-hold-to": network_faults.hold_to,
    "network-hold-from": network_faults.hold_from,
    "network-delay": network_faults.delay,
}

MORE_OFTEN: Mapping[str, int] = {"worker-kill": 8}
"""How often a fault occurs in each round; the others occur once."""


AND = " + "
"""Separates the names of simultaneous faults."""


def a_round(kinds: Sequence[str], random: Random) -> list[str]:
    """Every fault of `kinds`, in random order."""
    names = [kind for kind in kinds for _ in range(MORE_OFTEN.get(kind, 1))]
    random.shuffle(names)
    return names


def pairs(kinds: Sequence[str], random: Random) -> list[str]:
    """Every fault of `kinds`, each together with one that hits something else, in random order."""
    names = []
    for kind in a_round(kinds, random):
        others = [other for other in kinds if what_it_hits(other) != what_it_hits(kind)]
        names.append(AND.join([kind, random.choice(others)]) if others else kind)
    return names


def what_it_hits(kind: str) -> str:
    """What a fault hits: the first word of its name, except that all Kafka faults count as one, as two brokers at once are one too many."""
    word = kind.split("-", maxsplit=1)[0]
    return "broker" if word in ("leaders", "replicas", "kafka") else word
