"""Handlers for the requests of transaction protocol 2 and their answers."""

from collections import defaultdict
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition, __version__
from aiokafka.errors import BrokerResponseError, ConcurrentTransactions, KafkaError, NoError, ProducerFenced, for_code
from aiokafka.producer.sender import BACKOFF_OVERRIDE, BaseHandler, EndTxnHandler, SendProduceReqHandler, TxnOffsetCommitHandler

from etapa.stream.kafka.transactions.features import TRANSACTION_VERSION, finalized_features
from etapa.stream.kafka.transactions.once import Once
from etapa.stream.kafka.transactions.wire import (
    ApiVersionsRequest,
    EndTxnRequest,
    EndTxnRequestV5,
    ProduceRequest,
    ProduceRequestV12,
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestV5,
)

PROTOCOL_2 = 2
TELLS_FEATURES = 3
"""The first version of the ApiVersions answer that holds features."""


class TransactionAbortable(BrokerResponseError):  # type: ignore[misc]  # aiokafka has no types
    """The transaction cannot continue, but can be aborted."""

    errno = 120
    message = "TRANSACTION_ABORTABLE"
    description = "The broker could not verify the transaction; the producer can abort it and go on"


_REFUSALS: Final[dict[int, type[KafkaError]]] = {90: ProducerFenced, 120: TransactionAbortable}
"""Error codes that aiokafka 0.14 does not know."""


class AskForFeatures(BaseHandler):  # type: ignore[misc]
    """Finds out which protocol the cluster speaks, before a producer id is requested."""

    def create_request(self) -> ApiVersionsRequest:
        """The request. It names aiokafka, because the brokers' metrics show which clients they have."""
        return ApiVersionsRequest("aiokafka", __version__)

    def handle_response(self, resp: Any) -> float | None:
        """Seconds after which to ask again; none when the protocol is known."""
        if resp.error_code != NoError.errno:
            raise for_code(resp.error_code)
        tags = resp.tags if resp.API_VERSION >= TELLS_FEATURES else {}
        level = finalized_features(tags).get(TRANSACTION_VERSION, 0)
        newest = {key: version for key, _, version, *_ in resp.api_versions}
        # A proxy may pass on the level but understand less than the brokers.
        is_understood = all(
            newest.get(one.API_KEY, -1) >= one.API_VERSION for one in (ProduceRequestV12, TxnOffsetCommitRequestV5, EndTxnRequestV5)
        )
        self._sender._txn_manager.adds_by_sending = level >= PROTOCOL_2 and is_understood
        return None

    def handle_error(self) -> float:
        """Seconds after which to ask again when there was no answer."""
        pause: float = self._default_backoff
        return pause


class _Produced(NamedTuple):
    """An answer as aiokafka's handler expects it: from version 8 on, with seven fields for each partition."""

    API_VERSION: int
    topics: list[Any]


class ProduceImplicitly(SendProduceReqHandler):  # type: ignore[misc]
    """Writes batches, which makes their partitions part of the transaction."""

    def create_request(self) -> ProduceRequest:
        """The request for all batches whose partitions a node leads."""
        topics = defaultdict(list)
        for place, batch in self._batches.items():
            topics[place.topic].append((place.partition, batch.get_data_buffer()))
        sender = self._sender
        return ProduceRequest(sender._txn_manager.transactional_id, sender._acks, sender._request_timeout_ms, topics)

    def handle_response(self, response: Any) -> None:
        """Tell each batch its result, or have it sent again."""
        others: list[Any] = []
        for topic, partitions, _ in response.topics:
            for told in partitions:
                partition, code = told[:2]
                batch = self._batches.get(TopicPartition(topic, partition))
                if batch is None:
                    continue
                if code == ConcurrentTransactions.errno:
                    # The markers of the previous transaction are still being written.
                    self._default_backoff = BACKOFF_OVERRIDE
                    self._to_reenqueue.append(batch)
                elif code in _REFUSALS:
                    batch.failure(exception=_REFUSALS[code]())
                else:
                    others.append((topic, [told[:7]]))
        super().handle_response(_Produced(8, others))


class _Committed(NamedTuple):
    """An answer as aiokafka's handler expects it."""

    errors: list[Any]


class CommitOffsetsImplicitly(TxnOffsetCommitHandler):  # type: ignore[misc]
    """Commits a group's offsets, which makes the group part of the transaction."""

    def create_request(self) -> TxnOffsetCommitRequest:
        """The request for all offsets that are left to commit."""
        offsets = defaultdict(list)
        for place, told in sorted(self._offsets.items()):
            offsets[place.topic].append((place.partition, told.offset, told.metadata))
        manager = self._sender._txn_manager
        return TxnOffsetCommitRequest(manager.transactional_id, self._group_id, manager.producer_id, manager.producer_epoch, offsets)

    def handle_response(self, resp: Any) -> float | None:
        """Seconds after which to send it again; none when that is unnecessary or useless."""
        errors = [(topic, [(number, code) for number, code, _ in partitions]) for topic, partitions, _ in resp.topics]
        codes = {code for _, partitions in errors for _, code in partitions}
        if ConcurrentTransactions.errno in codes:
            pause: float = BACKOFF_OVERRIDE
            return pause
        if codes & _REFUSALS.keys():
            _refuse(self._sender._txn_manager, codes)
            return None
        found: float | None = super().handle_response(_Committed(errors))
        return found


class EndAndGoOn(Once, EndTxnHandler):  # type: ignore[misc]
    """Ends the transaction, and adopts the epoch of the next one."""

    def create_request(self) -> EndTxnRequest:
        """The request, in the epoch of the transaction that ends."""
        manager = self._sender._txn_manager
        return EndTxnRequest(
            manager.transactional_id, manager.producer_id, manager.producer_epoch, transaction_result=bool(self._commit_result)
        )

    def handle_response(self, resp: Any) -> float | None:
        """Seconds after which to send it again; none when that is unnecessary or useless."""
        manager = self._sender._txn_manager
        if resp.error_code in _REFUSALS:
            _refuse(manager, {resp.error_code})
            return None
        if resp.error_code == NoError.errno:
            manager.go_on_as(resp.producer_id, resp.producer_epoch)
        found: float | None = super().handle_response(resp)
        return found


def _refuse(manager: Any, codes: set[int]) -> None:
    """Apply what one of `_REFUSALS` means for the transaction."""
    if TransactionAbortable.errno not in codes:
        raise ProducerFenced
    manager.error_transaction(TransactionAbortable())
