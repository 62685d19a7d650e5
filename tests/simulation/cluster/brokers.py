"""The brokers: which node leads what, and how each responds to a request."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final, NamedTuple

from tests.simulation.cluster import coordinator as transactions
from tests.simulation.cluster.coordinator import Coordinator, Transactions
from tests.simulation.cluster.partition_log import Batch, LogEntry, PartitionLog, batch_of, records_in

UNKNOWN_TOPIC, NOT_LEADER, LOADING, NOT_COORDINATOR, NOT_ENOUGH_REPLICAS = 3, 6, 14, 16, 19
TOPIC_DENIED, GROUP_DENIED, NOT_ATTEMPTED = 29, 30, 55
OFFSETS: Final = "__consumer_offsets"
BOOTSTRAP: Final = 9092
"""A port at which one of the brokers answers."""
OLD: Final = {0: (0, 8), 3: (0, 5), 10: (0, 1), 18: (0, 3), 22: (0, 1), 24: (0, 1), 25: (0, 1), 26: (0, 1), 28: (0, 2)}
NEW: Final = {**OLD, 0: (3, 12), 18: (0, 4), 26: (0, 5), 28: (0, 5)}
PRODUCE_ADDS_PLACES, COMMIT_ADDS_GROUP, END_BUMPS = 12, 5, 5
TRANSACTION_VERSION_2: Final = {1: b"\0" * 7 + b"\1", 2: b"\x02\x14transaction.version\x00\x02\x00\x02\x00"}
"""The tags of an ApiVersions answer: the features' epoch, and the level that the cluster has agreed on."""


class Moods(NamedTuple):
    """Chances, per request, that a broker returns an error through no fault of the sender."""

    busy: float = 0.0
    denied: float = 0.0
    denied_between: float = 0.0
    """Chance that the right to write is denied while the markers of the previous transaction are on their way."""
    forgets: float = 0.0
    """Chance that the offset of a batch is forgotten when the batch comes again."""


class GroupOffset(NamedTuple):
    """What is written for a group."""

    offset: int


