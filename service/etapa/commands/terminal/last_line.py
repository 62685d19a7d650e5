"""Writes the last line of a process that ends by itself in the format of its log."""

import contextlib
import logging
from collections.abc import Iterator

import click

from etapa.settings import Settings

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def last_line_in_the_log(settings: Settings) -> Iterator[None]:
    """If log lines are for machines, so is the one that says why the command ends. For people it stays click's `Error: …`."""
    try:
        yield
    except click.ClickException as error:
        if settings.log_format == "text":
            raise
        logger.critical("%s", error.format_message())
        raise click.exceptions.Exit(error.exit_code) from None
