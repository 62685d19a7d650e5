"""What can go wrong in aiokafka, told in the words of the ports."""

import contextlib
from collections.abc import Iterator

from aiokafka.errors import ConsumerStoppedError, IllegalOperation, InvalidProducerEpoch, KafkaError, ProducerFenced

from etapa.stream.ports import Fenced, LogError

# aiokafka guards its transaction states with assertions; one that fails tells of a producer that died meanwhile.
KAFKA_FAILURES = (KafkaError, ConsumerStoppedError, IllegalOperation, OSError, TimeoutError, AssertionError)

_FENCED = (ProducerFenced, InvalidProducerEpoch)


def is_fenced(error: BaseException | None) -> bool:
    """True when `error` or what caused it says that a newer producer has the transactional id."""
    while error is not None:
        if isinstance(error, _FENCED):
            return True
        error = error.__cause__
    return False


def describe(error: BaseException) -> str:
    """The error in one line; many of aiokafka's have no text but their name."""
    told = str(error).strip()
    name = type(error).__name__
    return told if name in told else f"{name}: {told}" if told else name


@contextlib.contextmanager
def log_errors(doing: str) -> Iterator[None]:
    """Turn aiokafka's failures into `LogError` (or `Fenced`), saying what was being done."""
    try:
        yield
    except KAFKA_FAILURES as error:
        kind = Fenced if is_fenced(error) else LogError
        message = f"{doing}: {describe(error)}"
        raise kind(message) from error
