"""`etapa diff`: who would be in another stage, and get other campaigns, if the new journey had been used from the start."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec

from etapa.commands.files.event_files import EventFile, LineProgress
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
from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.options import settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.stage_matrix import matrix
from etapa.commands.terminal.text_tables import table
from etapa.commands.terminal.time_options import Time
from etapa.commands.terminal.words import clause_text, counted, width
from etapa.contracts.rfc3339 import format_time
from etapa.hosting.foreign_text import printable
from etapa.hosting.garbage import spare_the_garbage_collector
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.language.model import Journey
from etapa.rehearsal.diff import Diff, Side
from etapa.rehearsal.sampling import DifferingCustomer

MOST_SAMPLES = 1000


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.argument("events", metavar="EVENTS…", nargs=-1, required=True)
@click.option(
    "--until", type=Time(), metavar="TIME", help="Run timers up to this time after the last touchpoint: RFC 3339, or a date (UTC)."
)
@click.option(
    "--samples", type=click.IntRange(0, MOST_SAMPLES), default=5, show_default=True, metavar="N", help="Show N of these customers."
)
@touchpoint_file_flags
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def diff(
    old: str,
    new: str,
    events: tuple[str, ...],
    until: int | None,
    samples: int,
    source: str | None,
    in_order: bool,
    strict: bool,
    exit_code: bool,
    as_json: bool,
) -> None:
    """Show which customers would be in another stage under another journey, and why, and which campaign triggers would differ.

    OLD and NEW are journey files, EVENTS are files of touchpoints as JSON Lines, plain or compressed, folders or patterns of such files, or, with --source, of another system's
    records; one of them may be `-`, standard input.
    The touchpoints go through both journeys. Without --until no timer fires after a customer's last touchpoint.
    """
    if [old, new, *events].count("-") > 1:
        raise WrongUse("only one of OLD, NEW and EVENTS can be `-`, standard input")
    settings = settings_from({}).settings
    journeys = journey_from(old), journey_from(new)
    _warn_of_versions(*journeys)
    found = Diff.between(*journeys)
    decoder = decoder_of(settings)
    mapper = mapper_from(source, settings, events[0])
    with EventFile(events[0], takes=files_of(mapper), columns=mapper is not None, more=events[1:]) as lines:
        spare_the_garbage_collector()
        progress = LineProgress(lines, output_scrolls=False)
        file = TouchpointFile(lines, progress, decoder, in_order=in_order, mapper=mapper)
        found.read(file.lines, until, decoder=decoder, on_rejected=file.complain, wall=clock())
        found.rejected.update(file.not_mapped)
        progress.clear()
    more_complaints(found.rejected)
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode(_as_object(found, (old, new), samples))))
    else:
        for line in _as_text(found, (old, new), samples, width()):
            click.echo(line)
        odd = [*file.skipped_text(), *findings_text(found.findings, width())]
        for line in ["", *odd] if odd else []:
            click.echo(line, err=True)
    file.judge(found.touchpoints, found.rejected, found.findings, strict=strict)
    if exit_code and not found.is_empty:
        raise click.exceptions.Exit(CheckFailed.exit_code)


def _warn_of_versions(old: Journey, new: Journey) -> None:
    """Warn if both versions are the same: workers recognise a new journey only by its version."""
    if (old.id, old.version) == (new.id, new.version) and _what_counts(old) != _what_counts(new):
        click.echo(f"Warning: both are version {old.version} of {old.id}; raise the version before the new one goes live", err=True)


def _what_counts(journey: Journey) -> tuple[object, ...]:
    return journey.stages, journey.rules, journey.consent, journey.caps, journey.campaigns


def _as_text(found: Diff, files: tuple[str, str], samples: int, columns: int) -> Iterator[str]:
    for word, side, file in zip(("old", "new"), (found.old, found.new), files, strict=True):
        yield f"{word}  {side.journey.id}, version {side.journey.version} ({printable(file)})"
    yield f"{counted(found.touchpoints, 'touchpoint')} of {counted(found.customers, 'customer')}"
    if found.rejected:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(found.rejected.items()))
        yield f"{counted(found.rejected.total(), 'line')} could not be used: {reasons}"
    for word, side in (("old", found.old), ("new", found.new)):
        if side.unjudged:
            yield f"{counted(side.unjudged, 'touchpoint or timer')} could not be judged by the {word} journey"
    if not found.customers:
        return
    yield ""
    yield from textwrap.wrap(_verdict(found), columns)
    if found.in_another_stage or _stages(found.old.journey) != _stages(found.new.journey):
        yield ""
        yield from matrix(found.cells, _stages(found.old.journey), _stages(found.new.journey), columns)
    if found.is_empty:
        return
    yield ""
    yield from textwrap.wrap(_changes(found), columns)
    campaigns = _campaigns(found)
    if campaigns:
        yield ""
        yield from table(("campaign triggers", "in both", "only old", "only new"), [_trigger_row(found, each) for each in campaigns])
    chosen = found.samples(samples)
    if chosen:
        yield ""
        differing = len(found.parted)
        yield f"Samples: {len(chosen)} of {counted(differing, 'customer')} who {'differs' if differing == 1 else 'differ'}"
        for sample in chosen:
            yield ""
            yield from _sample(sample, columns)


def _verdict(found: Diff) -> str:
    if found.is_empty:
        triggers = f" and {counted(found.old.triggers.total(), 'campaign trigger')}" if _campaigns(found) else ""
        return f"Nothing differs: all {counted(found.old.changes, 'stage change')}{triggers} would be the same."
    moved = found.in_another_stage
    share = f" ({100 * moved / found.customers:.1f}%)" if moved else ""
    sentence = f"{moved:,} of {counted(found.customers, 'customer')}{share} would be in another stage."
    if found.by_another_way:
        others = counted(found.by_another_way, "customer")
        sentence += f" {others} {'comes' if found.by_another_way == 1 else 'come'} to the same stage by another way or at another time."
    return sentence


def _changes(found: Diff) -> str:
    return (
        f"Stage changes: {found.same_changes:,} in both journeys, {found.old.only_here:,} only in the old one,"
        f" {found.new.only_here:,} only in the new one."
    )


def _sample(sample: DifferingCustomer, columns: int) -> Iterator[str]:
    old, new = (stage or "(not judged)" for stage in sample.cell)
    name = click.style(printable(sample.customer_id), bold=True)
    yield f"{name}: {old}, either way" if old == new else f"{name}: {old} → {new}"
    decided = [change.at for change in (sample.old, sample.new) if change is not None]
    parted = sample.parted
    if not decided or parted.at < min(decided):
        move = f"{parted.source} → {parted.to}" if parted.source else parted.to
        sentence = f"they differ from {format_time(parted.at)} on: {move} in the {parted.only} journey only, {_by(parted.change)}"
        yield from textwrap.wrap(sentence, columns, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
        yield from _because(parted.change, columns)
    if sample.old is not None and sample.new is not None and _words(sample.old) == _words(sample.new):
        yield from _decision("both", sample.new, None, columns)
        return
    for word, change, colour in (("old", sample.old, "red"), ("new", sample.new, "green")):
        if change is not None:
            yield from _decision(word, change, colour, columns)


def _words(change: StageChange) -> tuple[object, ...]:
    """Everything that is said about a change."""
    return change.to, change.at, _by(change), tuple(map(clause_text, change.because))


def _by(change: StageChange) -> str:
    if change.rule is None:
        return "as another id of the customer" if change.cause == "link" else "as a new customer"
    return f"by {change.rule}" + (", by the clock" if change.cause == "timer" else "")


def _decision(word: str, change: StageChange, colour: str | None, columns: int) -> Iterator[str]:
    sentence = f"{change.to} since {format_time(change.at)} {_by(change)}"
    margin = 4 + len(word)
    first, *rest = textwrap.wrap(sentence, columns - margin, subsequent_indent="  ", break_on_hyphens=False)
    yield f"  {click.style(word, fg=colour)}  {first}"
    yield from (f"{' ' * margin}{line}" for line in rest)
    yield from _because(change, columns)


def _because(change: StageChange, columns: int) -> Iterator[str]:
    for clause in change.because:
        text = printable(clause_text(clause))
        yield from textwrap.wrap(text, columns, initial_indent=" " * 9, subsequent_indent=" " * 11, break_on_hyphens=False)


def _stages(journey: Journey) -> list[str]:
    return [stage.id for stage in journey.stages]


def _campaigns(found: Diff) -> list[str]:
    """The campaigns of both journeys, in order."""
    return list(dict.fromkeys(campaign.id for side in (found.old, found.new) for campaign in side.journey.campaigns))


def _trigger_counts(found: Diff, campaign: str) -> tuple[int, int, int]:
    return found.same_triggers[campaign], found.old.triggers_only_here[campaign], found.new.triggers_only_here[campaign]


def _trigger_row(found: Diff, campaign: str) -> tuple[str, ...]:
    in_old, in_new = (any(each.id == campaign for each in side.journey.campaigns) for side in (found.old, found.new))
    name = campaign if in_old and in_new else f"-{campaign}" if in_old else f"+{campaign}"
    return name, *(f"{number:,}" for number in _trigger_counts(found, campaign))


def _as_object(found: Diff, files: tuple[str, str], samples: int) -> dict[str, Any]:
    old, new = _stages(found.old.journey), _stages(found.new.journey)
    return {
        "old": _side_object(found.old, files[0]),
        "new": _side_object(found.new, files[1]),
        "touchpoints": found.touchpoints,
        "rejected": dict(sorted(found.rejected.items())),
        "findings": found.findings,
        "customers": found.customers,
        "customers_in_another_stage": found.in_another_stage,
        "customers_by_another_way": found.by_another_way,
        "stage_changes": {"same": found.same_changes, "only_old": found.old.only_here, "only_new": found.new.only_here},
        "triggers": [_trigger_object(found, campaign) for campaign in _campaigns(found)],
        "stages": {
            "only_old": [stage for stage in old if stage not in new],
            "only_new": [stage for stage in new if stage not in old],
        },
        "matrix": _matrix_objects(found, old, new),
        "samples": [_sample_object(sample) for sample in found.samples(samples)],
    }


def _trigger_object(found: Diff, campaign: str) -> dict[str, Any]:
    same, only_old, only_new = _trigger_counts(found, campaign)
    return {"campaign": campaign, "same": same, "only_old": only_old, "only_new": only_new}


def _side_object(side: Side, file: str) -> dict[str, Any]:
    journey = side.journey
    return {"file": file, "journey": journey.id, "version": journey.version, "stage_changes": side.changes, "unjudged": side.unjudged}


def _matrix_objects(found: Diff, old: Sequence[str], new: Sequence[str]) -> list[dict[str, Any]]:
    """Only cells with customers, in the order of the journeys."""
    rows, columns = ({stage: place for place, stage in enumerate(stages)} for stages in (old, new))
    cells = sorted(found.cells.items(), key=lambda cell: (rows.get(cell[0][0] or "", -1), columns.get(cell[0][1] or "", -1)))
    return [{"old": before, "new": after, "customers": count} for (before, after), count in cells]


def _sample_object(sample: DifferingCustomer) -> dict[str, Any]:
    return {
        "customer_id": sample.customer_id,
        "parted_at": format_time(sample.parted.at),
        "parted": {
            "from": sample.parted.source,
            "to": sample.parted.to,
            "only": sample.parted.only,
            "rule": sample.parted.change.rule,
            "cause": sample.parted.change.cause,
            "because": sample.parted.change.because,
        },
        "old": _change_object(sample.old),
        "new": _change_object(sample.new),
    }


def _change_object(change: StageChange | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {
        "stage": change.to,
        "since": format_time(change.at),
        "from": change.source,
        "rule": change.rule,
        "cause": change.cause,
        "because": change.because,
        "touchpoint_id": change.touchpoint_id,
    }
