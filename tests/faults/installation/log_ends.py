"""Where Kafka's partitions end: the high watermark, and the last stable offset."""

import time
from collections.abc import Iterable, Mapping

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from tests.faults.installation.placement import Place

_SECONDS = 30.0
_PAUSE = 0.2


def committed_ends(servers: str, places: Iterable[Place]) -> Mapping[Place, int]:
    """The offset after the last record (or its end marker) that a `read_committed` consumer may read."""
    return _ends(servers, places, IsolationLevel.READ_COMMITTED)


def hanging_transactions(servers: str, places: Iterable[Place]) -> list[Place]:
    """Partitions with an open transaction, in which `read_committed` consumers do not see everything."""
    places = list(places)
    everything, committed = _ends(servers, places, IsolationLevel.READ_UNCOMMITTED), committed_ends(servers, places)
    return [place for place in places if committed[place] < everything[place]]


def _ends(servers: str, places: Iterable[Place], level: IsolationLevel) -> Mapping[Place, int]:
    asked = {TopicPartition(*place): OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]
    deadline = time.monotonic() + _SECONDS
    while True:
        # A new client each time, so that what it knows about leaders is current.
        admin = AdminClient({"bootstrap.servers": servers, "log_level": 2})
        answers = admin.list_offsets(asked, isolation_level=level, request_timeout=_SECONDS)
        try:
            return {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}
        except KafkaException:
            # The leader is just moving.
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
