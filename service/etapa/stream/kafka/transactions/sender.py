"""Makes a transactional producer speak the newest protocol of the brokers, and never send the end of a transaction twice."""

import asyncio
from collections import defaultdict
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.client import CoordinationType
from aiokafka.errors import GroupAuthorizationFailedError
from aiokafka.producer.sender import Sender, SendProduceReqHandler, TxnOffsetCommitHandler

from etapa.stream.kafka.transactions.handlers import AskForFeatures, CommitOffsetsImplicitly, EndAndGoOn, ProduceImplicitly
from etapa.stream.kafka.transactions.once import CommitOffsetsOnce, EndOnce
from etapa.stream.kafka.transactions.producer_state import TransactionState


def speak_transactions(producer: AIOKafkaProducer, *, offsets_once: bool = False) -> None:
    """Make a producer that is not started yet speak protocol 2 where brokers support it, and fail for good if an EndTxn gets no answer.

    `offsets_once`: with the old protocol, also fail when a TxnOffsetCommit gets no answer. A late one would overwrite the group's offset
    of a later transaction, which matters where that offset is used for more than comparison.

    This replaces the producer's `_txn_manager` and `_sender`.
    """
    before, accumulator = producer._sender, producer._message_accumulator
    state = TransactionState(producer._txn_manager.transactional_id, producer._txn_manager.transaction_timeout_ms)
    producer._txn_manager = accumulator._txn_manager = state
    producer._sender = TransactionSender(
        before.client,
        acks=before._acks,
        txn_manager=state,
        message_accumulator=accumulator,
        retry_backoff_ms=before._retry_backoff * 1000,
        request_timeout_ms=before._request_timeout_ms,
        offsets_once=offsets_once,
    )


class TransactionSender(Sender):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's sender, with handlers that depend on the protocol."""

    def __init__(self, client: Any, *, offsets_once: bool, **others: Any) -> None:
        super().__init__(client, **others)
        self._old_offsets = CommitOffsetsOnce if offsets_once else TxnOffsetCommitHandler
        self._adding: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        """By node. A broker that is adding something to a transaction drops it when asked to add something else; it must then be resent."""

    async def _do_init_pid(self, node_id: int) -> bool:
        # Each producer asks again, so that the next fence follows a cluster whose level was raised or lowered.
        has_begun: bool = await AskForFeatures(self).do(node_id) and await super()._do_init_pid(node_id)
        return has_begun

    async def _send_produce_req(self, node_id: int, batches: Any) -> None:
        if self._txn_manager.adds_by_sending:
            async with self._adding[node_id]:
                await ProduceImplicitly(self, batches).do(node_id)
        else:
            await SendProduceReqHandler(self, batches).do(node_id)
        self._in_flight.remove(node_id)
        for place in batches:
            self._muted_partitions.remove(place)

    async def _do_txn_commit(self, commit_result: Any) -> None:
        manager = self._txn_manager
        await self._message_accumulator.flush_for_commit()
        if manager.is_empty_transaction():
            manager.complete_transaction()
            return
        node_id = await self._find_coordinator(CoordinationType.TRANSACTION, manager.transactional_id)
        handler = EndAndGoOn if manager.adds_by_sending else EndOnce
        await handler(self, commit_result).do(node_id)

    async def _do_txn_offset_commit(self, offsets: Any, group_id: str) -> None:
        if not offsets:
            return
        try:
            node_id = await self._find_coordinator(CoordinationType.GROUP, group_id)
        except GroupAuthorizationFailedError as error:
            self._txn_manager.error_transaction(error)
            return
        if self._txn_manager.adds_by_sending:
            # Batches being sent go first: for them the brokers themselves wait for the markers of the previous transaction.
            await asyncio.sleep(0)
            async with self._adding[node_id]:
                await CommitOffsetsImplicitly(self, offsets, group_id).do(node_id)
        else:
            await self._old_offsets(self, offsets, group_id).do(node_id)
