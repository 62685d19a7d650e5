"""The worker process: a Faust app that hosts the member of the group and whatever services the caller brings along.

Faust's own Kafka consumer and producer stay off: touchpoints go through the member's, whose partition protocol does not
lose or repeat anything. Faust gives the frame: services that start and stop in order, signals, and agents for work that may
be repeated.
"""

import gc
from collections.abc import Callable, Sequence

from mode import Service

from etapa.contracts.incoming.decoder import Decoder
from etapa.hosting import event_loop
from etapa.hosting.faust_frame import DisklessApp, StoppableWorker, made_app
from etapa.hosting.health import WorkerError
from etapa.journey.engine.judging.program import Program
from etapa.journey.units import SECOND
from etapa.settings import Settings
from etapa.stream.kafka.errors import thin_out_logs
from etapa.stream.member import Member
from etapa.stream.worker_observer import WorkerObserver

_STOP_SECONDS = 30.0
"""Beyond the session that a batch at hand may take."""

Hosted = Callable[[Member], Sequence[Service]]


def run_worker(
    settings: Settings, program: Program, observer: WorkerObserver, decoder: Decoder, hosted: Hosted = lambda member: ()
) -> None:
    """Run until SIGTERM or SIGINT, then finish what was begun and return. `decoder` reads the records.

    `hosted` gives services that start before the member and stop after it; they may ask it how things are.
    Raises what they raise at their start, and `WorkerError` when the worker ends by itself.
    """
    spare_the_garbage_collector()
    thin_out_logs()
    event_loop.run(_run(settings, program, observer, decoder, hosted))


def spare_the_garbage_collector() -> None:
    """Have it look for cycles less often, and not among what is there already.

    A batch makes and drops tens of thousands of objects without a cycle among them, and tens of thousands of customers stay. With
    the default thresholds, looking for cycles costs a sixth of the worker's time and finds none.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000_000, 20, 50)


async def _run(settings: Settings, program: Program, observer: WorkerObserver, decoder: Decoder, hosted: Hosted) -> None:
    member = Member(settings, program, observer, decoder)
    app = made_app(DisklessApp, settings.group, settings, [*hosted(member), member], consumes=False)
    worker = StoppableWorker(app, settings.session_timeout / SECOND + _STOP_SECONDS)
    try:
        await worker.run_until_stopped(member)
    except Exception as error:
        if error is not member.error or isinstance(error, WorkerError):
            raise
        raise WorkerError(f"a bug in Etapa ended the worker: {error!r}") from error
