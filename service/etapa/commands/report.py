"""`etapa report`: how many customers moved, touched and felt what, and when."""

import asyncio

import click
import msgspec

from etapa.commands.files.journey_files import journey_from
from etapa.commands.files.replays import replay_files
from etapa.commands.files.touchpoint_files import (
    touchpoint_file_flags,
)
from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.report_text import report_text
from etapa.commands.terminal.servers import quiet_libraries, redis_trouble
from etapa.commands.terminal.time_options import Time
from etapa.commands.terminal.words import counted
from etapa.contracts.outgoing.report import report_csv, report_json
from etapa.contracts.stored.state import StateError
from etapa.journey.language.model import Journey
from etapa.journey.ledger.periods import GRAINS, Grain
from etapa.journey.ledger.report import LedgerReport, ReportQuery, report_of
from etapa.rehearsal.file_figures import FileFigures
from etapa.rehearsal.summary import Summary
from etapa.settings import Settings
from etapa.stream.protocol.ledger_keeper import ledger_of
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.readers import LedgerParts
from etapa.stream.redis.address import RedisUrlError
from etapa.stream.redis.store import Store


@click.command()
@settings_flags("journey", "redis_url", "group")
@click.argument("events", metavar="[EVENTS…]", nargs=-1)
@click.option("--from", "since", type=Time(), metavar="TIME", help="Leave out what happened before this time: RFC 3339, or a date (UTC).")
@click.option("--to", "to", type=Time(), metavar="TIME", help="Leave out what happened at this time or later: RFC 3339, or a date (UTC).")
@click.option("--by", type=click.Choice(GRAINS), help="Report each hour, day or month separately.")
@click.option("--persona", metavar="ID", help="Count only customers of this persona of the journey.")
@click.option("--until", type=Time(), metavar="TIME", help="Run timers up to this time after the last touchpoint.")
@touchpoint_file_flags
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the tables as CSV, one below the other.")
def report(
    events: tuple[str, ...],
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

    Without EVENTS these are the figures of the running installation, as Redis has them. EVENTS are files of touchpoints as JSON Lines, plain or
    compressed, folders or patterns of such files, or, with --source, of another system's records; `-` reads standard input. They go through the
    journey, and no server is needed. Everything is counted at its own time, by UTC hours. What is older than
    14 days is counted by days, and what is older than 800 days by months. Without --until no timer fires after a customer's last touchpoint.
    """
    if as_json and as_csv:
        raise WrongUse("--json and --csv: give only one")
    if not events and (until is not None or source is not None or in_order or strict):
        raise WrongUse("--until, --source, --sort and --strict are about EVENTS, and none are given")
    settings = settings_from(flags).settings
    chosen = journey_from(settings.journey_path)
    query = ReportQuery(since, to, by, _known_persona(chosen, persona))
    if not events:
        _print(_live(settings, chosen, query), chosen, as_json=as_json, as_csv=as_csv)
        return
    figures = FileFigures()
    summary = Summary(chosen, figures=figures)
    file = replay_files(chosen, settings, events, until, source, summary, in_order=in_order)
    found = report_of(figures.ledger, query, [stage.id for stage in chosen.stages])
    _print(found, chosen, as_json=as_json, as_csv=as_csv)
    file.judge(summary.touchpoints, summary.rejected, summary.findings, strict=strict)


def _live(settings: Settings, journey: Journey, query: ReportQuery) -> LedgerReport:
    """The report of what Redis has. Ends the command when it does not answer."""
    quiet_libraries(settings)
    try:
        found = asyncio.run(_read(settings, query))
        ledger = ledger_of(found.parts)
    except RedisUrlError as error:
        raise WrongUse(str(error)) from None
    except ViewError as error:
        raise CheckFailed(redis_trouble(settings, error)) from None
    except StateError as error:
        raise CheckFailed(f"the ledger cannot be read: {error}") from None
    if found.missing:
        click.echo(
            f"Without {counted(len(found.missing), 'partition')} that Redis does not show whole: new, lost, or being rebuilt", err=True
        )
    return report_of(ledger, query, [stage.id for stage in journey.stages])


async def _read(settings: Settings, query: ReportQuery) -> LedgerParts:
    async with Store(settings) as store:
        return await store.reader().ledger(query.since, query.until)


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
