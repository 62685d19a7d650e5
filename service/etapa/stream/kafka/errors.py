"""Translates aiokafka's errors into those of the ports."""

import contextlib
import logging
from collections.abc import Iterator

from aiokafka.errors import ConsumerStoppedError, IllegalOperation, InvalidProducerEpoch, KafkaConnectionError, KafkaError, ProducerFenced

from etapa.hosting.sparse_log import Sparse
from etapa.stream.protocol.ports import Fenced, LogError

# aiokafka guards its transaction states with assertions; one fails when the producer has died in the meantime.
KAFKA_FAILURES = (KafkaError, ConsumerStoppedError, IllegalOperation, OSError, TimeoutError, AssertionError)

_FENCED = (ProducerFenced, InvalidProducerEpoch)


def is_fenced(error: BaseException | None) -> bool:
    """Whether `error` or one of its causes says that a newer producer has the transactional id."""
    while error is not None:
        if isinstance(error, _FENCED):
            return True
        error = error.__cause__
    return False


def describe(error: BaseException) -> str:
    """The error in one line; many aiokafka errors have no text except their name."""
    told = str(error).strip()
    name = type(error).__name__
    told = told if name in told else f"{name}: {told}" if told else name
    # When it finds no broker, aiokafka's client gives no reason; `found_again` looks for one.
    why = error.__cause__ if isinstance(error, KafkaConnectionError) else None
    return told if why is None else f"{told} ({describe(why)})"


@contextlib.contextmanager
def log_errors(doing: str) -> Iterator[None]:
    """Turn aiokafka's failures into `LogError` (or `Fenced`), with what was being done."""
    try:
        yield
    except KAFKA_FAILURES as error:
        kind = Fenced if is_fenced(error) else LogError
        message = f"{doing}: {describe(error)}"
        raise kind(message) from error


_NOISY = (
    "aiokafka",
    "aiokafka.cluster",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
    # They log about single records and customers, and there may be any number of poisonous ones. Each such record gets a dead letter anyway.
    "etapa.stream.protocol.judge",
    "etapa.stream.protocol.tenures.reclassifier",
    "etapa.stream.protocol.tenures.written_batch",
)


def thin_out_logs(seconds: float = 10.0) -> None:
    """Let noisy loggers repeat a message no more often than every `seconds`."""
    sparse = Sparse(seconds)
    for name in _NOISY:
        logging.getLogger(name).addFilter(sparse)
