"""What the worker does with the touchpoints, read where every user would read it: topics, Redis and metrics."""

import http.client
import urllib.error
import urllib.request
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import redis
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.outgoing.stage_change_message import StageChangeMessage
from etapa.embedded.broker import PARTITIONS
from etapa.errors import EtapaError

_DELAYS_KEPT = 2_000
_MOST_AT_ONCE = 5_000
_METRICS_SECONDS = 2.0


class OutcomeError(EtapaError):
    """The private Redis or the private broker no longer answers."""


class Results:
    """Reads stage changes and dead letters as they are committed, and counts them."""

    def __init__(self, address: str, stage_changes: str, dead_letters: str, sent_at: Callable[[str], float | None]) -> None:
        self._stage_changes = stage_changes
        self._sent_at = sent_at
        self._consumer = Consumer(
            {
                "bootstrap.servers": address,
                # A group id is required, but the group is never joined: partitions are assigned by hand.
                "group.id": "etapa-demo",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                # The private broker answers a fetch only after this time, even if something arrives earlier.
                "fetch.wait.max.ms": 10,
                "log_level": 0,
            }
        )
        topics = (stage_changes, dead_letters)
        self._consumer.assign([TopicPartition(topic, partition, 0) for topic in topics for partition in range(PARTITIONS)])
        self.stage_changes = 0
        self.dead_letters: Counter[str] = Counter()
        self.moves: Counter[tuple[str | None, str]] = Counter()
        self.delays: deque[float] = deque(maxlen=_DELAYS_KEPT)
        """Delays of the latest changes: seconds from sending a touchpoint to reading the stage change that it caused."""

    def read(self, seconds: float, clock: Callable[[], float]) -> list[StageChangeMessage]:
        """Wait up to `seconds` for records, and return the stage changes among them."""
        changes = []
        messages = self._consumer.consume(1, seconds)
        if messages:
            messages += self._consumer.consume(_MOST_AT_ONCE, 0)
        now = clock()
        for message in messages:
            error = message.error()
            if error is not None:
                if not error.retriable() and error.code() != KafkaError._PARTITION_EOF:
                    raise OutcomeError(f"the private broker does not answer any more: {error.str()}")
            elif message.topic() == self._stage_changes:
                changes.append(self._count_change(message, now))
            else:
                letter = decode_dead_letter(message.key(), message.value(), _headers(message))
                self.dead_letters[letter.reason] += 1
        return changes

    def _count_change(self, message: Message, now: float) -> StageChangeMessage:
        change = decode_stage_change(message.value() or b"")
        self.stage_changes += 1
        self.moves[change.source, change.to] += 1
        sent = None if change.touchpoint_id is None else self._sent_at(change.touchpoint_id)
        if sent is not None:
            self.delays.append(now - sent)
        return change

    def close(self) -> None:
        self._consumer.close()


def _headers(message: Message) -> Sequence[tuple[str, bytes]]:
    # Without a deserializer they arrive as pairs; the type allows for more.
    return [(header[0], header[1]) for header in message.headers() or () if isinstance(header[1], bytes)]


class StagesShown:
    """The worker's Redis keys, which anybody may read."""

    def __init__(self, url: str, prefix: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=5)
        self._prefix = prefix

    def look(self) -> tuple[list[int], Counter[str]]:
        """How many touchpoint records each partition's view includes, and the customers in each stage over all partitions.

        Raises OutcomeError.
        """
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for partition in range(PARTITIONS):
                    pipeline.hget(self._key(partition, "mark"), "through")
                    pipeline.hgetall(self._key(partition, "counts"))
                answers = pipeline.execute()
        except redis.RedisError as error:
            raise OutcomeError(f"the private Redis does not answer any more: {error}") from error
        customers: Counter[str] = Counter()
        for counts in answers[1::2]:
            customers.update({stage.decode(): int(count) for stage, count in counts.items()})
        return [0 if through is None else int(through) + 1 for through in answers[::2]], customers

    def close(self) -> None:
        self._client.close()

    def _key(self, partition: int, name: str) -> str:
        return f"{self._prefix}:{{{partition}}}:{name}"


def is_ready(url: str) -> bool:
    """Whether the worker at `url` says that it is ready."""
    try:
        with urllib.request.urlopen(f"{url}readyz", timeout=_METRICS_SECONDS) as answer:  # noqa: S310 (our own address)
            return bool(answer.status == http.client.OK)
    except (OSError, urllib.error.HTTPError):
        return False


@dataclass(frozen=True, slots=True)
class WorkerCounts:
    """Counts from the worker's metrics."""

    touchpoints: Mapping[str, int] = field(default_factory=Counter)
    """By outcome: `applied`, `duplicate`, `dead_letter`."""
    stage_changes: int = 0
    campaigns: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Stage changes offered to each campaign, by outcome: `published`, `holdout`, `consent` and so on."""


def worker_counts(url: str) -> WorkerCounts | None:
    """Ask the worker at `url`. None when it does not answer in time."""
    try:
        with urllib.request.urlopen(f"{url}metrics", timeout=_METRICS_SECONDS) as answer:  # noqa: S310 (our own address)
            text = answer.read().decode()
    except OSError:
        return None
    touchpoints: Counter[str] = Counter()
    stage_changes = 0
    campaigns: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "etapa_touchpoints_total":
                touchpoints[sample.labels["outcome"]] = int(sample.value)
            elif sample.name == "etapa_stage_changes_total":
                stage_changes += int(sample.value)
            elif sample.name == "etapa_campaign_triggers_total":
                campaigns[sample.labels["campaign"]][sample.labels["outcome"]] = int(sample.value)
    return WorkerCounts(touchpoints, stage_changes, campaigns)
