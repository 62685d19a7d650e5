"""Where Kafka's partitions end: for everybody, and for readers of committed records."""

import time
from collections.abc import Iterable, Mapping

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from tests.faults.installation.placement import Place

_SECONDS = 30.0
_PAUSE = 0.2


def committed_ends(servers: str, places: Iterable[Place]) -> Mapping[Place, int]:
    """The offset after the last record that a reader of committed records may read, or after its end marker."""
    return _ends(servers, places, IsolationLevel.READ_COMMITTED)


def hanging_transactions(servers: str, places: Iterable[Place]) -> list[Place]:
    """Partitions where a transaction is open, so that readers of committed records see less than there is."""
    places = list(places)
    everything, committed = _ends(servers, places, IsolationLevel.READ_UNCOMMITTED), committed_ends(servers, places)
    return [place for place in places if committed[place] < everything[place]]


def _ends(servers: str, places: Iterable[Place], level: IsolationLevel) -> Mapping[Place, int]:
    asked = {TopicPartition(*place): OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]
    deadline = time.monotonic() + _SECONDS
    while True:
        # A new one each time: what it knows of leaders is of now.
        admin = AdminClient({"bootstrap.servers": servers, "log_level": 2})
        answers = admin.list_offsets(asked, isolation_level=level, request_timeout=_SECONDS)
        try:
            return {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}
        except KafkaException:
            # A leader that is just moving.
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
