"""What readers see of a partition on the simulated cluster, and whether it equals the tasks' transactions: each whole or absent.

For everything that reads, `ClusterBroker` replaces the simulation's own broker. A transaction is added to `committed` when the
coordinator commits it, and only if what was written for it is exactly what one task meant to commit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from etapa.contracts.stored.mark import MARK_KEY
from etapa.settings import Settings
from etapa.stream.protocol.ports import RECENT_OFFSETS, RecentChanges, Transaction
from etapa.stream.protocol.records import Outgoing, Record, StateRecord
from tests.simulation.cluster.brokers import OFFSETS, SimulatedBrokers
from tests.simulation.cluster.coordinator import Transactions
from tests.simulation.cluster.partition_log import PartitionLog, Written
from tests.simulation.machines.memory_log import Committed, MemoryBroker

Content = Sequence[Written]


def topics_of(settings: Settings) -> Sequence[str]:
    """The topics that a task writes to; its states first."""
    return (
        settings.topic_customer_state,
        settings.topic_stage_changes,
        settings.topic_campaign_triggers,
        settings.topic_campaign_outcomes,
        settings.topic_dead_letters,
    )


def content_of(transaction: Transaction) -> tuple[Content, ...]:
    """What a transaction puts into each of `topics_of`."""
    states = (*transaction.states, *transaction.ledger, Outgoing(transaction.mark_key, transaction.mark_value))
    published: Iterator[Sequence[Outgoing]] = iter(
        (transaction.stage_changes, transaction.campaign_triggers, transaction.campaign_outcomes, transaction.dead_letters)
    )
    return (
        [Written(one.key, one.value, ()) for one in states],
        *([Written(one.key, one.value, tuple(one.headers)) for one in outgoing] for outgoing in published),
    )


@dataclass
class _Attempt:
    transaction: Transaction
    content: tuple[Content, ...]


@dataclass
class ClusterBroker(MemoryBroker):
    """The partition as readers use it. Touchpoints are fed here as usual."""

    find: Callable[[str], None] = print
    settings: Settings = field(default_factory=Settings)
    _attempts: list[_Attempt] = field(default_factory=list)
    _brokers: SimulatedBrokers | None = None

    @property
    def brokers(self) -> SimulatedBrokers:
        """Where it is written."""
        assert self._brokers is not None
        return self._brokers

    def live_on(self, brokers: SimulatedBrokers) -> None:
        """From now on, show what these brokers hold."""
        self._brokers = brokers

    def attempt(self, transaction: Transaction) -> None:
        """A task is about to commit this."""
        self._attempts.append(_Attempt(transaction, content_of(transaction)))

    def told(self, transaction: Transaction, offset: int) -> None:
        """A task has learnt that this is committed, with its mark at `offset`."""
        found = next((one.transaction for one in reversed(self.committed) if one.state_offset == offset), None)
        if found is not transaction and (found is None or content_of(found) != content_of(transaction)):
            self.find(
                f"a task was told that its transaction is committed with its mark at {offset}, where it is not: {transaction.mark_value!r}"
            )

    def decided(self, transactions: Transactions, commit: bool) -> None:
        """The coordinator ends a transaction."""
        if not commit:
            return
        written = [self._log(topic).open_of(transactions.producer_id) for topic in topics_of(self.settings)]
        if not any(written):
            return
        content = tuple([record for _, record in records] for records in written)
        attempt = next((one for one in reversed(self._attempts) if one.content == content), None)
        if attempt is None:
            self.find(f"what was committed is not a whole transaction of any task: {_shown(self.settings, content)}")
            return
        # Equal transactions come from a batch that was processed again after its first transaction had been aborted.
        self._attempts.remove(attempt)
        committed = Committed(attempt.transaction, written[0][-1][0], transactions.epoch)
        self.committed.append(committed)
        self.dead_letters += attempt.transaction.dead_letters
        self.outcomes += attempt.transaction.campaign_outcomes
        if self.on_commit is not None:
            self.on_commit(committed)

    def group_offset_told(self, offset: int) -> None:
        """The group's offset is committed."""
        self.group_offset = offset

    def torn(self) -> list[str]:
        """How what readers see in the topics differs from the committed transactions."""
        wrong = []
        for number, topic in enumerate(topics_of(self.settings)):
            seen = [record for _, record in self._log(topic).committed()]
            meant = [record for one in self.committed for record in content_of(one.transaction)[number]]
            if seen != meant:
                at = next((n for n, (one, other) in enumerate(zip(seen, meant, strict=False)) if one != other), min(len(seen), len(meant)))
                wrong.append(f"{topic} has {len(seen)} committed records, {len(meant)} were meant; they differ from record {at} on")
        return wrong

    @property
    def hanging(self) -> int:
        """Partitions with an open transaction."""
        return sum(log.stable_end < log.end for name, log in self.brokers.logs.items() if name != OFFSETS)

    @property
    def ends(self) -> Mapping[str, int]:
        """Where the partitions end."""
        return {topic: self._log(topic).end for topic in topics_of(self.settings)}

    def unsettled(self, ends: Mapping[str, int]) -> list[str]:
        """Topics in which committed records cannot be read up to these ends."""
        return [topic for topic, end in ends.items() if self._log(topic).stable_end < end]

    def stable_end(self) -> int:
        return self._log(self.settings.topic_customer_state).stable_end

    def committed_states(self, start: int, end: int) -> list[StateRecord]:
        committed = self._log(self.settings.topic_customer_state).committed()
        return [StateRecord(offset, record.key, record.value) for offset, record in committed if start <= offset < end]

    def recent_changes(self) -> RecentChanges:
        log = self._log(self.settings.topic_stage_changes)
        start = max(0, log.end - RECENT_OFFSETS)
        records = [Record(offset, 0, one.key, one.value, one.headers) for offset, one in log.committed() if offset >= start]
        return RecentChanges(records, start == 0)

    def compact(self, keep: int = 0) -> None:
        """Not simulated here; the other worlds do it."""

    def _log(self, topic: str) -> PartitionLog:
        return self.brokers.logs[topic]


def _shown(settings: Settings, content: tuple[Content, ...]) -> str:
    marks = [record.value for record in content[0] if record.key == MARK_KEY]
    counts = ", ".join(f"{len(records)} of {topic}" for topic, records in zip(topics_of(settings), content, strict=True))
    return f"{counts}; marks {marks}"
