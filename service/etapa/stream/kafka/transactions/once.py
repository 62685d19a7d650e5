"""Requests that are not sent again as long as the first one may still be under way.

aiokafka 0.14 repeats a request whose answer did not come, in the same producer epoch. The first one may arrive all the same,
long after its connection is gone, and brokers tell transactions of one epoch apart in no way: an EndTxn that comes between two
writes of the *next* transaction commits one of them. So the producer is given up instead; the next one's InitProducerId raises
the epoch, and what is late is refused.

A request that was *answered* is not under way any more, whatever the answer says, so these are repeated as before:
COORDINATOR_LOAD_IN_PROGRESS and CONCURRENT_TRANSACTIONS (it did nothing), NOT_COORDINATOR and COORDINATOR_NOT_AVAILABLE (it did
nothing, or its end of the transaction is in the log of a coordinator that could not replicate it: the repeated one then ends
what is open, or is told that it has ended so). So is one that could not be handed to any connection.
"""

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.client import CoordinationType
from aiokafka.errors import GroupAuthorizationFailedError, IncompatibleBrokerVersion, KafkaError, NodeNotReadyError
from aiokafka.producer.sender import BaseHandler, EndTxnHandler, Sender, TxnOffsetCommitHandler


def send_ends_once(producer: AIOKafkaProducer, *, offsets_too: bool = False) -> None:
    """Have a producer that is not started yet end with a fatal error when an EndTxn gets no answer.

    `offsets_too`: a TxnOffsetCommit as well. A late one takes back the group's offset that a later transaction committed, which
    matters where that offset is not for comparison only.
    """
    before = producer._sender
    producer._sender = _Sender(
        before.client,
        acks=before._acks,
        txn_manager=before._txn_manager,
        message_accumulator=before._message_accumulator,
        retry_backoff_ms=before._retry_backoff * 1000,
        request_timeout_ms=before._request_timeout_ms,
        offsets_once=offsets_too,
    )


class _Once(BaseHandler):  # type: ignore[misc]  # aiokafka has no types
    async def do(self, node_id: int) -> bool:
        """Whether there is nothing to repeat."""
        request = self.create_request()
        try:
            answer = await self._sender.client.send(node_id, request, group=self.group)
        except IncompatibleBrokerVersion:
            raise
        except NodeNotReadyError:
            # There is no connection to that node: nothing was sent.
            pause = self.handle_error()
        except KafkaError as error:
            self._sender._txn_manager.fatal_error(error)
            return True
        else:
            pause = self.handle_response(answer)
        if pause is None:
            return True
        await asyncio.sleep(pause)
        return False


class _EndTxnOnce(_Once, EndTxnHandler):  # type: ignore[misc]
    """Ends the transaction, or the producer."""


class _TxnOffsetCommitOnce(_Once, TxnOffsetCommitHandler):  # type: ignore[misc]
    """Commits the group's offset, or ends the producer."""


class _Sender(Sender):  # type: ignore[misc]
    def __init__(self, client: Any, *, offsets_once: bool, **others: Any) -> None:
        super().__init__(client, **others)
        self._offsets_handler = _TxnOffsetCommitOnce if offsets_once else TxnOffsetCommitHandler

    async def _do_txn_commit(self, commit_result: Any) -> None:
        manager = self._txn_manager
        await self._message_accumulator.flush_for_commit()
        if manager.is_empty_transaction():
            manager.complete_transaction()
            return
        node_id = await self._find_coordinator(CoordinationType.TRANSACTION, manager.transactional_id)
        await _EndTxnOnce(self, commit_result).do(node_id)

    async def _do_txn_offset_commit(self, offsets: Any, group_id: str) -> None:
        if not offsets:
            return
        try:
            node_id = await self._find_coordinator(CoordinationType.GROUP, group_id)
        except GroupAuthorizationFailedError as error:
            self._txn_manager.error_transaction(error)
            return
        await self._offsets_handler(self, offsets, group_id).do(node_id)
