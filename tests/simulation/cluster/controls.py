"""The safeguards of our transactional producer, and ways to switch each off. With any of them off, the checker must find something."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, Literal, get_args
from unittest.mock import patch

import msgspec
from aiokafka.producer.sender import BaseHandler

from etapa.settings import Settings
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.partition import log as kafka_log
from etapa.stream.kafka.transactions import once
from etapa.stream.kafka.writing import producer as kafka_producer
from etapa.stream.kafka.writing.producer import PartitionProducer
from etapa.stream.protocol.ports import Transaction
from etapa.stream.protocol.records import Outgoing
from tests.simulation.cluster.loop import RUNNING

ProducerSafeguard = Literal["ends_once", "drops_what_waits", "shared_id", "letters_within", "known_offset"]
PRODUCER_SAFEGUARDS: Final[tuple[ProducerSafeguard, ...]] = get_args(ProducerSafeguard)


class ApartProducer(PartitionProducer):
    """Without dead letters in the transaction of their batch: they have their own transaction before it."""

    async def commit(self, transaction: Transaction) -> int:
        if transaction.dead_letters:
            with log_errors("dead letters by themselves"):
                await self._producer.begin_transaction()
                await self._send_records(self._settings.topic_dead_letters, transaction.dead_letters, None)
                await self._producer.commit_transaction()
        return await super().commit(msgspec.structs.replace(transaction, dead_letters=()))


class TrustingProducer(PartitionProducer):
    """Without insisting on the offset of the mark: whatever the broker returns is accepted."""

    async def _send_states(self, transaction: Transaction) -> int:
        records = [*transaction.states, *transaction.ledger, Outgoing(transaction.mark_key, transaction.mark_value)]
        offset = await self._send_records(self._settings.topic_customer_state, records, None)
        return -1 if offset is None else offset


def id_of_its_own(settings: Settings, partition: int) -> str:
    """A transactional id that no other process has, so that no process is fenced by its successor."""
    process = RUNNING.get()
    assert process is not None
    return f"{settings.group}.{settings.topic_touchpoints}.{partition}.{process.name}"


def send_whatever_waits(producer: Any) -> None:
    """Without dropping it."""


_WITHOUT: Final[dict[ProducerSafeguard, Callable[[], Any]]] = {
    # As aiokafka does on its own: an EndTxn that got no response is sent again.
    "ends_once": lambda: patch.object(once.Once, "do", BaseHandler.do),
    "drops_what_waits": lambda: patch.object(kafka_producer, "send_nothing_after_an_error", send_whatever_waits),
    "shared_id": lambda: patch.object(kafka_producer, "transactional_id", id_of_its_own),
    "letters_within": lambda: patch.object(kafka_log, "PartitionProducer", ApartProducer),
    "known_offset": lambda: patch.object(kafka_log, "PartitionProducer", TrustingProducer),
}


@contextmanager
def without(off: frozenset[str]) -> Iterator[None]:
    """Producers made meanwhile lack these safeguards."""
    with ExitStack() as stack:
        for safeguard in PRODUCER_SAFEGUARDS:
            if safeguard in off:
                stack.enter_context(_WITHOUT[safeguard]())
        yield
