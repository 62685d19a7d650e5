"""The command `etapa`: which commands there are, and how any of them ends.

A command's module is imported only when it is called, so `etapa --help` and the commands that need no server answer at once.
Exit codes: 0 good, 1 a check failed or a server did not do its part, 2 wrong use.
"""

import contextlib
import importlib
import os
import signal
import sys
from typing import Any, NamedTuple

import click

import etapa


class Entry(NamedTuple):
    """A command in the list: the module in `etapa.commands` that holds it, and what `etapa --help` says about it."""

    module: str
    summary: str


COMMANDS = {
    "demo": Entry("demo", "Watch customers move, on a private broker and a private Redis."),
    "run": Entry("run", "Run the worker."),
    "topics": Entry("topics", "Create the Kafka topics."),
    "validate": Entry("validate", "Check journey files."),
    "simulate": Entry("simulate", "Run touchpoints from a file through a journey, without any server."),
    "stage": Entry("stage", "Show the stage that a customer is in."),
    "config": Entry("config", "Show all settings and where they come from."),
}


class Commands(click.Group):
    """A group that imports a command when it is called, and ends quietly when it is interrupted or its reader goes away."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and take the command of the same name from it."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f"etapa.commands.{entry.module}")
        command: click.Command = getattr(module, entry.module)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Ctrl-C and a closed pipe end it as a shell expects, without a word."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except KeyboardInterrupt:
            _drop_output()
            raise click.exceptions.Exit(128 + signal.SIGINT) from None
        except BrokenPipeError:
            _drop_output()
            raise click.exceptions.Exit(128 + signal.SIGPIPE) from None


def _drop_output() -> None:
    """Whatever is still buffered has no reader: send it nowhere, so that leaving does not fail on it."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="`etapa COMMAND --help` says more about each. Settings come from ETAPA_… variables; `etapa config` lists them.",
)
@click.version_option(etapa.__version__, "--version", prog_name="etapa", message="%(prog)s %(version)s")
def main() -> None:
    """Etapa keeps every customer's journey stage: touchpoints in from Kafka, stage changes out, exactly once.

    To see it at work, type `etapa demo`. To try rules of your own on a file of touchpoints, type `etapa simulate`.
    """
