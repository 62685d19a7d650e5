"""The transactional producer of one partition: from the fence to the end of its last transaction.

After one error it is unusable: its owner closes it and takes the partition over again. aiokafka never gives up on a
batch of an idempotent producer, so every wait in here has our own time limit.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from etapa.settings import Settings
from etapa.stream.kafka.batches.our_records import append_records
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe, is_fenced
from etapa.stream.kafka.limits import MAX_BATCH_BYTES
from etapa.stream.kafka.transactions.sender import speak_transactions
from etapa.stream.kafka.writing.sending import Cut, letter_cut_to, look_at, send_in_batches
from etapa.stream.protocol.ports import Fenced, LogError, OutcomeUnknown, Transaction
from etapa.stream.protocol.records import Outgoing
from etapa.stream.protocol.stored_customers import followed_by

_CLOSE_SECONDS = 5.0
_RETRY_BACKOFF_MS = 50
"""Also the pause after CONCURRENT_TRANSACTIONS: the end of one transaction overlaps the start of the next all the time."""

logger = logging.getLogger(__name__)


def transactional_id(settings: Settings, partition: int) -> str:
    """One per partition, so that a new owner of the partition fences exactly its predecessor."""
    return f"{settings.group}.{settings.topic_touchpoints}.{partition}"


class PartitionProducer:
    """Created, started, used for one transaction after the other, and closed after the first error."""

    def __init__(self, cluster: Cluster, partition: int) -> None:
        settings = cluster.settings
        self._settings = settings
        self._limits = cluster.limits
        self._partition = partition
        # The brokers abort a transaction that is open for longer, so waiting longer is useless.
        self._seconds = cluster.session_seconds
        self._unconfirmed: Sequence[str] = ()
        """What the brokers had not confirmed when writing the last transaction ended."""
        self._producer = cluster.producer(
            f"etapa-{settings.group}-{partition}",
            transactional_id=transactional_id(settings, partition),
            transaction_timeout_ms=settings.session_timeout // 1000,
            max_batch_size=MAX_BATCH_BYTES,
            retry_backoff_ms=_RETRY_BACKOFF_MS,
            request_timeout_ms=max(1_000, settings.session_timeout // 2_000),
        )
        speak_transactions(self._producer)
        leave_no_error_unread(self._producer)
        send_nothing_after_an_error(self._producer)

    async def start(self) -> None:
        """Fence every predecessor and settle what it left open. Raises what aiokafka raises, or TimeoutError."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._producer.start()
        except TimeoutError as error:
            message = f"not within {self._seconds:g} s; Kafka does not answer, or cannot write the end of the previous transaction"
            raise TimeoutError(message) from error

    @property
    def producer_id(self) -> int:
        """The id that the brokers know it by since it was started. Predecessors had the same, save once in 32,768 transactions."""
        return int(self._producer._txn_manager.producer_id)

    async def commit(self, transaction: Transaction) -> int:
        """Commit `transaction`. Returns the offset of its mark. Raises `LogError`, `Fenced` or `OutcomeUnknown`."""
        end_is_sent = False
        try:
            async with asyncio.timeout(self._seconds):
                await self._producer.begin_transaction()
                # If sending fails, nothing waits for the end of the transaction.
                self._producer._txn_manager.wait_for_transaction_end().add_done_callback(look_at)
                mark_offset = await self._send(transaction)
                end_is_sent = True
                await self._producer.commit_transaction()
        except KAFKA_FAILURES as error:
            if is_fenced(error):
                message = f"partition {self._partition}: fenced during a commit ({describe(error)})"
                raise Fenced(message) from error
            if end_is_sent:
                message = f"partition {self._partition}: no answer to a commit ({describe(error)})"
                raise OutcomeUnknown(message) from error
            message = f"partition {self._partition}: a transaction could not be written ({describe(error)}){self._unconfirmed_after(error)}"
            raise LogError(message) from error
        return mark_offset

    async def _send(self, transaction: Transaction) -> int:
        settings = self._settings
        topics: list[tuple[str, Sequence[Outgoing], Cut[Outgoing] | None]] = [
            (
                settings.topic_stage_changes,
                [*transaction.stage_changes, *transaction.moved] if transaction.moved else transaction.stage_changes,
                None,
            ),
            (settings.topic_campaign_triggers, transaction.campaign_triggers, None),
            (settings.topic_campaign_outcomes, transaction.campaign_outcomes, None),
            (settings.topic_dead_letters, transaction.dead_letters, letter_cut_to),
        ]
        # All at once, so that one request adds every topic to the transaction, and the offset is sent beside the records.
        states = asyncio.ensure_future(self._send_states(transaction))
        work: dict[asyncio.Future[Any], str] = {
            states: settings.topic_customer_state,
            asyncio.ensure_future(self._send_offset(transaction.next_offset)): "the group's offset",
        }
        work |= {asyncio.ensure_future(self._send_records(topic, records, cut)): topic for topic, records, cut in topics}
        transfers = settings.topic_transfers
        for place, sent in _by_place(transaction.transfers):
            sending = send_in_batches(self._producer, transfers, place, sent, append_records, self._limits)
            work[asyncio.ensure_future(sending)] = f"{transfers} {place}"
        try:
            await asyncio.gather(*work)
        finally:
            self._unconfirmed = [what for one, what in work.items() if one.cancelled() or not one.done()]
            for one in work:
                one.cancel()
        return states.result()

    def _unconfirmed_after(self, error: BaseException) -> str:
        waited = isinstance(error, TimeoutError) and self._unconfirmed
        return f"; the brokers did not confirm {', '.join(self._unconfirmed)}" if waited else ""

    async def _send_offset(self, next_offset: int) -> None:
        touchpoints = TopicPartition(self._settings.topic_touchpoints, self._partition)
        await self._producer.send_offsets_to_transaction({touchpoints: next_offset}, self._settings.group)

    async def _send_states(self, transaction: Transaction) -> int:
        records = followed_by(transaction.states, [*transaction.ledger, Outgoing(transaction.mark_key, transaction.mark_value)])
        mark_offset = await self._send_records(self._settings.topic_customer_state, records, None)
        if mark_offset is None or mark_offset < 0:
            # The broker has the batch from an earlier attempt whose answer was lost, but no longer knows its offset.
            message = f"partition {self._partition}: Kafka did not tell the mark's offset, so the transaction is not ended"
            raise LogError(message)
        return mark_offset

    async def _send_records(self, topic: str, records: Sequence[Outgoing], cut: Cut[Outgoing] | None) -> int | None:
        return await send_in_batches(self._producer, topic, self._partition, records, append_records, self._limits, cut)

    async def close(self) -> None:
        """Close it within a few seconds, whatever its state and the brokers'. An open transaction is left to the next fence."""
        await close_producer(self._producer, f"partition {self._partition}")


