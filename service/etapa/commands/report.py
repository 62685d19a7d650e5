"""`etapa report`: how many customers moved, which touchpoints they had and how they felt, and when."""

import click
import msgspec

from etapa.commands.files.journey_argument import journey_among, say_if_shipped
from etapa.commands.files.journey_files import journey_from
from etapa.commands.files.replays import replay_files
from etapa.commands.files.touchpoint_files import (
    touchpoint_file_flags,
)
from etapa.commands.terminal.failures import WrongUse
from etapa.commands.terminal.live_ledger import live_ledger
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.report_text import report_text
from etapa.commands.terminal.time_options import Time
from etapa.contracts.outgoing.report import report_csv, report_json
from etapa.journey.language.model import Journey
from etapa.journey.ledger.periods import GRAINS, Grain
from etapa.journey.ledger.report import LedgerReport, ReportQuery, report_of
from etapa.rehearsal.file_figures import FileFigures
from etapa.rehearsal.summary import Summary


@click.command()
@settings_flags("journey", "redis_url", "group")
@click.argument("arguments", metavar="[JOURNEY] [EVENTS…]", nargs=-1)
@click.option("--from", "since", type=Time(), metavar="TIME", help="Leave out what happened before this time: RFC 3339, or a date (UTC).")
@click.option("--to", "to", type=Time(), metavar="TIME", help="Leave out what happened at this time or later: RFC 3339, or a date (UTC).")
@click.option("--by", type=click.Choice(GRAINS), help="Report each hour, day or month separately.")
@click.option("--persona", metavar="ID", help="Count only customers of this persona of the journey.")
@click.option("--until", type=Time(), metavar="TIME", help="Run timers up to this time after the last touchpoint.")
@touchpoint_file_flags
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the tables as CSV, one below the other.")
def report(
    arguments: tuple[str, ...],
    since: int | None,
    to: int | None,
    by: Grain | None,
    persona: str | None,
    until: int | None,
    source: str | None,
    in_order: bool,
    strict: bool,
    as_json: bool,
    as_csv: bool,
    **flags: str | None,
) -> None:
    """Report how many customers moved, which touchpoints they had, how they felt and how campaigns ended.

    JOURNEY is a journey file, recognised by its name (.yaml or .yml); --journey does the same. Without EVENTS
    these are the figures of the running installation, as Redis has them. EVENTS are files of touchpoints as JSON Lines, plain or
    compressed, folders or patterns of such files, or, with --source, of another system's records; `-` reads standard input. They go through the
    journey, and no server is needed. Everything is counted at its own time, by UTC hours. What is older than
    14 days is counted by days, and what is older than 800 days by months. Without --until no timer fires after a customer's last touchpoint.
    """
    if as_json and as_csv:
        raise WrongUse("--json and --csv: give only one")
    flags["journey"], events = journey_among(flags["journey"], arguments)
    if not events and (until is not None or source is not None or in_order or strict):
        raise WrongUse("--until, --source, --sort and --strict are about EVENTS, and none are given")
    settings = settings_from(flags).settings
    chosen = journey_from(settings.journey_path)
    query = ReportQuery(since, to, by, _known_persona(chosen, persona))
    if not events:
        ledger = live_ledger(settings, since, to).ledger
        _print(report_of(ledger, query, [stage.id for stage in chosen.stages]), chosen, as_json=as_json, as_csv=as_csv)
        return
    say_if_shipped(settings)
    figures = FileFigures()
    summary = Summary(chosen, figures=figures)
    file = replay_files(chosen, settings, events, until, source, summary, in_order=in_order)
    found = report_of(figures.ledger, query, [stage.id for stage in chosen.stages])
    _print(found, chosen, as_json=as_json, as_csv=as_csv)
    file.judge(summary.touchpoints, summary.rejected, summary.findings, strict=strict)


def _known_persona(journey: Journey, persona: str | None) -> str | None:
    known = [each.id for each in journey.design.personas]
    if persona is not None and persona not in known:
        raise WrongUse(
            f"--persona {persona}: the journey {journey.id} has no such persona; "
            + (f"it has {', '.join(known)}" if known else "it has none; write them under `personas`")
        )
    return persona


def _print(found: LedgerReport, journey: Journey, *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode(report_json(found, journey.id, journey.version))))
    elif as_csv:
        click.echo(report_csv(found), nl=False)
    else:
        for line in report_text(found, journey.id, journey.version):
            click.echo(line)
