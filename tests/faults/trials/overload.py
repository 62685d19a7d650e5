"""Trials with far more than a worker can process: its memory stays bounded, it keeps its partitions, and it catches up afterwards."""

import time
from collections.abc import Mapping
from pathlib import Path

from tests.faults.installation.log_ends import committed_ends
from tests.faults.loads.torrent import LATEST, Order, Torrent
from tests.faults.trials.measures import MEBIBYTE, MemoryWatch, Throttle, resident
from tests.faults.trials.memory_bound import memory_bound
from tests.faults.trials.scene import Figures, Scene, Tell, Wrong, check_undisturbed
from tests.integration.worker import StartedWorker
from tests.servers.processes import wait_until

_TIMES = 10
"""The load, as a multiple of the capacity."""
_FASTEST = 100_000
"""Touchpoints a second that no worker can process on one processor."""
_BATCH = 500
"""Small, so that there are many of them in a short time."""
_LARGE = 1_000_000
_LOOK = 0.5
_TELL_EVERY = 10.0


def overload(folder: Path, seconds: float, share: float, tell: Tell) -> Figures:
    """Ten times the capacity of a worker with `share` of a processor, for so many seconds."""
    with Scene(folder, customers_in_memory=10_000, batch_records=_BATCH) as scene:
        worker = scene.worker()
        idle = resident(worker.pid)
        bound = memory_bound(scene.settings, scene.settings.partitions)
        with MemoryWatch(worker.pid) as memory, Throttle(worker, share) as throttle:
            carried = _capacity(scene, worker, seconds / 3, share)
            tell(f"with {share:.0%} of a processor the worker carries {carried:,.0f} touchpoints a second")
            _wait_for_all(scene, worker, 60 + seconds, "the end of what it was measured with")
            before = worker.total("etapa_touchpoints_total")
            torrent = Torrent(_order(scene, 2, int(_TIMES * carried * seconds), _TIMES * carried), folder)
            told = 0.0
            while not torrent.is_over:
                if time.monotonic() > told + _TELL_EVERY:
                    told = time.monotonic()
                    tell(f"  {_waiting(scene, worker):10,.0f} wait, {resident(worker.pid) / MEBIBYTE:.0f} MiB")
                time.sleep(_LOOK)
            done = torrent.done(1)
            backlog = done.count - (worker.total("etapa_touchpoints_total") - before)
            tell(
                f"offered {done.count:,} touchpoints in {done.seconds:.0f} s, {done.rate / carried:.1f} times as many as it carries;"
                f" {backlog:,.0f} wait, the worker has {memory.most / MEBIBYTE:.0f} MiB at most (bound: {bound / MEBIBYTE:.0f})"
            )
            meanwhile = _rate(worker, seconds / 6)
            throttle.release()
            began = time.monotonic()
            _wait_for_all(scene, worker, 60 + 4 * backlog * share / carried, "the processing of what waited")
            drained = time.monotonic() - began
            tell(f"with a whole processor everything was processed {drained:.0f} s later; {memory.most / MEBIBYTE:.0f} MiB at most")
            check_undisturbed(worker, scene.settings.partitions)
            most = resident(worker.pid, "VmHWM")
        if most > bound:
            raise Wrong(f"the worker took {most / MEBIBYTE:.0f} MiB; the bound is {bound / MEBIBYTE:.0f} MiB")
        scene.follow()
        totals = scene.close_books(_ends(scene), LATEST, 60 + done.count / 2_000)
        return {
            "carried_per_second": carried,
            "offered_per_second": done.rate,
            "offered": done.count,
            "waiting_at_most": backlog,
            "per_second_while_they_wait": meanwhile,
            "drained_seconds": drained,
            "mebibytes_idle": idle / MEBIBYTE,
            "mebibytes_most": most / MEBIBYTE,
            "mebibytes_bound": bound / MEBIBYTE,
            **totals,
        }


def large_records(folder: Path, count: int, tell: Tell) -> Figures:
    """A backlog of touchpoints of 1,000,000 bytes each, and another compressed to a few hundredths of that."""
    with Scene(folder, customers_in_memory=1_000) as scene:
        orders = [_order(scene, number, count, None, _LARGE, how) for number, how in enumerate(("none", "gzip"), start=1)]
        for order in orders:
            done = Torrent(order, folder).done(60 + count / 10)
            tell(f"{count:,} touchpoints of {_LARGE:,} bytes wait (compression: {order.compression}); it took {done.seconds:.0f} s")
        bound = memory_bound(scene.settings, scene.settings.partitions)
        worker = scene.worker()
        began = time.monotonic()
        with MemoryWatch(worker.pid) as memory:
            wait_until(lambda: worker.total("etapa_touchpoints_total") == 2 * count, 60 + count / 5, "the processing of what waited", _LOOK)
        drained = time.monotonic() - began
        tell(f"all processed after {drained:.0f} s; {memory.most / MEBIBYTE:.0f} MiB at most (bound: {bound / MEBIBYTE:.0f})")
        check_undisturbed(worker, scene.settings.partitions)
        most = resident(worker.pid, "VmHWM")
        if most > bound:
            raise Wrong(f"the worker took {most / MEBIBYTE:.0f} MiB; the bound is {bound / MEBIBYTE:.0f} MiB")
        scene.follow()
        totals = scene.close_books(_ends(scene), LATEST, 60 + count / 5)
        return {"drained_seconds": drained, "mebibytes_most": most / MEBIBYTE, "mebibytes_bound": bound / MEBIBYTE, **totals}


def _order(scene: Scene, seed: int, count: int, rate: float | None, padding: int = 0, compression: str = "none") -> Order:
    return Order(scene.kafka.bootstrap_servers, scene.settings.topic_touchpoints, seed, count, rate, padding, compression)


def _capacity(scene: Scene, worker: StartedWorker, seconds: float, share: float) -> float:
    """Touchpoints processed per second while more than enough wait."""
    Torrent(_order(scene, 1, int(_FASTEST * share * (seconds + 4)), None), scene.folder).done(60 + seconds)
    _rate(worker, 0)
    rate = _rate(worker, seconds)
    if not _waiting(scene, worker):
        raise Wrong("the worker's capacity was not measured: no touchpoints were waiting any more")
    return rate


def _rate(worker: StartedWorker, seconds: float) -> float:
    """Touchpoints processed per second, over at least so many seconds and a few batches."""
    began, before = time.monotonic(), worker.total("etapa_touchpoints_total")
    wait_until(
        lambda: time.monotonic() > began + seconds and worker.total("etapa_touchpoints_total") > before + 10 * _BATCH,
        60 + 2 * seconds,
        "the processing of some batches",
    )
    return (worker.total("etapa_touchpoints_total") - before) / (time.monotonic() - began)


def _waiting(scene: Scene, worker: StartedWorker) -> float:
    """Unprocessed touchpoints in the log. The gauge of the lag is some seconds old."""
    return sum(_ends(scene).values()) - worker.total("etapa_touchpoints_total")


def _wait_for_all(scene: Scene, worker: StartedWorker, seconds: float, what: str) -> None:
    wait_until(lambda: not _waiting(scene, worker), seconds, what, _LOOK)


def _ends(scene: Scene) -> Mapping[int, int]:
    topic = scene.settings.topic_touchpoints
    places = [(topic, number) for number in range(scene.settings.partitions)]
    return {number: end for (_, number), end in committed_ends(scene.kafka.bootstrap_servers, places).items()}
