"""The command `etapa`: which commands there are, and how any of them ends.

A command's module is imported only when it is called, so `etapa --help` and the commands that need no server answer at once.
Exit codes: 0 success, 1 a check or a server failed, 2 wrong use.
"""

import contextlib
import difflib
import errno
import importlib
import os
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import click
import tzdata
from click.shell_completion import CompletionItem

import etapa
from etapa.commands.terminal.failures import CheckFailed, reason
from etapa.hosting.garbage import without_collecting

OUTPUT_FAILURES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class ListedCommand(NamedTuple):
    """A command in the list: the module in `etapa.commands` that holds it, and what `etapa --help` says about it."""

    module: str
    summary: str


COMMANDS = {
    "demo": ListedCommand("demo", "Watch customers move, on a private broker and a private Redis."),
    "run": ListedCommand("run", "Run the worker."),
    "topics": ListedCommand("topics", "Create the Kafka topics."),
    "journeys": ListedCommand("journeys", "List the journeys that come with Etapa, and print one."),
    "init": ListedCommand("init", "Write a first journey, from five answers or your events."),
    "sources": ListedCommand("sources", "Turn other systems' records into touchpoints."),
    "validate": ListedCommand("validate", "Check journey files."),
    "test": ListedCommand("test", "Run the tests in journey files."),
    "simulate": ListedCommand("simulate", "Run a file of touchpoints through a journey, without servers."),
    "diff": ListedCommand("diff", "Compare two journeys: who would be in another stage, and why."),
    "report": ListedCommand("report", "Count moves, touchpoints and feeling by hour, day or month."),
    "uplift": ListedCommand("uplift", "Show whether campaigns worked, compared with holdout groups."),
    "map": ListedCommand("map", "Draw the journey map: the design beside what customers do."),
    "stage": ListedCommand("stage", "Show the stage that a customer is in."),
    "why": ListedCommand("why", "Show why a customer does not move, rule by rule."),
    "export": ListedCommand("export", "Write everything that is kept of a customer."),
    "forget": ListedCommand("forget", "Erase a customer, with a certificate."),
    "reclassify": ListedCommand("reclassify", "Judge all customers by a new version of the journey now."),
    "repartition": ListedCommand("repartition", "Lay customers out over another number of partitions."),
    "dead-letters": ListedCommand("dead_letters", "Look at records that could not be used, and send them back."),
    "verify": ListedCommand("verify", "Compare Redis with the log, while the worker runs."),
    "rebuild": ListedCommand("rebuild", "Refill Redis from the log."),
    "triggers": ListedCommand("triggers", "Follow the campaign triggers as they are published."),
    "deliver": ListedCommand("deliver", "Deliver campaign triggers to webhooks."),
    "sizing": ListedCommand("sizing", "Calculate how many workers, how much Redis and Kafka you need."),
    "doctor": ListedCommand("doctor", "Check the journey, Kafka, Redis and what Etapa needs there."),
    "config": ListedCommand("config", "Show all settings and where they come from."),
}


class Commands(click.Group):
    """A group that imports a command only when it is called, and ends quietly when it is interrupted or its output is closed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and take the command of the same name from it."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = _loaded(f"etapa.commands.{entry.module}")
        command: click.Command = getattr(module, entry.module)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Like click's own, but without importing the commands: somebody who types is waiting for this."""
        found = [CompletionItem(name, help=entry.summary) for name, entry in COMMANDS.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's own, but for a mistyped name the error suggests the nearest one."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Ctrl-C and a closed pipe end it silently, as a shell expects; a full disk is reported."""
        _have_streams()
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
        except OSError as error:
            if error.errno not in OUTPUT_FAILURES:
                raise
            _drop_output()
            raise CheckFailed(f"the output could not be written: {reason(error)}") from None


def _loaded(name: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    with without_collecting():
        return importlib.import_module(name)


def _have_streams() -> None:
    """Replace standard streams that the parent process has closed; what is written to them is discarded."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 (open until the process ends)


def _drop_output() -> None:
    """Discard buffered output that nobody can read, so that flushing it at exit does not fail."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
    epilog="`etapa COMMAND --help` says more about each. Settings come from ETAPA_… variables; `etapa config` lists them.",
)
@click.version_option(etapa.__version__, "--version", prog_name="etapa", message=f"%(prog)s %(version)s, zone data {tzdata.IANA_VERSION}")
def main() -> None:
    """Keep track of every customer's journey stage: read touchpoints from Kafka, publish each stage change exactly once.

    To see it at work, type `etapa demo`. To try rules of your own on a file of touchpoints, type `etapa simulate`.
    """
