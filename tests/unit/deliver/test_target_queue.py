"""A queue whose target answers as the test says, on a clock that the test moves."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

import pytest

from etapa.contracts.outgoing.undelivered import Undelivered
from etapa.deliver.attempts.backoff import Retry
from etapa.deliver.attempts.breaker import BreakerPolicy, State
from etapa.deliver.attempts.target_answers import Answer
from etapa.deliver.delivery_file.plan import Target
from etapa.deliver.dispatch.pending_trigger import PendingTrigger
from etapa.deliver.dispatch.target_queue import TargetQueue
from etapa.deliver.offsets.progress import PartitionProgress
from etapa.journey.units import SECOND

GOOD, BROKEN = Answer(200), Answer(500)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> int:
        return int(self.seconds * SECOND)

    def monotonic(self) -> float:
        return self.seconds


class Bench:
    """A queue, the answers that it gets, and what it reports."""

    def __init__(self, answer: Callable[[PendingTrigger], Awaitable[Answer]], **options: object) -> None:
        fields = {"retry": Retry(attempts=3, first=SECOND, longest=4 * SECOND), "parallel": 2, **options}
        target = Target(id="t", url="https://t/", **fields)  # type: ignore[arg-type]
        self.clock = Clock()
        self.asked: list[int] = []
        self.delivered_offsets: list[int] = []
        self.retries: list[int] = []
        self.letters: list[tuple[int, Undelivered]] = []
        self.states: list[State] = []

        async def post(delivery: PendingTrigger) -> Answer:
            self.asked.append(delivery.offset)
            return await answer(delivery)

        self.queue = TargetQueue(target, post, self, self.clock, lambda: 0.5)

    async def __aenter__(self) -> Self:
        self.work = self.queue.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.queue.stop()

    def put(self, *offsets: int, partition: int = 0) -> None:
        for offset in offsets:
            self.queue.put(
                PendingTrigger(
                    progress=PartitionProgress(9, 0),
                    lane="t",
                    partition=partition,
                    offset=offset,
                    key=b"",
                    value=b"",
                    headers=(),
                    published_at=0,
                )
            )

    async def settle(self) -> None:
        """Let everything happen that can happen now."""
        for _ in range(50):
            await asyncio.sleep(0)

    async def wait(self, seconds: float) -> None:
        """Move the clock, and let the queue notice."""
        self.clock.seconds += seconds
        self.queue._news.set()
        await self.settle()

    def delivered(self, target: str, delivery: PendingTrigger) -> None:
        self.delivered_offsets.append(delivery.offset)

    def retried(self, target: str, delivery: PendingTrigger) -> None:
        self.retries.append(delivery.offset)

    def undeliverable(self, target: str, delivery: PendingTrigger, why: Undelivered) -> None:
        self.letters.append((delivery.offset, why))

    def answered(self, target: str, seconds: float) -> None:
        pass

    def breaker(self, target: str, state: State) -> None:
        self.states.append(state)


def in_turn(*answers: Answer) -> Callable[[PendingTrigger], Awaitable[Answer]]:
    rest = list(answers)

    async def answer(delivery: PendingTrigger) -> Answer:
        return rest.pop(0) if len(rest) > 1 else rest[0]

    return answer


def test_what_fails_is_tried_again_after_its_wait_and_not_before() -> None:
    async def scenario() -> None:
        async with Bench(in_turn(BROKEN, BROKEN, GOOD)) as bench:
            bench.put(7)
            await bench.settle()
            assert bench.asked == [7]
            await bench.wait(0.49)
            assert bench.asked == [7]
            await bench.wait(0.02)
            assert bench.asked == [7, 7]
            await bench.wait(0.99)
            assert bench.asked == [7, 7]
            await bench.wait(0.02)
            assert (bench.asked, bench.delivered_offsets, bench.retries, bench.letters) == ([7, 7, 7], [7], [7, 7], [])

    asyncio.run(scenario())


def test_when_all_is_spent_the_letter_tells_every_request_the_last_first() -> None:
    async def scenario() -> None:
        async with Bench(in_turn(BROKEN, Answer(None, "no answer within 1s"), Answer(503))) as bench:
            bench.put(7)
            for _ in range(5):
                await bench.wait(10)
            history = "3: HTTP 503 Service Unavailable; 2: no answer within 1s; 1: HTTP 500 Internal Server Error"
            assert bench.letters == [(7, Undelivered("gave_up", history, "t", 3))]

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [302, 400, 404, 410])
def test_a_refusal_is_not_tried_again(status: int) -> None:
    async def scenario() -> None:
        async with Bench(in_turn(Answer(status))) as bench:
            bench.put(7)
            await bench.wait(100)
            ((offset, why),) = bench.letters
            assert (offset, why.reason, why.requests, bench.asked) == (7, "refused", 1, [7])

    asyncio.run(scenario())


def test_no_more_requests_at_a_time_than_allowed() -> None:
    async def scenario() -> None:
        gate = asyncio.Event()

        async def answer(delivery: PendingTrigger) -> Answer:
            await gate.wait()
            return GOOD

        async with Bench(answer) as bench:
            bench.put(*range(10))
            await bench.settle()
            assert bench.asked == [0, 1]
            gate.set()
            await bench.settle()
            assert bench.delivered_offsets == list(range(10))

    asyncio.run(scenario())


def test_a_target_that_asks_for_time_is_asked_nothing_meanwhile() -> None:
    async def scenario() -> None:
        async with Bench(in_turn(Answer(429, retry_after="30"), GOOD), parallel=1) as bench:
            bench.put(1, 2)
            await bench.settle()
            await bench.wait(29)
            assert bench.asked == [1]
            await bench.wait(1.01)
            assert sorted(bench.asked) == [1, 1, 2]
            assert bench.states == [], "being asked to slow down is no failure"

    asyncio.run(scenario())


def test_a_target_that_keeps_failing_is_left_alone_then_asked_once() -> None:
    async def scenario() -> None:
        options = {"parallel": 1, "breaker": BreakerPolicy(failures=2, pause=60 * SECOND), "retry": Retry(attempts=9, first=SECOND)}
        async with Bench(in_turn(BROKEN, BROKEN, BROKEN, GOOD), **options) as bench:
            bench.put(1, 2, 3)
            await bench.settle()
            assert (bench.asked, bench.states) == ([1, 2], ["open"])
            await bench.wait(59)
            assert bench.asked == [1, 2]
            await bench.wait(2)
            assert (len(bench.asked), bench.states) == (3, ["open", "half_open", "open"])
            await bench.wait(61)
            await bench.wait(61)
            assert sorted(bench.delivered_offsets) == [1, 2, 3]
            assert bench.states[-1] == "closed"

    asyncio.run(scenario())


def test_partitions_that_leave_take_their_waiting_deliveries_along_and_answers_under_way_still_count() -> None:
    async def scenario() -> None:
        gate = asyncio.Event()

        async def answer(delivery: PendingTrigger) -> Answer:
            await gate.wait()
            return GOOD if delivery.offset == 1 else BROKEN

        async with Bench(answer) as bench:
            bench.put(1, 2, 3)
            bench.put(4, partition=1)
            await bench.settle()
            under_way = bench.queue.drop({0})
            assert len(under_way) == 2
            gate.set()
            await bench.wait(100)
            assert bench.delivered_offsets == [1]
            assert 3 not in bench.asked
            assert bench.asked.count(2) == 1, "tried again although its partition is gone"
            assert [offset for offset, _ in bench.letters] == [], "a letter although its partition is gone"
            assert 4 in bench.asked

    asyncio.run(scenario())


def test_an_error_of_ours_counts_as_a_failure_so_that_nothing_is_stuck() -> None:
    async def scenario() -> None:
        async def answer(delivery: PendingTrigger) -> Answer:
            raise KeyError("a bug")

        async with Bench(answer) as bench:
            bench.put(1)
            for _ in range(4):
                await bench.wait(10)
            ((_, why),) = bench.letters
            assert why.reason == "gave_up"
            assert "an error in Etapa (KeyError)" in why.detail

    asyncio.run(scenario())


def test_a_trigger_that_is_older_than_the_target_wants_is_not_sent() -> None:
    async def go() -> None:
        async with Bench(in_turn(Answer(500, "500"), Answer(200, "200")), max_age=60 * SECOND) as bench:
            for offset, age in ((1, 61), (2, 60), (3, 10)):
                bench.queue.put(
                    PendingTrigger(
                        progress=PartitionProgress(9, 0),
                        lane="t",
                        partition=0,
                        offset=offset,
                        key=b"",
                        value=b"",
                        headers=(),
                        published_at=0,
                        at=bench.clock.now() - age * SECOND,
                    )
                )
            await bench.settle()
            assert bench.asked == [2, 3]
            assert [(offset, why.reason, why.requests) for offset, why in bench.letters] == [(1, "too_old", 0)]
            assert "max_age, 1m" in bench.letters[0][1].detail
            # The failed one will be too old by its next turn.
            await bench.wait(30)
            assert [(offset, why.reason, why.requests) for offset, why in bench.letters] == [(1, "too_old", 0), (2, "too_old", 1)]
            assert bench.delivered_offsets == [3]

    asyncio.run(go())
