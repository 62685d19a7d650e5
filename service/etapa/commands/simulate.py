"""`etapa simulate`: run touchpoints from files through a journey, without any server."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import click
import msgspec

from etapa.commands.files.event_files import EventFile, LineProgress
from etapa.commands.files.journey_argument import journey_among, say_if_shipped
from etapa.commands.files.journey_files import journey_from
from etapa.commands.files.source_files import files_of
from etapa.commands.files.touchpoint_files import (
    TouchpointFile,
    clock,
    decoder_of,
    findings_text,
    mapper_from,
    more_complaints,
    touchpoint_file_flags,
)
from etapa.commands.terminal.failures import WrongUse, reason
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json, json_line
from etapa.commands.terminal.stage_matrix import transition_matrix
from etapa.commands.terminal.text_tables import table
from etapa.commands.terminal.time_options import Time
from etapa.commands.terminal.words import counted, width
from etapa.contracts.outgoing.campaign_outcome import campaign_outcome_json
from etapa.contracts.outgoing.campaign_trigger import campaign_trigger_json
from etapa.contracts.outgoing.stage_change import stage_change_json
from etapa.hosting.garbage import spare_the_garbage_collector
from etapa.journey.duration import roughly
from etapa.journey.engine.facts.changes import TRIGGER_OUTCOMES, CampaignOutcome
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.judging.campaigns import triggers_of
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.model import Journey
from etapa.rehearsal.goal_figures import GroupFigures
from etapa.rehearsal.identities import Gone
from etapa.rehearsal.replay import Told
from etapa.rehearsal.summary import Summary, replayed


@click.command()
@settings_flags("journey")
@click.argument("arguments", metavar="[JOURNEY] EVENTS…", nargs=-1, required=True)
@click.option(
    "--until", type=Time(), metavar="TIME", help="Run timers up to this time after the last touchpoint: RFC 3339, or a date (UTC)."
)
@click.option("--triggers", "print_triggers", is_flag=True, help="Print the campaign triggers instead of the stage changes.")
@click.option("--outcomes", "print_outcomes", is_flag=True, help="Print the outcomes of the campaigns' goals instead of the stage changes.")
@touchpoint_file_flags
@click.option("--summary", "summary_file", metavar="FILE", help="Write the summary to FILE as one JSON object.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary on stderr as one JSON object instead of prose.")
def simulate(
    journey: str | None,
    arguments: tuple[str, ...],
    until: int | None,
    print_triggers: bool,
    print_outcomes: bool,
    source: str | None,
    in_order: bool,
    strict: bool,
    summary_file: str | None,
    as_json: bool,
) -> None:
    """Run touchpoints through a journey and print the stage changes, without any server.

    JOURNEY is a journey file, recognised by its name (.yaml or .yml); --journey does the same. Without either, the shipped journey is
    used. EVENTS are files of touchpoints as JSON Lines, plain or compressed, folders or patterns of such files, or, with --source, of
    another system's records; `-` reads standard input. Stage changes go to stdout as JSON Lines, in the order in which they happen; a
    summary goes to stderr. Without --until no timer fires after a customer's last touchpoint. With --triggers the campaign triggers are
    printed instead, including those of holdout groups (marked `holdout`); with --outcomes, for each trigger of a campaign with a goal,
    whether it was met.

    Exit code 1 if more lines are unusable than usable, and with --strict if anything is odd about the touchpoints.
    """
    if print_triggers and print_outcomes:
        raise WrongUse("--triggers and --outcomes both choose what to print: use only one of them")
    journey, events = journey_among(journey, arguments)
    if not events:
        raise WrongUse(f"{journey} looks like a journey file, but no events are given: etapa simulate {journey} EVENTS")
    settings = settings_from({"journey": journey}).settings
    say_if_shipped(settings)
    chosen = journey_from(settings.journey_path)
    summary = Summary(chosen)
    output = click.get_binary_stream("stdout")
    decoder = decoder_of(settings)
    mapper = mapper_from(source, settings, events[0])
    with (
        EventFile(events[0], takes=files_of(mapper), columns=mapper is not None, more=events[1:]) as lines,
        _summary_output(summary_file, (*events, str(settings.journey_path))) as summary_output,
    ):
        spare_the_garbage_collector()
        progress = LineProgress(lines, output_scrolls=True)
        file = TouchpointFile(lines, progress, decoder, in_order=in_order, mapper=mapper)
        changes = replayed(
            compile_journey(chosen),
            chosen,
            file.lines,
            until,
            summary=summary,
            on_rejected=file.complain,
            decoder=decoder,
            wall=clock(),
        )
        try:
            for change in changes:
                for each in _printed(change, chosen, triggers=print_triggers, outcomes=print_outcomes):
                    output.write(json_line(each) + b"\n")
            output.flush()
            summary.rejected.update(file.not_mapped)
            throughput = progress.throughput()
        finally:
            progress.clear()
        if summary_output is not None:
            summary_output.write(msgspec.json.format(msgspec.json.encode(summary.as_json())) + b"\n")
    if as_json:
        echo_json(msgspec.json.encode(summary.as_json()), err=True)
    else:
        more_complaints(summary.rejected)
        for line in (_prose(summary), *file.skipped_text()):
            click.echo(line, err=True)
        if throughput is not None:
            click.echo(f"\n{throughput}", err=True)
    file.judge(summary.touchpoints, summary.rejected, summary.findings, strict=strict)


def _printed(told: Told, journey: Journey, *, triggers: bool, outcomes: bool) -> Iterator[bytes]:
    """The requested part of what happened, as JSON."""
    if isinstance(told, Gone):
        return
    if isinstance(told, CampaignOutcome):
        if outcomes:
            yield campaign_outcome_json(told, journey.id, journey.version)
    elif triggers:
        for trigger in triggers_of([told]):
            yield campaign_trigger_json(trigger, journey.id, journey.version)
    elif isinstance(told, StageChange) and not outcomes:
        yield stage_change_json(told, journey.id, journey.version)


def _summary_output(path: str | None, inputs: Sequence[str]) -> contextlib.AbstractContextManager[IO[bytes] | None]:
    """The file for the summary, opened before the work begins: a typo in its name must not cost a long run."""
    if path is None:
        return contextlib.nullcontext()
    try:
        if any(Path(path).exists() and Path(name).exists() and Path(path).samefile(name) for name in inputs):
            raise WrongUse(f"{path}: it is read from, so the summary cannot be written there")
        return Path(path).open("wb")
    except OSError as error:
        raise WrongUse(f"{path}: cannot write it: {reason(error)}") from None


def _figures(group: GroupFigures) -> tuple[str, str, str]:
    return f"{group.met:,}", f"{group.missed:,}", f"{group.value:,.2f}".removesuffix(".00")


_OF_QUIET = frozenset({"quiet", "held", "withdrawn"})
"""Outcomes from quiet times, which most journeys do not have."""


def _prose(summary: Summary) -> str:
    journey = summary.journey
    touchpoints = f"{counted(summary.touchpoints, 'touchpoint')} ({counted(summary.duplicates, 'duplicate')})"
    lines = [
        f"Journey {journey.id}, version {journey.version}",
        f"{touchpoints} of {counted(summary.customers, 'customer')}: {counted(summary.changes, 'stage change')}",
    ]
    if summary.links:
        lines.append(f"{counted(summary.links, 'link')}: {counted(summary.joined, 'customer')} turned out to be others")
    if summary.rejected:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(summary.rejected.items()))
        lines.append(f"{counted(summary.rejected.total(), 'line')} could not be used: {reasons}")
    if summary.dropped_timers:
        lines.append(f"{counted(summary.dropped_timers, 'timer')} dropped, because judging failed")
    stays = {stage: summary.median_dwell(stage) for stage in summary.stages}
    stages = [(stage, f"{count:,}", "-" if stays[stage] is None else roughly(stays[stage] or 0)) for stage, count in summary.stages.items()]
    lines += ["", *table(("stage", "customers", "median stay"), stages)]
    if summary.transitions:
        lines += ["", *transition_matrix(summary.transitions, list(summary.stages), width())]
    if summary.campaigns:
        shown = [each for each in TRIGGER_OUTCOMES if each not in _OF_QUIET or any(found[each] for found in summary.campaigns.values())]
        outcomes = [(campaign, *(f"{found[outcome]:,}" for outcome in shown)) for campaign, found in summary.campaigns.items()]
        lines += ["", *table(("campaign", *shown), outcomes)]
    if summary.goals:
        rows = [(campaign, *_figures(each.sent), *_figures(each.holdout)) for campaign, each in summary.goals.items()]
        lines += ["", *table(("goal of", "met", "missed", "value", "held out: met", "missed", "value"), rows)]
    if summary.changes and summary.rules_never_fired:
        lines += ["", f"rules that moved nobody: {', '.join(summary.rules_never_fired)}"]
    odd = list(findings_text(summary.findings, width()))
    if odd:
        lines += ["", "About the touchpoints:", *odd]
    return "\n".join(lines)
