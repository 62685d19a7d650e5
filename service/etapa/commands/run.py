"""`etapa run`: the worker, or several of them."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

import etapa
from etapa.commands.files.input_source import decoder_for
from etapa.commands.files.journey_files import journey_from
from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.last_line import last_line_in_the_log
from etapa.commands.terminal.options import WORKER_FLAGS, settings_flags, settings_from
from etapa.hosting.garbage import without_collecting
from etapa.hosting.log_setup import log_to_stderr
from etapa.journey.language.identity import REPLAYED_IN_FILES
from etapa.journey.language.model import Journey
from etapa.journey.language.properties_read import properties_read
from etapa.settings import Settings, flag_of

if TYPE_CHECKING:
    from etapa.supervise.worker_processes import WorkerPlace

_ITS_OWN = ("workers", "group_instance")
"""What a supervisor says itself to each of its workers."""

logger = logging.getLogger(__name__)


@click.command()
@settings_flags(*WORKER_FLAGS)
@click.option("--supervised", is_flag=True, hidden=True)
def run(supervised: bool, **flags: str | None) -> None:
    """Run the worker: classify touchpoints from Kafka until it is told to stop (SIGTERM, or Ctrl-C).

    It then finishes what it has begun, leaves its group and exits with 0. Exit code 1 means that it ended by itself; the last line of the log says why.

    A worker uses one core. With --workers 4, four workers share one port and one set of metrics on this machine (auto: one worker for each
    core); a worker that ends by itself is restarted.
    """
    place = _place_of(flags) if supervised else None
    settings = settings_from(flags).settings
    journey = journey_from(settings.journey_path)
    decoder = decoder_for(settings, takes_links=journey.identity is not None, properties=properties_read(journey))
    if settings.workers != 1 and place is None:
        log_to_stderr(settings, "supervisor")
        _tell_what_runs(settings, journey)
        with last_line_in_the_log(settings):
            _supervise(
                settings, [f"{flag_of(name)}={value}" for name, value in flags.items() if value is not None and name not in _ITS_OWN]
            )
        return
    log_to_stderr(settings, "worker", number=None if place is None else place.number)
    # Imported late: this takes a while, and --help does not need it.
    with without_collecting():
        from etapa.commands.terminal.worker_process import work
        from etapa.journey.engine.compiled import IS_COMPILED

    if place is None:
        _tell_what_runs(settings, journey)
    else:
        from etapa.supervise.outliving import stop_when_alone

        stop_when_alone()
    if not IS_COMPILED:
        logger.warning("the core was not compiled when Etapa was installed, so this worker carries about half of what it could")
    if journey.identity is not None and journey.identity.stage == "replay":
        logger.warning("`identity`: %s", REPLAYED_IN_FILES)
    if settings.source is not None:
        logger.info("records of %s go through %s", settings.topic_touchpoints, ", ".join(settings.source))
    with last_line_in_the_log(settings):
        work(settings, journey, decoder, None if place is None else Path(place.socket))


def _place_of(flags: dict[str, str | None]) -> "WorkerPlace":
    """Which worker this process is, once everything is loaded and the supervisor says so. Its name goes into `flags`."""
    with without_collecting():
        import etapa.commands.terminal.worker_process  # noqa: F401 - loaded while there is time
    from etapa.supervise.worker_processes import assigned_place

    place = assigned_place()
    flags["group_instance"] = place.name
    return place


def _tell_what_runs(settings: Settings, journey: Journey) -> None:
    from etapa.journey.engine.compiled import IS_COMPILED

    logger.info(
        "Etapa %s%s, journey %s version %d, group %s, Kafka at %s, Redis at %s",
        etapa.__version__,
        "" if IS_COMPILED else " (not compiled)",
        journey.id,
        journey.version,
        settings.group,
        settings.kafka_bootstrap_servers,
        settings.redis_url,
    )


def _supervise(settings: Settings, flags: list[str]) -> None:
    from etapa.hosting import event_loop
    from etapa.serve.service import HttpServerError
    from etapa.supervise.cores import usable_cores
    from etapa.supervise.supervised_worker import WrongSettings
    from etapa.supervise.supervisor import supervise

    count = settings.workers or usable_cores()
    logger.info("%d workers, which share the partitions of %s", count, settings.topic_touchpoints)
    command = [sys.executable, "-m", "etapa", "run", *flags, flag_of("workers") + "=1", "--supervised"]
    try:
        event_loop.run(supervise(settings, count, command))
    except WrongSettings as error:
        raise WrongUse(str(error)) from None
    except HttpServerError as error:
        raise CheckFailed(str(error)) from None
