"""`etapa run`: the worker."""

import logging
import time

import click

import etapa
from etapa.commands.terminal.journey_files import journey_from
from etapa.commands.terminal.options import WORKER_FLAGS, settings_flags, settings_from
from etapa.settings import Settings

LOG_FORMAT = "%(asctime)sZ %(levelname)-7s %(name)s: %(message)s"
LIBRARIES = ("aiokafka", "faust", "mode", "asyncio", "aiohttp")

logger = logging.getLogger(__name__)


@click.command()
@settings_flags(*WORKER_FLAGS)
def run(**flags: str | None) -> None:
    """Run the worker: classify touchpoints from Kafka until it is told to stop (SIGTERM, or Ctrl-C).

    It then finishes what it has begun, leaves its group and exits with 0. Exit code 1 means that it ended by itself; the last line says why.
    """
    settings = settings_from(flags).settings
    journey = journey_from(settings.journey_path)
    log_to_stderr(settings)
    # Only now: what a worker runs on takes a while to import, and --help needs none of it.
    from etapa.commands.terminal.worker_process import work
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
    if not IS_COMPILED:
        logger.warning("the core was not compiled when Etapa was installed, so this worker carries about half of what it could")
    work(settings, journey)


def log_to_stderr(settings: Settings) -> None:
    """Log as much as the settings say, in UTC."""
    formatter = logging.Formatter(LOG_FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    if settings.log_level != "debug":
        # What these do in good order is of interest to nobody but their authors.
        handler.addFilter(_is_no_service_news)
        for name in LIBRARIES:
            logging.getLogger(name).setLevel(logging.WARNING)


def _is_no_service_news(record: logging.LogRecord) -> bool:
    """False for mode's `[^--Service]: Starting...`, which it logs in our services' names."""
    return record.levelno > logging.INFO or not str(record.msg).startswith("[^")