def _by_place(transfers: Sequence[tuple[int, Outgoing]]) -> Iterable[tuple[int, Sequence[Outgoing]]]:
    by_place: dict[int, list[Outgoing]] = {}
    for place, sent in transfers:
        by_place.setdefault(place, []).append(sent)
    return by_place.items()


def send_nothing_after_an_error(producer: AIOKafkaProducer) -> None:
    """Make a transactional producer drop waiting batches as soon as its transaction has failed.

    aiokafka 0.14 then forgets which partitions are not part of the transaction yet, but still sends their batches. While the
    marker of the previous transaction is on its way, brokers count them as part of that one and commit them with it:
    half a batch that was never committed, such as states without their stage changes.
    """
    manager, accumulator = producer._txn_manager, producer._message_accumulator
    send_again = accumulator.reenqueue

    def guarded(fails: Callable[[Exception], None]) -> Callable[[Exception], None]:
        def fail(error: Exception) -> None:
            accumulator.fail_all(error)
            accumulator._batches.clear()
            fails(error)

        return fail

    def reenqueue(batch: Any) -> None:
        if not batch.future.done():
            send_again(batch)

    accumulator.reenqueue = reenqueue
    manager.error_transaction = guarded(manager.error_transaction)
    manager.fatal_error = guarded(manager.fatal_error)


def leave_no_error_unread(producer: AIOKafkaProducer) -> None:
    """Keep asyncio from reporting errors that arrive after their caller has given up waiting.

    The failed transaction has reported its error; later errors of aiokafka's batches and offsets add nothing.
    """
    manager, accumulator = producer._txn_manager, producer._message_accumulator
    make_batch, fail_batches = accumulator._append_batch, accumulator.fail_all

    def append_batch(builder: Any, place: TopicPartition) -> Any:
        batch = make_batch(builder, place)
        batch.future.add_done_callback(look_at)
        return batch

    def fail_all(error: Exception) -> None:
        waiting = [batch for batches in accumulator._batches.values() for batch in batches]
        # When a batch fails, aiokafka removes it from the pending ones, and those that wait to be resent are not among them.
        accumulator._pending_batches.update(batch for batch in waiting if batch.retry_count)
        fail_batches(error)
        for batch in waiting:
            look_at(batch._drain_waiter)

    def read(fails: Callable[[Exception], None]) -> Callable[[Exception], None]:
        def fail(error: Exception) -> None:
            offsets = [answer for _, _, answer in manager._pending_txn_offsets]
            fails(error)
            # The last of these may have been made for this error.
            for one in (*offsets, manager.wait_for_transaction_end()):
                look_at(one)

        return fail

    accumulator._append_batch, accumulator.fail_all = append_batch, fail_all
    manager.error_transaction = read(manager.error_transaction)
    manager.fatal_error = read(manager.fatal_error)


async def close_producer(producer: AIOKafkaProducer, whose: str) -> None:
    """Close a producer within a few seconds, whatever its state and the brokers'. An open transaction stays open."""
    # aiokafka's own stop() waits without limit for batches that cannot be delivered, so it is not called. Its sender
    # is stopped first (it would reconnect), then the connections.
    producer._closed = True
    sending = _tasks_of(producer._sender)
    for task in sending:
        task.cancel()
    closing = asyncio.ensure_future(producer.client.close())
    done, late = await asyncio.wait({closing, *sending}, timeout=_CLOSE_SECONDS)
    for one in late:
        one.cancel()
    undelivered = [batch._drain_waiter for batches in producer._message_accumulator._batches.values() for batch in batches]
    for one in (*done, *(waiter for waiter in undelivered if waiter.done())):
        look_at(one)
    if late:
        logger.warning("the producer of %s did not close within %g s", whose, _CLOSE_SECONDS)


def _tasks_of(sender: Any) -> list[asyncio.Task[Any]]:
    # The sender keeps its tasks in a local variable. If cancelled itself, it waits for them, and they may look for a broker for ever.
    frames = [(task, getattr(task.get_coro(), "cr_frame", None)) for task in asyncio.all_tasks()]
    found = [task for task, frame in frames if frame is not None and frame.f_locals.get("self") is sender]
    # Always in the same order, although asyncio keeps them in a set: their names are numbered.
    return sorted(found, key=lambda task: (len(task.get_name()), task.get_name()))
