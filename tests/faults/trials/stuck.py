"""A trial with a partition that no worker can process, since a transaction hangs in it: the others go on, and so does it after a repair."""

import asyncio
import time
from pathlib import Path

from aiokafka import TopicPartition

from etapa.contracts.stored.mark import MARK_KEY
from etapa.stream.kafka.writing.producer import transactional_id
from tests.faults.checking.timing import in_words, now, percentile
from tests.faults.loads.load import Load
from tests.faults.trials.scene import Figures, Scene, Tell, Wrong
from tests.integration.hanging import abort_hanging, leave_hanging
from tests.servers.processes import wait_until

STUCK = 1
"""The partition."""
_RATE = 400.0
_WORTH = 2.0
"""The most seconds by which touchpoints of the others may take longer while the partition is stuck."""
_SECONDS = 120.0
_POLL = 0.1


def stuck_partition(folder: Path, seconds: float, tell: Tell) -> Figures:
    """A transaction hangs in a partition as busy as the others, which is taken over; it hangs for so many seconds after the refusal."""
    with Scene(folder, session_timeout=3_000_000) as scene:
        settings = scene.settings
        first = scene.worker()
        scene.follow()
        load = Load(scene.kafka.bootstrap_servers, settings.topic_touchpoints, settings.partitions, _RATE, 1, 1500)
        try:
            load.start()
            wait_until(
                lambda: load.sent > 2 * _RATE and _behind(scene, load) < _RATE, _SECONDS, "the first touchpoints' being processed", _POLL
            )
            began = now()
            watched = min(seconds, 10.0)
            wait_until(lambda: now() > began + 1000 * watched, 2 * watched + 10, "some load before")
            ended = now()
            load.pause()
            scene.drain(load.ends, _SECONDS)
            first.ask_to_stop()
            if first.exit_code():
                raise Wrong(f"the worker did not stop cleanly:\n{first.said()[-3000:]}")
            places = [TopicPartition(topic, STUCK) for topic in (settings.topic_customer_state, settings.topic_stage_changes)]
            ours = transactional_id(settings, STUCK)
            asyncio.run(leave_hanging(settings, ours, [(places[0], MARK_KEY, b"{}"), (places[1], b"c", b"would come twice")]))
            load.start()
            worker = scene.worker(ready=settings.partitions - 1)
            started = time.monotonic()
            wait_until(lambda: worker.total("etapa_refused_total") >= 1, _SECONDS, "the partition's being refused", _POLL)
            refused = time.monotonic() - started
            stuck = now()
            wait_until(lambda: now() > stuck + 1000 * seconds, 2 * seconds + 10, "some load beside the stuck partition")
            mended = now()
            [told] = [one["detail"] for one in worker.ask("readyz")["not_ready"]]
            if not worker.is_running or "transaction hangs" not in told:
                raise Wrong(f"/readyz says {told!r}; the worker's last words:\n{worker.said()[-3000:]}")
            asyncio.run(abort_hanging(settings, ours, places))
            started = time.monotonic()
            ends = load.ends
            wait_until(lambda: not any(scene.lag(ends).values()), _SECONDS, "the stuck partition's going on by itself", _POLL)
            recovered = time.monotonic() - started
            tell(f"refused after {refused:.0f} s; {recovered:.0f} s after the transaction was aborted nothing waited any more")
            load.pause()
            totals = scene.close_books(load.ends, load.latest, _SECONDS)
        finally:
            load.stop()
        before, beside = (scene.timing.delays_but_of(STUCK, *window) for window in ((began, ended), (stuck, mended)))
        tell(f"touchpoints of the other partitions took {in_words(before)} before, and {in_words(beside)} beside the stuck one")
        if percentile(beside, 99) > percentile(before, 99) + _WORTH:
            raise Wrong(f"touchpoints of the other partitions took {in_words(beside)} while one was stuck, and {in_words(before)} before")
        return {
            "refused_seconds": refused,
            "others_p99_before": percentile(before, 99),
            "others_p99_with": percentile(beside, 99),
            "recovery_seconds": recovered,
            **totals,
        }


def _behind(scene: Scene, load: Load) -> int:
    return sum(lag for number, lag in scene.lag(load.ends).items() if number != STUCK)
