"""`etapa uplift`: whether campaigns worked, comparing customers who got a message with the holdout group."""

import glob
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from etapa.commands.files.journey_argument import journey_among, say_if_shipped
from etapa.commands.files.journey_files import journey_from
from etapa.commands.files.replays import replay_files
from etapa.commands.files.touchpoint_files import touchpoint_file_flags
from etapa.commands.terminal.failures import WrongUse
from etapa.commands.terminal.live_ledger import live_ledger
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.time_options import Time
from etapa.commands.terminal.uplift_text import uplift_text
from etapa.journey.language.model import Journey
from etapa.journey.ledger.ledger import JourneyLedger
from etapa.rehearsal.file_figures import FileFigures
from etapa.rehearsal.summary import Summary
from etapa.uplift.from_ledger import campaign_figures
from etapa.uplift.verdicts import UpliftReport, uplift_report


@click.command()
@settings_flags("journey", "redis_url", "group")
@click.argument("arguments", metavar="[JOURNEY] [CAMPAIGN] [EVENTS…]", nargs=-1)
@click.option(
    "--until", type=Time(), metavar="TIME", help="Run timers up to this time after the last touchpoint: RFC 3339, or a date (UTC)."
)
@touchpoint_file_flags
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as schemas/uplift.schema.json describes it.")
def uplift(
    arguments: tuple[str, ...],
    until: int | None,
    source: str | None,
    in_order: bool,
    strict: bool,
    as_json: bool,
    **flags: str | None,
) -> None:
    """Tell whether campaigns that have a goal worked.

    JOURNEY is a journey file, recognised by its name (.yaml or .yml); --journey does the same. CAMPAIGN is the id of one campaign; without it all are compared. Without EVENTS these are the figures of the running installation, as Redis
    has them. EVENTS are files of touchpoints, as `etapa simulate` reads them; no server is needed. Each customer counts once for each
    campaign, with the first trigger. The interval of the difference holds however often you look: with a
    probability of 95 % it never misses the truth.
    """
    flags["journey"], rest = journey_among(flags["journey"], arguments)
    settings = settings_from(flags).settings
    chosen = journey_from(settings.journey_path)
    campaign, events = _campaign_and_events(chosen, rest)
    if not events:
        if until is not None or source is not None or in_order or strict:
            raise WrongUse("--until, --source, --sort and --strict are about EVENTS, and none are given")
        live = live_ledger(settings)
        _print(_compared(chosen, live.ledger, campaign, live.missing), as_json=as_json)
        return
    say_if_shipped(settings)
    figures = FileFigures()
    summary = Summary(chosen, figures=figures)
    file = replay_files(chosen, settings, events, until, source, summary, in_order=in_order)
    _print(_compared(chosen, figures.ledger, campaign), as_json=as_json)
    file.judge(summary.touchpoints, summary.rejected, summary.findings, strict=strict)


def _compared(journey: Journey, ledger: JourneyLedger, campaign: str | None, missing: Sequence[int] = ()) -> UpliftReport:
    figures = [each for each in campaign_figures(journey, ledger) if campaign in (None, each.campaign)]
    return uplift_report(journey.id, journey.version, figures, missing_partitions=missing)


def _print(report: UpliftReport, *, as_json: bool) -> None:
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode(report)))
        return
    for line in uplift_text(report):
        click.echo(line)


def _campaign_and_events(journey: Journey, arguments: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The first argument is a campaign, if the journey has one with that id."""
    goals = [campaign.id for campaign in journey.campaigns if campaign.goal is not None]
    if not goals:
        raise WrongUse(f"no campaign of the journey {journey.id} has a goal: write what it is for as `goal` in the journey file")
    if not arguments:
        return None, ()
    first, *rest = arguments
    if Path(first).exists():
        return None, tuple(arguments)
    if first in goals:
        return first, tuple(rest)
    if first in [campaign.id for campaign in journey.campaigns]:
        raise WrongUse(f"the campaign {first} has no goal; these have one: {', '.join(goals)}")
    if not rest and "." not in first and "/" not in first and first != "-" and not glob.has_magic(first):
        raise WrongUse(f"{first} is neither a file nor a campaign of the journey {journey.id}; these have a goal: {', '.join(goals)}")
    return None, tuple(arguments)
