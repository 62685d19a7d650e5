"""`etapa uplift`: whether campaigns worked, by what customers who got a message did and those of the control group."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from etapa.commands.files.journey_files import journey_from
from etapa.commands.files.replays import replay_files
from etapa.commands.files.touchpoint_files import touchpoint_file_flags
from etapa.commands.terminal.failures import WrongUse
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.time_options import Time
from etapa.commands.terminal.uplift_text import uplift_text
from etapa.journey.language.model import Journey
from etapa.rehearsal.summary import Summary
from etapa.rehearsal.uplift_figures import UpliftFigures
from etapa.uplift.verdicts import uplift_report


@click.command()
@settings_flags("journey")
@click.argument("arguments", metavar="[CAMPAIGN] EVENTS…", nargs=-1, required=True)
@click.option(
    "--until", type=Time(), metavar="TIME", help="Run timers up to this time after the last touchpoint: RFC 3339, or a date (UTC)."
)
@touchpoint_file_flags
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as schemas/uplift.schema.json describes it.")
def uplift(
    journey: str | None,
    arguments: tuple[str, ...],
    until: int | None,
    source: str | None,
    in_order: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Tell whether campaigns that have a goal worked, from files of touchpoints.

    CAMPAIGN is the id of one campaign; without it all are compared. EVENTS are files of touchpoints, as `etapa simulate` reads them. Each
    customer counts once for each campaign, with the first trigger. The interval of the difference holds however often you look: with a
    probability of 95 % it never misses the truth.
    """
    settings = settings_from({"journey": journey}).settings
    chosen = journey_from(settings.journey_path)
    campaign, events = _campaign_and_events(chosen, arguments)
    summary = Summary(chosen)
    gathered = UpliftFigures(chosen)
    file = replay_files(chosen, settings, events, until, source, summary, in_order=in_order, told=gathered.told)
    figures = [each for each in gathered.figures(summary.campaigns) if campaign in (None, each.campaign)]
    report = uplift_report(chosen.id, chosen.version, figures)
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode(report)))
    else:
        for line in uplift_text(report):
            click.echo(line)
    file.judge(summary.touchpoints, summary.rejected, summary.findings, strict=strict)


def _campaign_and_events(journey: Journey, arguments: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """What stands before the events is a campaign, if the journey has one that is called so."""
    goals = [campaign.id for campaign in journey.campaigns if campaign.goal is not None]
    if not goals:
        raise WrongUse(f"no campaign of the journey {journey.id} has a goal: write what it is for as `goal` in the journey file")
    first, *rest = arguments
    if first in goals and not Path(first).exists():
        if not rest:
            raise WrongUse(f"no events are given: etapa uplift {first} EVENTS")
        return first, tuple(rest)
    if rest and not Path(first).exists() and first in [campaign.id for campaign in journey.campaigns]:
        raise WrongUse(f"the campaign {first} has no goal; these have one: {', '.join(goals)}")
    return None, tuple(arguments)
