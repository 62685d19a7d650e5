"""A small installation for one trial: a broker, a Redis and workers, with nothing between them, and the books of its output."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.load import journey_or_raise
from etapa.journey.units import DAY
from etapa.settings import Settings
from etapa.settings.values import RedisUrl
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topics.creation import create_topics
from tests.faults.checking.books import Books
from tests.faults.checking.follower import Follower
from tests.faults.checking.standing import differences_in_redis, processed, redis_is_up_to_date
from tests.faults.checking.timing import Timing
from tests.faults.installation.installation import journey_file
from tests.faults.installation.log_ends import hanging_transactions
from tests.integration.outcome import closing, put_touchpoints
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import wait_until
from tests.servers.redis_server import RedisServer

_READY_SECONDS = 60.0

Tell = Callable[[str], None]
Figures = Mapping[str, float]
"""What a trial measured, by name."""


class Wrong(Exception):
    """A trial found something wrong; the message lists what."""


class Scene(AbstractContextManager["Scene"]):
    """A context manager that runs everything but the workers; `settings` are the workers', in addition to those that make tests exact."""

    def __init__(
        self,
        folder: Path,
        *,
        kafka: Mapping[str, str] | None = None,
        spoils: Callable[[Touchpoint], bool] = lambda touchpoint: False,
        **settings: Any,
    ) -> None:
        """`kafka` are settings of the broker; `spoils` is passed to the books."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.kafka = KafkaServer(folder / "kafka", settings=dict(kafka or {}))
        self.redis = RedisServer(folder / "redis")
        defaults = {"partitions": 4, "session_timeout": 6_000_000, "redis_timeout": 2_000_000}
        self.settings = Settings(
            kafka_bootstrap_servers=self.kafka.bootstrap_servers,
            redis_url=RedisUrl(self.redis.url),
            journey=str(journey_file(folder)),
            # Timers follow the touchpoints alone, so that the expected output is known.
            quiet_after=DAY,
            **{**defaults, **settings},
        )
        self.journey = journey_or_raise(self.settings.journey_path.read_text(encoding="utf-8"), str(self.settings.journey_path))
        self.books = Books(self.journey, self.settings.partitions, spoils)
        self.timing = Timing()
        self._follower = Follower(self.kafka.bootstrap_servers, self.settings, self.books, self.timing)
        self._follows = False
        self._workers: list[StartedWorker] = []

    def __enter__(self) -> Self:
        try:
            self.kafka.start()
            self.redis.start()
            asyncio.run(self._create_topics())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        for worker in self._workers:
            worker.kill()
        if self._follows:
            self._follower.stop()
        self.redis.stop()
        self.kafka.stop()

    async def _create_topics(self) -> None:
        await create_topics(Cluster(self.settings))

    def worker(self, module: str = "etapa", ready: int | None = None) -> StartedWorker:
        """A new worker; so many of its partitions are ready when this returns (by default all)."""
        worker = StartedWorker(self.settings, self.folder, module=module)
        self._workers.append(worker)
        if ready is None:
            worker.wait_ready(self.settings.partitions)
        else:
            wait_until(lambda: worker.ready_partitions() == ready, _READY_SECONDS, f"{ready} partitions' being ready")
        return worker

    def follow(self) -> None:
        """Begin to keep the books, from the first record on. This uses as much CPU as a worker."""
        self._follows = True
        self._follower.start()

    def lag(self, ends: Mapping[int, int]) -> Mapping[int, int]:
        """By partition, how many touchpoints before `ends` are not processed yet, by the books."""
        through = processed(self.books, self.settings.partitions)
        return {number: max(0, end - through[number]) for number, end in ends.items()}

    def drain(self, ends: Mapping[int, int], seconds: float) -> None:
        """Wait until everything up to `ends` is processed, Redis shows it, and the books have it."""

        def is_drained() -> bool:
            if self._follower.error is not None:
                message = f"the follower failed: {self._follower.error!r}"
                raise Wrong(message)
            return not any(self.lag(ends).values()) and redis_is_up_to_date(self.books, self.settings, self.redis)

        wait_until(is_drained, seconds, f"the processing of touchpoints up to {dict(ends)}", 0.1)
        wait_until(self._follower.is_through, seconds, "the follower's reading every topic to its end", 0.1)

    def close_books(self, ends: Mapping[int, int], latest: int, seconds: float) -> Mapping[str, int]:
        """Let all timers fire, compare everything, and return how much there was. `latest` is when the last touchpoint occurred."""
        self.drain(ends, seconds)
        problems = [*self.books.violations, *self.books.behind()]
        until = latest + 200 * DAY
        last = closing(self.settings, until + self.journey.grace)
        asyncio.run(put_touchpoints(self.settings, last))
        self.drain({number: end + 1 for number, end in ends.items()}, seconds)
        problems += self.books.close(until)
        problems += differences_in_redis(self.books, self.settings, self.redis)
        problems += [f"a transaction hangs in {topic}/{number}" for topic, number in self._hanging()]
        if problems:
            raise Wrong("\n".join(problems))
        books = self.books
        return {
            "touchpoints": books.touchpoints,
            "stage_changes": books.changes,
            "dead_letters": books.letters,
            "customers": len(books.states),
        }

    def _hanging(self) -> Sequence[tuple[str, int]]:
        settings = self.settings
        topics = (
            settings.topic_stage_changes,
            settings.topic_campaign_triggers,
            settings.topic_campaign_outcomes,
            settings.topic_dead_letters,
            settings.topic_customer_state,
        )
        return hanging_transactions(
            self.kafka.bootstrap_servers, [(topic, number) for topic in topics for number in range(settings.partitions)]
        )


def check_undisturbed(worker: StartedWorker, partitions: int) -> None:
    """Check that the worker kept every partition from its start: each was taken over once, and no other worker ever got one."""
    takeovers, fenced = worker.total("etapa_takeovers_total"), worker.total("etapa_fenced_total")
    if not worker.is_running:
        raise Wrong(f"the worker ended by itself:\n{worker.said()[-3000:]}")
    if (takeovers, fenced) != (partitions, 0):
        raise Wrong(
            f"{partitions} partitions were taken over {takeovers:g} times, and the worker was fenced {fenced:g} times:\n{worker.said()[-3000:]}"
        )
