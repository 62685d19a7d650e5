"""Where Kafka's partitions end: for everybody, and for readers of committed records."""

from collections.abc import Iterable, Mapping

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from tests.faults.placement import Place


def committed_ends(admin: AdminClient, places: Iterable[Place]) -> Mapping[Place, int]:
    """The offset after the last record that a reader of committed records may read, or after its end marker."""
    return _ends(admin, places, IsolationLevel.READ_COMMITTED)


def hanging_transactions(admin: AdminClient, places: Iterable[Place]) -> list[Place]:
    """Partitions where a transaction is open, so that readers of committed records see less than there is."""
    places = list(places)
    everything, committed = _ends(admin, places, IsolationLevel.READ_UNCOMMITTED), committed_ends(admin, places)
    return [place for place in places if committed[place] < everything[place]]


def _ends(admin: AdminClient, places: Iterable[Place], level: IsolationLevel) -> Mapping[Place, int]:
    asked = {TopicPartition(*place): OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]
    answers = admin.list_offsets(asked, isolation_level=level, request_timeout=30)
    return {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}
