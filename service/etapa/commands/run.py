"""`etapa run`: the worker."""

import logging

import click

import etapa
from etapa.commands.files.input_source import decoder_for
from etapa.commands.files.journey_files import journey_from
from etapa.commands.terminal.last_line import last_line_in_the_log
from etapa.commands.terminal.options import WORKER_FLAGS, settings_flags, settings_from
from etapa.hosting.log_setup import log_to_stderr
from etapa.sources.decoding import SourceDecoder

logger = logging.getLogger(__name__)


@click.command()
@settings_flags(*WORKER_FLAGS)
def run(**flags: str | None) -> None:
    """Run the worker: classify touchpoints from Kafka until it is told to stop (SIGTERM, or Ctrl-C).

    It then finishes what it has begun, leaves its group and exits with 0. Exit code 1 means that it ended by itself; the last line of the log says why.
    """
    settings = settings_from(flags).settings
    journey = journey_from(settings.journey_path)
    decoder = decoder_for(settings)
    log_to_stderr(settings, "worker")
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
    if isinstance(decoder, SourceDecoder):
        logger.info("records of %s go through the source %s", settings.topic_touchpoints, decoder.mapper.source.name)
    with last_line_in_the_log(settings):
        work(settings, journey, decoder)
