"""The state of a transactional producer: its id, its epoch, and what is part of its transaction."""

from typing import Any

from aiokafka import TopicPartition
from aiokafka.producer.transaction_manager import PidAndEpoch, TransactionManager


class TransactionState(TransactionManager):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's state, for both protocols: `adds_by_sending` is true with the new one.

    Then partitions and groups join a transaction by what is sent to them, and the answer to each end of a transaction gives the
    producer its next id and epoch.
    """

    adds_by_sending = False

    def maybe_add_partition_to_txn(self, tp: TopicPartition) -> None:
        """Note that something is about to be sent to a partition."""
        if not self.adds_by_sending:
            super().maybe_add_partition_to_txn(tp)
            return
        self._txn_partitions.add(tp)

    def add_offsets_to_txn(self, offsets: Any, group_id: str) -> Any:
        """Note that offsets are about to be committed. Returns a future that is done when they are part of the transaction."""
        if self.adds_by_sending:
            self._txn_consumer_group = group_id
        return super().add_offsets_to_txn(offsets, group_id)

    def error_transaction(self, exc: Exception) -> None:
        """Allow only an abort from now on. It must reach the brokers, which have what was sent so far."""
        partitions, group = set(self._txn_partitions), self._txn_consumer_group
        super().error_transaction(exc)
        self._txn_partitions.update(partitions)
        self._txn_consumer_group = group

    def go_on_as(self, producer_id: int, epoch: int) -> None:
        """Adopt the id and epoch from the end of a transaction. Each epoch numbers its batches from 0."""
        self._pid_and_epoch = PidAndEpoch(producer_id, epoch)
        self._sequence_numbers.clear()
