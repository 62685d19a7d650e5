"""What is kept of a batch's records once they are judged, and that it is no more."""

import asyncio
import json
from collections.abc import Sequence

from bench.measuring.memory_ports import DictView, ListLog
from etapa.hosting.system_clock import SystemClock
from etapa.stream.protocol.arrivals import MOST_KEPT, NO_ARRIVALS, arrivals_of
from etapa.stream.protocol.observer import NullObserver
from etapa.stream.protocol.ports import Fetched, Transaction
from etapa.stream.protocol.records import Record
from etapa.stream.protocol.task_options import TaskOptions
from etapa.stream.protocol.tenures.task import PartitionTask
from tests.simulation.worlds.scenario import PROGRAM

COUNT = 500


def records(count: int) -> list[Record]:
    return [Record(100 + offset, 1000 * (offset // 7), b"k", b"v") for offset in range(count)]


def test_it_says_how_many_records_arrived_when() -> None:
    arrivals = arrivals_of(records(25), 20)
    assert (arrivals.count, arrivals.first, arrivals.last) == (20, 100, 119)
    assert arrivals.timestamps == {0: 7, 1000: 7, 2000: 6}


def test_records_that_arrived_out_of_order_are_counted_by_timestamp_all_the_same() -> None:
    assert arrivals_of([Record(offset, timestamp, None, None) for offset, timestamp in enumerate((5, 5, 3, 5))], 4).timestamps == {
        5: 3,
        3: 1,
    }


def test_few_records_are_kept_whole_and_many_as_a_sample_spread_over_them() -> None:
    assert [one.offset for one in arrivals_of(records(5), 5).sample] == [100, 101, 102, 103, 104]
    sample = arrivals_of(records(1000), 900).sample
    assert MOST_KEPT // 2 < len(sample) <= MOST_KEPT
    assert sample[0].offset == 100
    assert sample[-1].offset > 970


def test_without_records_there_is_nothing_to_say() -> None:
    assert arrivals_of([], 0) is arrivals_of(records(3), 0) is NO_ARRIVALS


class _Value(bytes):
    """A value that says when nobody holds it any more."""

    gone = 0

    def __del__(self) -> None:
        _Value.gone += 1


class _GivenAway(ListLog):
    """Holds no record that it has given away, and looks at each commit for how many others do."""

    def __init__(self, given: Sequence[Record]) -> None:
        super().__init__(())
        self._given = list(given)
        self.held: list[int] = []

    async def touchpoint_range(self) -> tuple[int, int]:
        return 0, COUNT

    async def fetch(self, max_records: int, max_bytes: int, wait: float) -> Fetched:
        given, self._given = self._given, []
        if not given:
            self.at_end()
        return Fetched(given, COUNT, caught_up=not given)

    async def commit(self, transaction: Transaction) -> int:
        self.held.append(COUNT - _Value.gone)
        return await super().commit(transaction)


def _touchpoint(number: int) -> Record:
    message = {"id": f"e-{number}", "customer_id": "c", "type": "view", "occurred_at": "2026-01-01T00:00:00Z"}
    return Record(number, 0, b"c", _Value(json.dumps(message).encode()))


def test_while_a_batch_waits_for_kafka_the_worker_holds_no_more_of_its_records_than_the_sample() -> None:
    log = _GivenAway([_touchpoint(number) for number in range(COUNT)])
    task = PartitionTask(0, PROGRAM, log, DictView(), SystemClock(), NullObserver(), TaskOptions(group="g"))
    log.at_end = task.request_stop
    asyncio.run(task.run())
    assert log.held
    assert 0 < log.held[0] <= MOST_KEPT
