"""One partition of `transfers` on Kafka (`ports.Transfers`): read beside `touchpoints`, from where the mark says, outside any group."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from etapa.stream.kafka.batches.our_records import as_records
from etapa.stream.kafka.batches.unpacking import LargeBatch
from etapa.stream.kafka.clients.consumer import stop_consumer
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.partition.stable_end import StableEnd
from etapa.stream.kafka.reading.stretch import range_of
from etapa.stream.protocol.ports import Blocked, LogError
from etapa.stream.protocol.records import Record

_FETCH_WAIT_MS = 500
"""A broker answers at once when something arrives; otherwise this often."""
_CATCHING_UP_MS = 20
"""Short, because an answer with only control records moves the position but does not end the wait."""
_T = TypeVar("_T")


class KafkaTransfers:
    """Connects when it is first read. A task of its own reads ahead, so that news can end a wait for touchpoints."""

    def __init__(self, cluster: Cluster, partition: int) -> None:
        self.on_withheld: Callable[[int | None], None] = lambda since: None
        """Gets the time (microseconds since 1970) since when an open transaction holds back what comes after it, and none when it has ended."""
        self._cluster = cluster
        self._place = TopicPartition(cluster.settings.topic_transfers, partition)
        self._doing = f"partition {partition}: reading {self._place.topic}"
        self._seconds = cluster.session_seconds
        self._reading: asyncio.Task[None] | None = None
        self._arrived: deque[Record] = deque()
        self._has_news, self._has_room = asyncio.Event(), asyncio.Event()
        self._next = -1
        """Where the next call goes on."""
        self._reached = self._end = 0
        """Everything before `_reached` was read; `_end` is the end when reading began."""

    @property
    def is_read(self) -> bool:
        """Whether there may be news."""
        return self._reading is not None

    async def unless_news(self, getmany: Coroutine[Any, Any, _T], seconds: float) -> _T | None:
        """What a consumer's `getmany` returns; none as soon as there is something to fetch here or reading here has failed, or after so long.

        A time limit around this would lose records: those that `getmany` has taken by the time that the limit cancels us.
        """
        getting, news = asyncio.ensure_future(getmany), asyncio.ensure_future(self._has_news.wait())
        try:
            await asyncio.wait({getting, news}, timeout=seconds, return_when="FIRST_COMPLETED")
            # Cancelled, it is still waiting: it takes records and returns them in one go.
            return getting.result() if getting.done() else None
        finally:
            getting.cancel()
            news.cancel()

    async def fetch(self, start: int, max_records: int, wait: float) -> Sequence[Record]:
        """As the port says. Raises `LogError`, and `Blocked` when a batch cannot be unpacked."""
        if start != self._next or self._reading is None:
            await self._begin(start)
        deadline = time.monotonic() + wait
        patience = time.monotonic() + self._seconds
        while not self._arrived:
            self._raise_failure()
            is_behind = self._reached < self._end
            left = (patience if is_behind else deadline) - time.monotonic()
            if left <= 0:
                break
            self._has_news.clear()
            await self._wait_for_news(left)
        if not self._arrived and self._reached < self._end:
            message = f"{self._doing}: nothing came after offset {self._reached} for {self._seconds:g} s, and the end is {self._end}"
            raise LogError(message)
        records = [self._arrived.popleft() for _ in range(min(max_records, len(self._arrived)))]
        if records:
            self._next = records[-1].offset + 1
        if not self._arrived:
            self._has_news.clear()
            self._has_room.set()
        return records

    async def close(self) -> None:
        """Stop reading and close the connections. Safe to call more than once."""
        reading, self._reading = self._reading, None
        self._arrived.clear()
        self._next = -1
        if reading is not None:
            reading.cancel()
            await asyncio.wait({reading})
            if not reading.cancelled():
                reading.exception()

    async def _begin(self, start: int) -> None:
        await self.close()
        consumer = self._cluster.reading_consumer(fetch_wait_ms=_FETCH_WAIT_MS)
        try:
            with log_errors(self._doing):
                async with asyncio.timeout(self._seconds):
                    await consumer.start()
                    consumer.assign([self._place])
                    consumer.pause(self._place)
                    first, self._end = await range_of(consumer, self._place)
                # Retention may have removed what was taken in. Whatever else is missing, the numbers of transfers tell.
                self._reached = max(start, first)
                consumer.seek(self._place, self._reached)
                consumer.resume(self._place)
        except BaseException:
            await stop_consumer(consumer)
            raise
        self._next = start
        self._has_news.clear()
        self._has_room.set()
        self._reading = asyncio.create_task(self._read_on(consumer), name=f"etapa transfers {self._place.partition}")

    async def _read_on(self, consumer: AIOKafkaConsumer) -> None:
        """Read until cancelled, one answer of the broker ahead."""
        stable_end = StableEnd(self.on_withheld)
        try:
            while True:
                await self._has_room.wait()
                was_behind = self._reached < self._end
                got = await consumer.getmany(self._place, timeout_ms=_CATCHING_UP_MS if was_behind else _FETCH_WAIT_MS)
                self._arrived.extend(as_records(got.get(self._place, [])))
                self._reached = await consumer.position(self._place)
                stable, end = consumer.last_stable_offset(self._place), consumer.highwater(self._place)
                stable_end.look(self._reached, stable, end, time.time_ns() // 1000)
                if self._arrived:
                    self._has_room.clear()
                if self._arrived or (was_behind and self._reached >= self._end):
                    self._has_news.set()
        finally:
            await stop_consumer(consumer)
            # A fetch that waits must find out that nothing will come.
            self._has_news.set()

    async def _wait_for_news(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._has_news.wait()
        except TimeoutError:
            pass

    def _raise_failure(self) -> None:
        reading = self._reading
        if reading is None or not reading.done():
            return
        with log_errors(self._doing):
            try:
                reading.result()
            except LargeBatch as error:
                raise Blocked(f"{self._doing}: at offset {self._reached} or soon after: {error}; raise it to read these records") from error
        message = f"{self._doing}: reading has ended"
        raise LogError(message)
