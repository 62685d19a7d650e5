"""`etapa map`: the journey map as one file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec

from etapa.commands.files.journey_argument import journey_among, say_if_shipped
from etapa.commands.files.journey_files import journey_from
from etapa.commands.files.replays import replay_files
from etapa.commands.files.touchpoint_files import touchpoint_file_flags
from etapa.commands.terminal.failures import WrongUse, reason
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.time_options import Time
from etapa.commands.terminal.words import counted
from etapa.journey.map.document import JourneyMap
from etapa.journey.map.rules_told import RulesTold
from etapa.languages.read import languages
from etapa.page.pictures import PictureError, pdf_of, svg_of
from etapa.page.standalone import standalone_page
from etapa.rehearsal.file_figures import FileFigures
from etapa.rehearsal.file_maps import EVERYBODY, FileMaps
from etapa.rehearsal.summary import Summary

ENDINGS = (".html", ".svg", ".pdf", ".json")


@click.command()
@settings_flags("journey")
@click.argument("arguments", metavar="[JOURNEY] [EVENTS…]", nargs=-1)
@click.option(
    "--output",
    "-o",
    default="map.html",
    show_default=True,
    metavar="FILE",
    help="Write to FILE: .html; .svg or .pdf for a sheet of A3; or .json for the data alone.",
)
@click.option(
    "--language",
    type=click.Choice([language.code for language in languages()]),
    help="The language of .svg and .pdf (en by default), and the one in which .html opens (by default its reader's).",
)
@click.option("--from", "since", type=Time(), metavar="TIME", help="Leave out what happened before this time: RFC 3339, or a date (UTC).")
@click.option("--to", type=Time(), metavar="TIME", help="Leave out what happened at this time or later.")
@click.option(
    "--until", type=Time(), metavar="TIME", help="Run timers up to this time after the last touchpoint: RFC 3339, or a date (UTC)."
)
@touchpoint_file_flags
def map(  # noqa: A001 (named like the command)
    journey: str | None,
    arguments: tuple[str, ...],
    output: str,
    language: str | None,
    since: int | None,
    to: int | None,
    until: int | None,
    source: str | None,
    in_order: bool,
    strict: bool,
) -> None:
    """Draw the journey map: the journey as the file designs it, and beside it what customers really do.

    JOURNEY is a journey file, recognised by its name (.yaml or .yml); --journey does the same. EVENTS are files of touchpoints as JSON Lines, plain or compressed, folders or patterns of such files, or, with --source, of another system's
    records. They go through the journey, as in `etapa simulate`. Without EVENTS the map shows only the design.

    The page is one file that needs nothing else, in English and Spanish: open it in a browser, send it to a colleague, print it (A3).
    .svg and .pdf need Chromium or Chrome on this machine, which draws the page without a window; or save the picture from the page.
    """
    journey, events = journey_among(journey, arguments)
    settings = settings_from({"journey": journey}).settings
    say_if_shipped(settings)
    _check(output, (*events, str(settings.journey_path)))
    if since is not None and to is not None and since >= to:
        raise WrongUse("--from must lie before --to")
    chosen = journey_from(settings.journey_path)
    maps = FileMaps(chosen, RulesTold(chosen, languages()), since, to)
    figures = FileFigures()
    summary = Summary(chosen, figures=figures)
    file = None
    if events:
        file = replay_files(chosen, settings, events, until, source, summary, in_order=in_order, told=maps.told)
    drawn = maps.drawn(figures.ledger, until)
    try:
        written = _written(output, drawn, language)
    except PictureError as error:
        raise WrongUse(f"{output}: {error}") from None
    try:
        Path(output).write_bytes(written)
    except OSError as error:
        raise WrongUse(f"{output}: cannot write it: {reason(error)}") from None
    what = "the design of" if not events else f"{counted(summary.touchpoints, 'touchpoint')} of {counted(summary.customers, 'customer')} in"
    click.echo(f"{output}: {what} the journey {chosen.id}", err=True)
    if file is not None:
        file.judge(summary.touchpoints, summary.rejected, summary.findings, strict=strict)


def _written(output: str, drawn: Mapping[str, JourneyMap], language: str | None) -> bytes:
    match Path(output).suffix:
        case ".html":
            return standalone_page(drawn, languages(), language).encode()
        case ".svg":
            return svg_of(drawn, languages(), language or "en")
        case ".pdf":
            return pdf_of(drawn, languages(), language or "en")
        case _:
            return msgspec.json.format(msgspec.json.encode(drawn[EVERYBODY])) + b"\n"


def _check(output: str, inputs: Sequence[str]) -> None:
    if not output.endswith(ENDINGS):
        raise WrongUse(
            f"--output {output}: the name's ending says what is written, so it must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
        )
    if any(Path(output).exists() and Path(name).exists() and Path(output).samefile(name) for name in inputs):
        raise WrongUse(f"{output}: it is read from, so the map cannot be written there")
