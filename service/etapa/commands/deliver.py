"""`etapa deliver`: post campaign triggers to webhooks."""

import logging
import os
from pathlib import Path

import click

import etapa
from etapa.commands.terminal.failures import CheckFailed, WrongUse, reason
from etapa.commands.terminal.last_line import last_line_in_the_log
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.words import counted
from etapa.deliver.delivery_file.plan import Plan
from etapa.deliver.delivery_file.plan_file import load_plan
from etapa.deliver.delivery_file.secrets_found import SecretsError, find_secrets, secret_texts
from etapa.hosting.log_setup import log_to_stderr
from etapa.journey.language.reading.yaml_nodes import MAX_BYTES

FLAGS = ("delivery", "kafka_bootstrap_servers", "group", "start", "http_host", "http_port", "log_level")

logger = logging.getLogger(__name__)


SUBCOMMANDS = {
    "list": "List what could not be delivered, with totals by reason.",
    "show": "Show one dead letter, or write out its value.",
    "redrive": "Send dead letters back to campaign-triggers.",
}


class _Deliver(click.Group):
    """A command that delivers when no subcommand is named. Subcommands are imported only when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The subcommands in the order in which they are used."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the commands for dead letters."""
        if cmd_name not in SUBCOMMANDS:
            return None
        from etapa.commands import undelivered

        return undelivered.SUBCOMMANDS[cmd_name]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing anything."""
        with formatter.section("Commands for dead letters"):
            formatter.write_dl(list(SUBCOMMANDS.items()))


@click.command(cls=_Deliver, invoke_without_command=True, subcommand_metavar="[COMMAND [ARGS]...]")
@settings_flags(*FLAGS)
@click.option("--check", is_flag=True, help="Only check that the delivery file is correct and its secrets are there. Exit code 1 if not.")
@click.pass_context
def deliver(ctx: click.Context, /, check: bool, **flags: str | None) -> None:
    """Post campaign triggers from Kafka to the webhooks in a delivery file, each at least once, until told to stop (SIGTERM, or Ctrl-C).

    A receiver may get a trigger more than once, always with the same Idempotency-Key: when its answer was lost, or when this process was killed.
    What cannot be delivered becomes a dead letter in campaign-trigger-dead-letters; the commands below look at those. Told to stop, it finishes its requests and exits with 0. Exit code 1 means
    that it ended by itself; the last line of the log says why.
    """
    if ctx.invoked_subcommand is not None:
        if check or any(value is not None for value in flags.values()):
            raise WrongUse(f"options of `etapa deliver {ctx.invoked_subcommand}` come after its name")
        return
    settings = settings_from(flags).settings
    if settings.delivery is None:
        raise WrongUse("no delivery file: name one with --delivery or ETAPA_DELIVERY")
    path = Path(settings.delivery)
    plan = _plan_from(path)
    try:
        credentials = find_secrets(plan, os.environ, path.parent)
    except SecretsError as error:
        listed = error.problems[0] if len(error.problems) == 1 else "".join(f"\n  {problem}" for problem in error.problems)
        raise CheckFailed(f"{path}: {listed}") from None
    if check:
        click.echo(f"{path}: good: {counted(len(plan.targets), 'target')}, {counted(len(plan.campaigns), 'campaign')}{_default(plan)}")
        return
    log_to_stderr(settings, "delivery", secret_texts(credentials.values()))
    # Imported late: this takes a while, and --help and --check do not need it.
    from etapa.commands.terminal.delivery_process import work

    logger.info(
        "Etapa %s, delivering %s from Kafka at %s as group %s",
        etapa.__version__,
        settings.topic_campaign_triggers,
        settings.kafka_bootstrap_servers,
        settings.delivery_group,
    )
    with last_line_in_the_log(settings):
        work(settings, plan, credentials)


def _plan_from(path: Path) -> Plan:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode()
    except OSError as error:
        raise WrongUse(f"{path}: cannot read it: {reason(error)}") from None
    except UnicodeDecodeError:
        raise CheckFailed(f"{path}: this is not UTF-8 text") from None
    loaded = load_plan(text, str(path))
    for finding in loaded.findings:
        click.echo(str(finding), err=True)
    if loaded.plan is None:
        raise CheckFailed(f"{path} has errors, so it is not used")
    return loaded.plan


def _default(plan: Plan) -> str:
    return f"; other campaigns go to {plan.default}" if plan.default else "; triggers of other campaigns become dead letters"