class SimulatedBrokers:
    """`topics` have one partition each, with number `partition`. `new`: whether the brokers speak the new protocol."""

    def __init__(
        self,
        topics: Sequence[str],
        partition: int,
        nodes: int,
        random: Random,
        later: Callable[[float, Callable[[], None]], object],
        events: Counter[str],
        *,
        new: bool,
        moods: Moods,
        marker_delay: float,
        last_epoch: int,
        on_decision: Callable[[Transactions, bool], None],
        on_group_offset: Callable[[int], None],
        on_stale_offset: Callable[[], None],
    ) -> None:
        self.nodes = list(range(1, nodes + 1))
        self.down: set[int] = set()
        self.new = new
        self.moods = moods
        self.marker_delay = marker_delay
        self._partition = partition
        self._random = random
        self._later = later
        self._events = events
        self._on_group_offset = on_group_offset
        self._on_stale_offset = on_stale_offset
        self.coordinator = Coordinator(later, self._carry_marker, on_decision, self._count, last_epoch)
        self.logs: dict[str, PartitionLog] = {name: self._log(name) for name in (*topics, OFFSETS)}
        self.leaders: dict[str, int] = {name: random.choice(self.nodes) for name in self.logs}
        self.transactions_node = random.choice(self.nodes)
        self._handlers: Mapping[int, Callable[[int, Any], Any]] = {
            0: self._produce,
            3: self._metadata,
            10: self._find_coordinator,
            18: self._api_versions,
            22: self._init_producer_id,
            24: self._add_partitions,
            25: self._add_offsets,
            26: self._end,
            28: self._commit_offset,
        }

    def is_up(self, node: int) -> bool:
        """Whether it listens."""
        return node not in self.down

    def versions(self) -> dict[int, tuple[int, int]]:
        return NEW if self.new else OLD

    def stale(self, request: Any) -> None:
        if request.API_KEY == 28 and request.API_VERSION < COMMIT_ADDS_GROUP:
            self._on_stale_offset()

    def handle(self, node: int, request: Any) -> Any:
        return self._handlers[request.API_KEY](node, request)

    def move(self, away_from: int | None = None) -> None:
        """Let other nodes take over all that a node led or, without a node, something at random."""
        living = [node for node in self.nodes if node not in self.down]
        if not living:
            return
        for name in self.leaders if away_from is not None else (self._random.choice(list(self.leaders)),):
            if away_from in (None, self.leaders[name]):
                self.leaders[name] = self._random.choice(living)
        if self.transactions_node == away_from or (away_from is None and self._random.random() < 0.5):
            self.transactions_node = self._random.choice(living)

    @property
    def _known(self) -> list[int]:
        return [node for node in self.nodes if node not in self.down] or self.nodes

    def _count(self, event: str) -> None:
        self._events[event] += 1

    def _log(self, name: str) -> PartitionLog:
        def verify(transactional_id: str | None, batch: Batch) -> int:
            return self.coordinator.verify(transactional_id, batch.producer_id, batch.epoch, name)

        return PartitionLog(name, verify, lambda: self._happens(self.moods.forgets, "offset of a known batch forgotten"))

    def _happens(self, chance: float, event: str) -> bool:
        happens = self._random.random() < chance
        self._events[event] += happens
        return happens

    def _busy(self) -> bool:
        return self._happens(self.moods.busy, "broker busy")

    def _denied(self, what: str) -> bool:
        if what == "topic" and self.coordinator.is_marking:
            return self._happens(max(self.moods.denied, self.moods.denied_between), "denied: topic, before the markers")
        return self._happens(self.moods.denied, f"denied: {what}")

    def _metadata(self, node: int, request: Any) -> Any:
        brokers = [(one, "node", one, None) for one in self._known]
        topics: list[Any] = [
            (0, name, False, [(0, self._partition, leader if leader in self._known else -1, [leader], [leader])])
            for name, leader in sorted(self.leaders.items())
            if name != OFFSETS
        ]
        if request.API_VERSION >= 5:
            topics = [(error, name, own, [(*one, []) for one in parts]) for error, name, own, parts in topics]
        fields = {"throttle_time_ms": 0, "brokers": brokers, "cluster_id": "c", "controller_id": brokers[0][0], "topics": topics}
        return answer_to(request, fields)

    def _find_coordinator(self, node: int, request: Any) -> Any:
        found = self.transactions_node if request.coordinator_type == 1 else self.leaders[OFFSETS]
        error = 0 if found in self._known and not self._busy() else 15
        return answer_to(request, {"error_code": error, "coordinator_id": found, "host": "node", "port": found})

    def _api_versions(self, node: int, request: Any) -> Any:
        versions: list[Any] = [(key, least, most, {}) for key, (least, most) in self.versions().items()]
        return answer_to(request, {"error_code": 0, "api_versions": versions, "tags": TRANSACTION_VERSION_2 if self.new else {}})

    def _init_producer_id(self, node: int, request: Any) -> Any:
        error, producer_id, epoch = self._not_here(node), -1, -1
        if not error:
            error, producer_id, epoch = self.coordinator.init(request.transactional_id, request.transaction_timeout_ms / 1000)
        self._tell_concurrent(error)
        return answer_to(request, {"error_code": error, "producer_id": producer_id, "producer_epoch": epoch})

    def _add_partitions(self, node: int, request: Any) -> Any:
        names = sorted(topic for topic, _ in request.topics)
        errors = dict.fromkeys(names, self._not_here(node))
        if not any(errors.values()):
            denied = [name for name in names if self._denied("topic")]
            if denied:
                errors = {name: TOPIC_DENIED if name in denied else NOT_ATTEMPTED for name in names}
            else:
                error = self.coordinator.add(request.transactional_id, request.producer_id, request.producer_epoch, names)
                self._tell_concurrent(error)
                errors = dict.fromkeys(names, error)
        return answer_to(request, {"errors": [(name, [(self._partition, error)]) for name, error in errors.items()]})

    def _add_offsets(self, node: int, request: Any) -> Any:
        error = self._not_here(node) or (GROUP_DENIED if self._denied("group") else 0)
        error = error or self.coordinator.add(request.transactional_id, request.producer_id, request.producer_epoch, [OFFSETS])
        self._tell_concurrent(error)
        return answer_to(request, {"error_code": error})

    def _end(self, node: int, request: Any) -> Any:
        bumps = request.API_VERSION >= END_BUMPS
        error, producer_id, epoch = self._not_here(node), -1, -1
        if not error:
            error, producer_id, epoch = self.coordinator.end(
                request.transactional_id,
                request.producer_id,
                request.producer_epoch,
                commit=bool(request.transaction_result),
                bumps=bumps,
            )
        self._tell_concurrent(error)
        return answer_to(request, {"error_code": error, "producer_id": producer_id, "producer_epoch": epoch})

    def _commit_offset(self, node: int, request: Any) -> Any:
        adds = request.API_VERSION >= COMMIT_ADDS_GROUP
        [(topic, [told, *_], *_)] = request.topics
        error = 0 if node == self.leaders[OFFSETS] else NOT_COORDINATOR
        error = error or (LOADING if self._busy() else 0) or (GROUP_DENIED if self._denied("group") else 0)
        batch = Batch(request.producer_id, request.producer_epoch, None, 1)
        if not error and adds:
            error = self.coordinator.add(request.transactional_id, batch.producer_id, batch.epoch, [OFFSETS])
        if not error:
            error, _ = self.logs[OFFSETS].append(request.transactional_id, batch, lambda: [GroupOffset(told[1])])
        if error == transactions.CONCURRENT and not adds:
            error = LOADING
        answer: Any = (topic, [(told[0], error, {})], {}) if adds else (topic, [(told[0], error)])
        return answer_to(request, {"topics": [answer], "errors": [answer]})

    def _produce(self, node: int, request: Any) -> Any:
        adds = request.API_VERSION >= PRODUCE_ADDS_PLACES
        answers: list[Any] = []
        for topic, [(number, data, *_), *_], *_ in sorted(request.topics, key=lambda each: str(each[0])):
            error, offset = self._append(node, topic, request.transactional_id, bytes(data), adds=adds)
            told = (number, error, offset, -1, 0)
            answers.append((topic, [(*told, [], None, {})], {}) if adds else (topic, [told]))
        return answer_to(request, {"topics": answers})

    def _append(self, node: int, topic: str, transactional_id: str, data: bytes, *, adds: bool) -> tuple[int, int]:
        if topic not in self.logs:
            return UNKNOWN_TOPIC, -1
        if self.leaders[topic] != node:
            return NOT_LEADER, -1
        if self._busy():
            return NOT_ENOUGH_REPLICAS, -1
        if adds and self._denied("topic"):
            return TOPIC_DENIED, -1
        batch = batch_of(data)
        error, offset = 0, -1
        if adds:
            error = self.coordinator.add(transactional_id, batch.producer_id, batch.epoch, [topic])
        if not error:
            error, offset = self.logs[topic].append(transactional_id, batch, lambda: records_in(data))
        if error == transactions.CONCURRENT and not adds:
            error = NOT_ENOUGH_REPLICAS
        return error, offset

    def _not_here(self, node: int) -> int:
        if node != self.transactions_node:
            return NOT_COORDINATOR
        return LOADING if self._busy() else 0

    def _tell_concurrent(self, error: int) -> None:
        self._events["told to wait for markers"] += error == transactions.CONCURRENT

    def _carry_marker(self, place: str, producer_id: int, epoch: int, commit: bool, written: Callable[[], None]) -> None:
        def write() -> None:
            if self.leaders[place] in self.down:
                # The coordinator retries until the partition has a leader again.
                self._later(0.1, write)
                return
            ended = self.logs[place].mark(producer_id, epoch, commit=commit)
            if place == OFFSETS and commit:
                self._tell_offset(ended)
            written()

        self._later(self._random.uniform(0, self.marker_delay), write)

    def _tell_offset(self, ended: Sequence[LogEntry]) -> None:
        for entry in ended:
            for one in entry.records:
                self._on_group_offset(one.offset)


def answer_to(request: Any, fields: Mapping[str, Any]) -> Any:
    """A response in the version of the request; fields that are left out are 0."""
    kind = request.RESPONSE_TYPE
    return kind(**{name: fields.get(name, 0) for name in kind.SCHEMA.names})
