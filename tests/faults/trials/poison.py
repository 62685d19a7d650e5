"""Trials with a partition in which every record is poison. The other partitions have their usual load, and must not suffer."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from confluent_kafka import Producer

from etapa.contracts.partitioner import partition_of
from tests.faults.checking.timing import in_words, now, percentile
from tests.faults.loads.load import Load
from tests.faults.trials.flawed_worker import CURSED, is_cursed
from tests.faults.trials.scene import Figures, Scene, Tell, Wrong, check_undisturbed
from tests.servers.processes import wait_until

Record = tuple[bytes, bytes]

POISONED = 0
"""The partition."""
_RATE = 600.0
"""Touchpoints a second in the other partitions together: a usual load, not the capacity."""
_WORTH = 2.0
"""The most seconds by which the poison may delay touchpoints of the others."""
_BEGINNING = 10.0
_SHORTEST = 1_000
"""The least milliseconds for which the others are observed."""
_POLL = 0.02


def undecodable(folder: Path, count: int, tell: Tell) -> Figures:
    """Records that are not JSON."""
    return _try(folder, count, tell, lambda number, key: (key, b"\xff{ no touchpoint %d " % number + b"." * 150), "etapa", 1_000)


def large(folder: Path, count: int, tell: Tell) -> Figures:
    """Records of 600 kB that are not JSON: their dead letters cannot be written as fast as they are read."""
    padding = b"." * 600_000
    return _try(folder, count, tell, lambda number, key: (key, b"\xff%d" % number + padding), "etapa", 4)


def unjudgeable(folder: Path, count: int, tell: Tell) -> Figures:
    """Valid touchpoints whose judging raises."""

    def cursed(number: int, key: bytes) -> Record:
        fields = {"id": f"p-{number}", "customer_id": key.decode(), "type": CURSED, "occurred_at": "2015-01-01T00:00:00Z"}
        return key, msgspec.json.encode(fields)

    return _try(folder, count, tell, cursed, "tests.faults.trials.flawed_worker", 400)


def _try(folder: Path, count: int, tell: Tell, record: Callable[[int, bytes], Record], module: str, slowest: float) -> Figures:
    """`slowest`: how many per second must be processed at least, after the first few seconds."""
    with Scene(folder, spoils=is_cursed) as scene:
        worker = scene.worker(module)
        scene.follow()
        settings = scene.settings
        servers = scene.kafka.bootstrap_servers
        quiet_seconds = min(15.0, 3 + count / 2_000)
        load = Load(servers, settings.topic_touchpoints, settings.partitions, _RATE, 1, 1500, {POISONED})
        try:
            load.start()
            wait_until(lambda: load.sent > 2 * _RATE and _behind(scene, load) < _RATE, 60, "the first touchpoints' being processed")
            began = now()
            wait_until(lambda: now() > began + quiet_seconds * 1000, 2 * quiet_seconds, "some load without poison")
            poisoned = now()
            _flood(scene, record, count)
            end = {POISONED: count}
            wait_until(lambda: not any(scene.lag(end).values()), 60 + count / 100, "the end of the poison")
            load.pause()
            check_undisturbed(worker, settings.partitions)
            totals = scene.close_books({**load.ends, **end}, load.latest, 120)
        finally:
            load.stop()
        if totals["dead_letters"] < count:
            raise Wrong(f"{count} records of poison became {totals['dead_letters']} dead letters")
        ended = scene.timing.processed_at(POISONED, count - 1)
        taken = (ended - poisoned) / 1000
        without, beside = (
            scene.timing.delays_but_of(POISONED, since, until)
            for since, until in ((began, poisoned), (poisoned, max(ended, poisoned + _SHORTEST)))
        )
        tell(
            f"touchpoints of the other partitions took {in_words(without)} without poison, and {in_words(beside)} beside {count} records of it,"
            f" which were processed in {taken:.1f} s"
        )
        if taken > _BEGINNING + count / slowest:
            raise Wrong(f"{count} records of poison took {taken:.0f} s to process, which is too slow")
        if percentile(beside, 99) > percentile(without, 99) + _WORTH:
            raise Wrong(f"because of the poison, touchpoints of other partitions took {in_words(beside)}; without it {in_words(without)}")
        return {
            "poison": count,
            "poison_seconds": taken,
            "others_p50_without": percentile(without, 50),
            "others_p99_without": percentile(without, 99),
            "others_p50_with": percentile(beside, 50),
            "others_p99_with": percentile(beside, 99),
            **totals,
        }


def _flood(scene: Scene, record: Callable[[int, bytes], Record], count: int) -> None:
    """Fill the poisoned partition as fast as the broker accepts records."""
    keys = list(_keys(scene.settings.partitions, 200))
    producer = Producer({"bootstrap.servers": scene.kafka.bootstrap_servers, "enable.idempotence": True, "linger.ms": 5, "log_level": 2})
    for number in range(count):
        key, value = record(number, keys[number % len(keys)])
        while True:
            try:
                producer.produce(scene.settings.topic_touchpoints, value, key, POISONED)
                break
            except BufferError:
                producer.poll(_POLL)
    producer.flush(120)


def _behind(scene: Scene, load: Load) -> int:
    return sum(lag for number, lag in scene.lag(load.ends).items() if number != POISONED)


def _keys(partitions: int, count: int) -> Iterator[bytes]:
    """Ids of customers of the poisoned partition."""
    number = 0
    while count:
        name = f"poisoned-{number}"
        if partition_of(name, partitions) == POISONED:
            yield name.encode()
            count -= 1
        number += 1
