"""The worker process: a Faust app that hosts the member of the group and any services that the caller adds.

Faust's own Kafka consumer and producer stay off: touchpoints go through the member, whose partition protocol neither
loses nor repeats anything. Faust provides the frame: services that start and stop in order, signals, and agents for work
that may be repeated.
"""

from collections.abc import Callable, Sequence

from mode import Service

from etapa.contracts.incoming.decoder import Decoder
from etapa.hosting import event_loop
from etapa.hosting.faust_frame import DisklessApp, StoppableWorker, made_app
from etapa.hosting.freed_memory import keep_freed_memory
from etapa.hosting.garbage import spare_the_garbage_collector
from etapa.hosting.health import WorkerError
from etapa.journey.engine.judging.program import Program
from etapa.journey.units import SECOND
from etapa.settings import Settings
from etapa.stream.kafka.errors import thin_out_logs
from etapa.stream.member import Member
from etapa.stream.worker_observer import WorkerObserver

_STOP_SECONDS = 30.0
"""In addition to the session time that the current batch may take."""

Hosted = Callable[[Member], Sequence[Service]]


def run_worker(
    settings: Settings, program: Program, observer: WorkerObserver, decoder: Decoder, hosted: Hosted = lambda member: ()
) -> None:
    """Run until SIGTERM or SIGINT, then finish the current work and return. `decoder` reads the records.

    `hosted` returns services that start before the member and stop after it; they may query it.
    Raises what they raise at their start, and `WorkerError` when the worker ends by itself.
    """
    spare_the_garbage_collector()
    keep_freed_memory()
    thin_out_logs()
    event_loop.run(_run(settings, program, observer, decoder, hosted))


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
