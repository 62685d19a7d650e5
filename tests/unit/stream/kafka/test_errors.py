import importlib
import logging
from collections.abc import Iterator

import pytest
from aiokafka.errors import KafkaError, KafkaTimeoutError, ProducerFenced

from etapa.hosting.sparse_log import MOST_KINDS, Sparse
from etapa.stream.kafka.errors import describe, log_errors, thin_out_logs
from etapa.stream.protocol.ports import Fenced, LogError


def record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("aiokafka", logging.ERROR, "", 1, message, arguments, None)


def test_a_message_that_repeats_is_shown_once_in_a_while_with_how_often_it_came() -> None:
    times = iter([0.0, 1.0, 2.0, 2.5, 10.0, 10.5])
    sparse = Sparse(10, lambda: next(times))
    assert sparse.filter(record("node %s", 1))
    assert not sparse.filter(record("node %s", 2))
    assert not sparse.filter(record("node %s", 3))
    assert sparse.filter(record("another"))
    shown = record("node %s", 4)
    assert sparse.filter(shown)
    assert shown.getMessage() == "node 4 (2 more like this were not shown)"
    assert not sparse.filter(record("node %s", 5))


def test_messages_that_are_never_the_same_are_not_remembered_without_end() -> None:
    sparse = Sparse(10, lambda: 0.0)
    for number in range(3 * MOST_KINDS):
        assert sparse.filter(record(f"node {number}"))
    assert len(sparse._last) <= MOST_KINDS


@pytest.fixture
def thinned() -> Iterator[list[str]]:
    """The loggers whose repeated messages a worker holds back."""

    def found() -> dict[logging.Logger, list[Sparse]]:
        loggers = [one for one in logging.getLogger().manager.loggerDict.values() if isinstance(one, logging.Logger)]
        return {one: sparse for one in loggers if (sparse := [each for each in one.filters if isinstance(each, Sparse)])}

    before = found()
    thin_out_logs()
    new = {one: [each for each in sparse if each not in before.get(one, [])] for one, sparse in found().items()}
    yield [one.name for one, sparse in new.items() if sparse]
    for one, sparse in new.items():
        for each in sparse:
            one.removeFilter(each)


def test_what_is_thinned_out_of_our_own_logs_is_what_modules_say(thinned: list[str]) -> None:
    ours = [name for name in thinned if name.startswith("etapa.")]
    assert ours
    assert [importlib.import_module(name).logger.name for name in ours] == ours


def test_failures_of_kafka_become_log_errors_that_say_what_was_being_done() -> None:
    with pytest.raises(LogError, match="asking: KafkaTimeoutError"), log_errors("asking"):
        raise KafkaTimeoutError
    with pytest.raises(LogError, match="asking: TimeoutError"), log_errors("asking"):
        raise TimeoutError


def test_a_fence_is_told_from_other_failures_even_when_it_is_only_the_cause() -> None:
    with pytest.raises(Fenced), log_errors("committing"):
        raise KafkaError("unexpected") from ProducerFenced()


def test_a_log_error_passes_as_it_is() -> None:
    with pytest.raises(LogError, match=r"^mine$"), log_errors("committing"):
        raise LogError("mine")


def test_an_error_is_described_in_one_line_with_its_name() -> None:
    assert describe(KafkaError("away")) == "KafkaError: away"
    assert describe(TimeoutError()) == "TimeoutError"
