"""The worker process: a Faust app that hosts the classifier and whatever services the caller brings along.

Faust's own Kafka consumer and producer stay off: touchpoints go through the classifier's, whose partition protocol does not
lose or repeat anything. Faust gives the frame: services that start and stop in order, signals, and agents for work that may
be repeated.
"""

import asyncio
import gc
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import faust
from faust.app.base import BootStrategy
from mode import Service

from etapa.hosting import event_loop
from etapa.hosting.faust_frame import DisklessApp, StoppableWorker
from etapa.hosting.health import WorkerError
from etapa.journey.engine.program import Program
from etapa.settings import Settings
from etapa.stream.kafka.errors import thin_out_logs
from etapa.stream.member import Classifier
from etapa.stream.protocol.observer import Observer
from etapa.stream.protocol.task import PartitionRefused

logger = logging.getLogger(__name__)

Hosted = Callable[[Classifier], Sequence[Service]]


def run_worker(settings: Settings, program: Program, observer: Observer, hosted: Hosted = lambda classifier: ()) -> None:
    """Run until SIGTERM or SIGINT, then finish what was begun and return.

    `hosted` gives services that start before the classifier and stop after it; they may ask it how things are.
    Raises what they raise at their start, and `WorkerError` when the worker ends by itself.
    """
    spare_the_garbage_collector()
    thin_out_logs()
    event_loop.run(_run(settings, program, observer, hosted))


def spare_the_garbage_collector() -> None:
    """Have it look for cycles less often, and not among what is there already.

    A batch makes and drops tens of thousands of objects without a cycle among them, and tens of thousands of customers stay. With
    the default thresholds, looking for cycles costs a sixth of the worker's time and finds none.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000_000, 20, 50)


async def _run(settings: Settings, program: Program, observer: Observer, hosted: Hosted) -> None:
    classifier = Classifier(settings, program, observer)
    worker = StoppableWorker(_app(settings, [*hosted(classifier), classifier]), loop=asyncio.get_running_loop())
    started = asyncio.ensure_future(worker.start())
    ended = asyncio.ensure_future(classifier.ended.wait())
    asked = asyncio.ensure_future(worker.asked_to_stop.wait())
    try:
        await asyncio.wait({started, ended, asked}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await worker.stop()
        ended.cancel()
        asked.cancel()
        await asyncio.wait({started})
    # In the order of what came first: a service that did not start, a classifier that gave up, a service that failed later.
    started.result()
    if classifier.error is not None:
        raise _as_worker_error(classifier.error) from classifier.error
    if worker.crash_reason is not None:
        raise worker.crash_reason


def _as_worker_error(error: Exception) -> WorkerError:
    if isinstance(error, WorkerError | PartitionRefused):
        return WorkerError(str(error))
    return WorkerError(f"an error that should not exist ended the worker: {error!r}")


def _app(settings: Settings, services: Sequence[Service]) -> faust.App:
    class Boot(BootStrategy):
        enable_kafka = False
        enable_web = False

        def server(self) -> Iterable[Any]:
            """Faust's own services, then ours."""
            return self._chain(super().server(), services)

    class App(DisklessApp):
        pass

    App.BootStrategy = Boot
    # All at once: a setting changed later is ignored or warned of. Nothing of it is used to process touchpoints.
    return App(
        settings.group,
        broker=[f"kafka://{address}" for address in settings.kafka_bootstrap_servers.split(",")],
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,
    )
