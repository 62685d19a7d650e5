"""`etapa init`: write a first journey, from a few answers or a sample of touchpoints."""

import contextlib
from dataclasses import replace
from pathlib import Path

import click

from etapa.commands.files.event_files import EventFile, LineProgress
from etapa.commands.files.source_files import files_of
from etapa.commands.files.touchpoint_files import TouchpointFile, decoder_of, mapper_from, more_complaints
from etapa.commands.terminal.failures import CheckFailed, WrongUse, reason
from etapa.commands.terminal.options import settings_from
from etapa.commands.terminal.words import counted
from etapa.contracts.incoming.rejected import Rejected
from etapa.drafting.answers import Answers, conversion_among, is_trouble, journey_id
from etapa.drafting.draft import DraftError, draft
from etapa.drafting.sample import Sample
from etapa.hosting.foreign_text import printable
from etapa.journey.duration import DurationError, format_duration, parse_duration
from etapa.rehearsal.readings import readings

TYPES_WHERE_NOBODY_SAYS = ("visit", "purchase")


@click.command()
@click.argument("path", metavar="FILE", default="journey.yaml")
@click.option("--from", "events", metavar="EVENTS", help="Take the suggested answers from these touchpoints; `-` reads standard input.")
@click.option("--source", metavar="SOURCE", help="EVENTS are another system's records: the name of a source, or its file.")
@click.option("--yes", "-y", "take_guesses", is_flag=True, help="Ask nothing, and take the suggested answers.")
@click.option("--force", is_flag=True, help="Write FILE even if it exists already.")
def init(path: str, events: str | None, source: str | None, take_guesses: bool, force: bool) -> None:
    """Write a first journey with tests to FILE (journey.yaml, if not given).

    Asks five questions. Each has a suggested answer; press Enter to take it. With --from the suggestions come from your own touchpoints.
    The file is a start: visitors, customers, regulars, and those who have fallen silent. Change it as you like; `etapa test` runs its tests.
    """
    if source is not None and events is None:
        raise WrongUse("--source describes --from, but there is no --from")
    target = Path(path)
    if target.exists() and not force:
        raise WrongUse(f"{path} exists already; give another name, or --force to overwrite it")
    if events == "-" and not take_guesses:
        raise WrongUse("--from - reads standard input, so the questions cannot be answered there: add --yes")
    guesses = _guesses(target.stem, events, source)
    answers = guesses if take_guesses else _asked(guesses)
    try:
        text = draft(answers)
    except DraftError as error:
        raise CheckFailed(f"these answers make no journey: {error}") from None
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongUse(f"{path}: cannot write it: {reason(error)}") from None
    click.echo(_said(path, answers, text, events, source))


def _guesses(stem: str, events: str | None, source: str | None) -> Answers:
    name = "my-journey" if stem == "journey" else stem
    if events is None:
        return Answers(name=name, conversion="purchase", interest=("visit",))
    settings = settings_from({}).settings
    decoder = decoder_of(settings, takes_links=False)
    mapper = mapper_from(source, settings, events)
    sample = Sample()
    with EventFile(events, takes=files_of(mapper), columns=mapper is not None) as lines, contextlib.ExitStack() as cleared:
        progress = LineProgress(lines, output_scrolls=False)
        cleared.callback(progress.clear)
        file = TouchpointFile(lines, progress, decoder, in_order=True, mapper=mapper)
        rejected = file.not_mapped
        for number, read in readings(file.lines, decoder):
            if isinstance(read, Rejected):
                rejected[read.reason] += 1
                file.complain(number, read)
            else:
                sample.add(read)
        more_complaints(rejected)
        for line in file.skipped_text():
            click.echo(line, err=True)
    guesses = sample.suggests(name)
    if guesses is None:
        raise CheckFailed(f"{file.name}: it contains no touchpoint")
    seen = ", ".join(f"{printable(kind)} {number:,}" for kind, number in sample.types.most_common(10))
    click.echo(f"{counted(sample.types.total(), 'touchpoint')} of {counted(sample.customers, 'customer')}: {seen}", err=True)
    return guesses


def _asked(guesses: Answers) -> Answers:
    """Ask the five questions, on stderr. Ctrl-C and the end of the input end the command."""
    name = journey_id(click.prompt("1 of 5  What is the journey called?", default=guesses.name, err=True))
    known = (*guesses.interest, guesses.conversion, *guesses.trouble)
    types = _types(
        click.prompt("2 of 5  What do customers do (types of touchpoints, separated by commas)?", default=", ".join(known), err=True)
    )
    likely = guesses.conversion if guesses.conversion in types else conversion_among(types) or types[-1]
    conversion = click.prompt("3 of 5  Which of these makes somebody a customer?", default=likely, err=True).strip()
    often = f"{guesses.regular_count} in {format_duration(guesses.regular_within)}"
    count, within = click.prompt("4 of 5  How many of them, in which time, make a regular?", default=often, value_proc=_count_in, err=True)
    silent = click.prompt(
        "5 of 5  After how long without one has a customer fallen silent?",
        default=format_duration(guesses.silent_after),
        value_proc=_duration,
        err=True,
    )
    others = tuple(kind for kind in types if kind != conversion)
    return replace(
        guesses,
        name=name,
        conversion=conversion,
        interest=tuple(kind for kind in others if not is_trouble(kind)),
        trouble=tuple(kind for kind in others if is_trouble(kind)),
        regular_count=count,
        regular_within=within,
        silent_after=silent,
    )


def _types(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip())) or TYPES_WHERE_NOBODY_SAYS


def _count_in(text: str) -> tuple[int, int]:
    number, _, time = text.partition(" in ")
    if not number.strip().isdecimal() or len(number) > 6:
        raise click.BadParameter("write it like `3 in 90d`")
    return int(number), _duration(time.strip())


def _duration(text: str) -> int:
    try:
        return parse_duration(text.strip())
    except DurationError as error:
        raise click.BadParameter(str(error)) from None


def _said(path: str, answers: Answers, text: str, events: str | None, source: str | None) -> str:
    tests = text.count("\n  - name: ")
    about_events = " ".join(filter(None, [path, events or "EVENTS", source and f"--source {source}"]))
    return "\n".join(
        (
            f"{path}: journey {journey_id(answers.name)}, with {counted(tests, 'test')} that pass. Now:",
            f"  etapa test {path}",
            f"  etapa simulate {about_events} > changes.jsonl",
            f"  etapa map {about_events}",
            f"  etapa demo --journey {path}",
        )
    )
