"""A private broker: the mock cluster of librdkafka, inside this process, reached over 127.0.0.1.

It is a test double of Kafka's protocol, not Kafka. The differences, and what users of this module must do about them:

- It has no request to create topics; a metadata request for a topic creates it, always with four partitions.
- It keeps about 5 MB of each partition and drops the oldest batches beyond that, read or not: producers must wait
for slow readers themselves.
- It answers a fetch with one batch of a partition, however many there are: small batches make reading slow.
- Its commit markers carry a wrong checksum, so consumers must not check checksums (`CHECK_CRCS`).
- It does not fence producers, and read_committed consumers see open and aborted transactions too. So it shows how things
  work, but proves nothing about crashes.
  - It does not return group offsets that were committed in a transaction. Joining a group takes three seconds.
"""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException, Producer

from etapa.errors import EtapaError

NAME = "librdkafka's mock cluster, a test double of Kafka's protocol"
NAME_IN_SHORT = "librdkafka's mock cluster, a test double"
PARTITIONS = 4
CHECK_CRCS = False
KEPT_BYTES_PER_PARTITION = 5 * 1024 * 1024

_ANSWER_SECONDS = 5.0


class BrokerError(EtapaError):
    """The private broker did not start or did not create a topic."""


class PrivateBroker:
    """Started by `with`; at the end it is gone, with all its records. `address` is the bootstrap address for clients."""

    def __init__(self) -> None:
        self.address = ""
        self._owner: Producer | None = None

    def __enter__(self) -> Self:
        # The cluster belongs to the client that was configured with it and ends with it.
        owner = Producer({"test.mock.num.brokers": 1, "log_level": 3})
        try:
            brokers = owner.list_topics(timeout=_ANSWER_SECONDS).brokers
        except KafkaException as error:
            raise BrokerError(f"the private broker did not start: {error.args[0].str()}") from error
        self._owner = owner
        self.address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers.values())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def create_topics(self, topics: Iterable[str]) -> None:
        """Create these topics, with `PARTITIONS` partitions each. Raises BrokerError."""
        if self._owner is None:
            raise BrokerError("the private broker is not running; it runs within `with`")
        for topic in topics:
            try:
                made = self._owner.list_topics(topic, timeout=_ANSWER_SECONDS).topics[topic]
            except KafkaException as error:
                raise BrokerError(f"the private broker did not make the topic {topic}: {error.args[0].str()}") from error
            if made.error is not None or len(made.partitions) != PARTITIONS:
                raise BrokerError(f"the private broker made the topic {topic} with {len(made.partitions)} partitions ({made.error})")

    def stop(self) -> None:
        """End the cluster and free its port. Safe to call again."""
        # Dropping the last reference is how to end a client of confluent_kafka.
        self._owner = None
