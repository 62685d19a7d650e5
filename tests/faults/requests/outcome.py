"""Compares published records with the output of `etapa simulate`, byte for byte."""

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, KafkaError, TopicPartition

from etapa.contracts.partitioner import partition_of
from etapa.settings import Settings
from tests.faults.installation.log_ends import committed_ends
from tests.servers.processes import wait_until

_SECONDS = 60.0
_SIMULATE_SECONDS = 300.0
_MOST_AT_ONCE = 5_000
_WAIT = 0.05

ByCustomer = Mapping[bytes, Sequence[bytes]]


class Reader:
    """Reads one topic as a `read_committed` consumer does, each record once."""

    def __init__(self, servers: str, settings: Settings, topic: str) -> None:
        self._servers = servers
        self._partitions = settings.partitions
        self._places = [(topic, number) for number in range(settings.partitions)]
        self._reached = dict.fromkeys(range(settings.partitions), 0)
        self._found: dict[int, dict[bytes, list[bytes]]] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": servers,
                # A group is required, but never joined: the partitions are assigned by hand.
                "group.id": f"{topic}-reader",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
                "log_level": 2,
            }
        )
        self._consumer.assign([TopicPartition(topic, number, 0) for topic, number in self._places])

    def more(self) -> Mapping[int, ByCustomer]:
        """What was committed since the last call: values by partition and key, in order."""
        self._found = defaultdict(lambda: defaultdict(list))
        ends = {number: end for (_, number), end in committed_ends(self._servers, self._places).items()}

        def is_through() -> bool:
            self._read()
            return all(self._reached[number] >= end for number, end in ends.items())

        wait_until(is_through, _SECONDS, "the reading of what was published", 0)
        return self._found

    def close(self) -> None:
        self._consumer.close()

    def _read(self) -> None:
        for message in self._consumer.consume(_MOST_AT_ONCE, _WAIT):
            number = message.partition() or 0
            error = message.error()
            if error is None:
                self._found[number][message.key() or b""].append(message.value() or b"")
            elif error.code() == KafkaError._PARTITION_EOF:
                self._reached[number] = message.offset() or 0
            elif error.fatal() or error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise RuntimeError(error.str())


def simulated(journey: Path, values: Iterable[bytes], *, triggers: bool = False) -> dict[bytes, list[bytes]]:
    """The output of `etapa simulate` for these touchpoints, by customer."""
    command = [sys.executable, "-m", "etapa", "simulate", "--journey", str(journey), "-", *(["--triggers"] if triggers else [])]
    done = subprocess.run(
        command, input=b"".join(value + b"\n" for value in values), capture_output=True, timeout=_SIMULATE_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"etapa simulate: {done.stderr.decode()[-500:]}")
    found: dict[bytes, list[bytes]] = defaultdict(list)
    for line in done.stdout.splitlines():
        found[msgspec.json.decode(line, type=_OfCustomer).customer_id.encode()].append(line)
    return found


class _OfCustomer(msgspec.Struct):
    customer_id: str


def differences(published: Mapping[int, ByCustomer], expected: ByCustomer, partitions: int) -> dict[int, list[str]]:
    """What is wrong, by partition."""
    found: dict[int, list[str]] = defaultdict(list)
    here: dict[bytes, Sequence[bytes]] = {}
    for number, by_customer in published.items():
        for customer, values in by_customer.items():
            if partition_of(customer.decode(), partitions) != number:
                found[number].append(f"{customer.decode()} is published in partition {number}")
            here[customer] = values
    for customer in expected.keys() | here.keys():
        wanted, got = expected.get(customer, ()), here.get(customer, ())
        if list(wanted) != list(got):
            found[partition_of(customer.decode(), partitions)].append(f"{customer.decode()}: {_difference(wanted, got)}")
    return found


def _difference(wanted: Sequence[bytes], got: Sequence[bytes]) -> str:
    lost, surplus = Counter(wanted) - Counter(got), Counter(got) - Counter(wanted)
    if not lost and not surplus:
        return f"{len(got)} published in another order"
    again = sum(number for value, number in surplus.items() if value in wanted)
    return f"of {len(wanted)}, {lost.total()} lost, {again} repeated, {surplus.total() - again} that should not be"
