"""Shared by commands that read files of touchpoints: their flags, reading in order of time, and the verdict on what was odd."""

import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import click

from etapa.commands.files.csv_columns import NAME as CSV_SOURCE
from etapa.commands.files.csv_columns import csv_source
from etapa.commands.files.event_files import REJECTED_SHOWN, Complaints, EventFile, LineProgress
from etapa.commands.files.sorted_lines import SortedLines
from etapa.commands.files.source_files import MappedTouchpoints, mapper_of
from etapa.commands.terminal.failures import CheckFailed
from etapa.commands.terminal.words import counted
from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.rejected import Reason, Rejected
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.hosting.foreign_text import printable
from etapa.rehearsal.file_findings import FileFinding
from etapa.rehearsal.readings import Touchpoints
from etapa.settings import Settings
from etapa.sources.lines import Lines
from etapa.sources.mapping import Mapper

Function = TypeVar("Function", bound=Callable[..., Any])


def touchpoint_file_flags(function: Function) -> Function:
    """Add `--source`, `--sort` and `--strict`."""
    source = click.option(
        "--source",
        metavar="SOURCE",
        help="The file holds another system's records: the name of a source (see `etapa sources`), or its file.",
    )
    strict = click.option(
        "--strict", is_flag=True, help="Exit with 1 if anything is odd about the touchpoints; what is odd is listed at the end."
    )
    sort = click.option("--sort", "in_order", is_flag=True, help="Sort the touchpoints by time first, on disk if there are many.")
    return source(sort(strict(function)))


def decoder_of(settings: Settings, *, takes_links: bool = True) -> Decoder:
    """The decoder for touchpoints. It accepts the same ones as a worker with these settings, and usually links, too."""
    return decoder_within(
        TouchpointLimits.naming(
            settings.placeholder_ids,
            max_bytes=settings.max_touchpoint_bytes,
            max_ahead=settings.future_limit,
            takes_links=takes_links,
        )
    )


def mapper_from(source: str | None, settings: Settings, events: str = "-") -> Mapper | None:
    """The requested source, if any, for this file, or for several of which this is the first."""
    if source is None:
        return None
    if source == CSV_SOURCE:
        return Mapper(csv_source(events))
    pepper = settings.source_pepper
    return mapper_of(source, "" if pepper is None else pepper.reveal())


def clock() -> int:
    """Now, in microseconds since 1970."""
    return time.time_ns() // 1000


class TouchpointFile:
    """Lines in the order of the file or of time, and complaints that refer to them by their numbers in the file."""

    def __init__(self, file: EventFile, progress: LineProgress, decoder: Decoder, *, in_order: bool, mapper: Mapper | None = None) -> None:
        self.name = file.name
        self._complain = Complaints()
        self._mapped = None if mapper is None else MappedTouchpoints(file, progress, mapper, decoder.limits, self._complain)
        lines = self._mapped or progress
        self._sorted = SortedLines(lines, decoder, on_merged=progress.sorted_line) if in_order else None
        self.lines: Lines | Touchpoints = self._sorted or lines

    @property
    def sorted_lines(self) -> Lines:
        """The lines, when the file is to be read in order of time."""
        if self._sorted is None:
            raise ValueError("the file is read in its own order")
        return self._sorted

    def complain(self, number: int, rejected: Rejected) -> None:
        """Report on stderr why a line was left out, if it is among the first of them."""
        self._complain(number if self._sorted is None else self._sorted.number, rejected)

    @property
    def not_mapped(self) -> Counter[Reason]:
        """Records from which the source could not make touchpoints, by reason."""
        return Counter() if self._mapped is None else self._mapped.tally.dead

    def skipped_text(self) -> Iterator[str]:
        """A line for each rule of the source that skipped records."""
        for rule, count in () if self._mapped is None else self._mapped.tally.skipped.most_common():
            yield f"{counted(count, 'record')} skipped by {printable(rule)}"

    def judge(self, touchpoints: int, rejected: Counter[Reason], findings: Sequence[FileFinding], *, strict: bool) -> None:
        """End the command with exit code 1 if most lines hold no touchpoint, or, when strict, if anything is odd."""
        bad = rejected.total() - rejected["evaluation_failed"]
        if bad and not touchpoints:
            raise CheckFailed(
                f"{self.name}: no line could be used; "
                + (
                    "each must hold one touchpoint as a JSON object"
                    if self._mapped is None
                    else "`etapa sources explain` shows what is missing"
                )
            )
        if bad > touchpoints:
            raise CheckFailed(
                f"{self.name}: more lines could not be used ({bad:,}) than could ({touchpoints:,}), so the result means little"
            )
        if strict and findings:
            raise CheckFailed(
                f"{self.name}: {counted(len(findings), 'finding')}, and --strict allows none: {', '.join(each.kind for each in findings)}"
            )


def more_complaints(rejected: Counter[Reason]) -> None:
    """Report how many more lines were left out than were shown."""
    if rejected.total() > REJECTED_SHOWN:
        click.echo(f"… and {counted(rejected.total() - REJECTED_SHOWN, 'more line')} that cannot be used", err=True)


def findings_text(findings: Sequence[FileFinding], columns: int) -> Iterator[str]:
    """A paragraph for each finding, except for unusable lines, which are reported elsewhere."""
    for finding in findings:
        if finding.kind != "unusable":
            yield from textwrap.wrap(printable(finding.text), columns, subsequent_indent="  ", break_on_hyphens=False)
