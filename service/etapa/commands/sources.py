"""`etapa sources`: the mappings that turn other systems' records into touchpoints."""

import json
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import click

from etapa.commands.files.csv_columns import NAME as CSV_SOURCE
from etapa.commands.files.csv_columns import csv_source
from etapa.commands.files.event_files import REJECTED_SHOWN, EventFile
from etapa.commands.files.journey_files import shown
from etapa.commands.files.source_files import files_of, loaded, mapper_of, records_of, source_text, value_reader
from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.options import settings_from
from etapa.commands.terminal.words import counted
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.hosting.foreign_text import printable
from etapa.journey.engine.facts.touchpoint import SAME_AS
from etapa.journey.language.model import LINK
from etapa.sources import presets
from etapa.sources.file_records import decode_json
from etapa.sources.language.loading import load_source, source_schema
from etapa.sources.mapping import Mapper
from etapa.sources.outcome_counts import Tally
from etapa.sources.record_outcome import Outcome
from etapa.sources.trials import run_trials

WIDEST = 110


@click.group(invoke_without_command=True)
@click.pass_context
def sources(context: click.Context) -> None:
    """Turn other systems' records into touchpoints.

    A source is a file that says where each field of a touchpoint comes from. Some come with Etapa; start from the one most like yours:

    \b
        etapa sources convert segment calls.jsonl > touchpoints.jsonl
        etapa sources show segment > mine.yaml
    """  # noqa: D301 (click's mark for lines that are not to be wrapped)
    if context.invoked_subcommand is None:
        context.invoke(list_sources, as_json=False)


@sources.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_sources(as_json: bool) -> None:
    """List the sources that come with Etapa."""
    found = [(name, source.about) for name in presets.names() if (source := load_source(presets.text_of(name), name).source) is not None]
    if as_json:
        click.echo(json.dumps({"sources": [{"name": name, "about": about} for name, about in found]}, indent=2, ensure_ascii=False))
        return
    formatter = click.HelpFormatter(width=min(WIDEST, shutil.get_terminal_size().columns))
    formatter.write_dl(found)
    click.echo(formatter.getvalue(), nl=False)


@sources.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the source file NAME, ready to be saved and changed."""
    click.echo(source_text(name)[0], nl=False)


@sources.command()
def schema() -> None:
    """Print the JSON Schema of source files. Editors use it to complete and check them."""
    click.echo(json.dumps(source_schema(), indent=2, ensure_ascii=False))


@sources.command()
@click.argument("source", metavar="SOURCE")
@click.argument("files", metavar="RECORDS…", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the counts on stderr as one JSON object instead of prose.")
def convert(source: str, files: tuple[str, ...], as_json: bool) -> None:
    """Turn RECORDS into touchpoints by SOURCE, and print them as JSON Lines.

    SOURCE is the name of a source that comes with Etapa, or a file. RECORDS are files, folders or patterns: JSON Lines, JSON arrays, CSV, Parquet or Avro, plain or compressed;
    `-` reads standard input. Counts of what was skipped and what cannot be used go to stderr.
    """
    mapper = _mapper(source, files[0])
    tally = Tally()
    limits = _limits()
    output = sys.stdout.buffer
    for path in files:
        for place, record in _records(path, mapper, limits):
            tally.records += 1
            for outcome in [record] if isinstance(record, Rejected) else mapper.outcomes(record, limits):
                tally.count(outcome)
                if isinstance(outcome, Rejected):
                    if not as_json and tally.dead.total() <= REJECTED_SHOWN:
                        click.echo(f"{place}: {outcome.reason}: {printable(outcome.detail)}", err=True)
                elif not isinstance(outcome, SkippedRecord):
                    output.write(outcome.json + b"\n")
    output.flush()
    _say(tally, as_json=as_json)
    if tally.records and not tally.touchpoints and tally.dead:
        raise CheckFailed(f"no record could be used; `etapa sources explain {source} RECORD` shows where each field is looked for")


@sources.command()
@click.argument("source", metavar="SOURCE")
@click.argument("record", metavar="RECORD")
def explain(source: str, record: str) -> None:
    """Show where each field of a touchpoint comes from.

    RECORD is a record as JSON, the name of a file whose first record is taken, or `-` for standard input.
    """
    is_text = record.lstrip().startswith("{")
    mapper = _mapper(source, "-" if is_text else record)
    limits = _limits()
    value = decode_json(record.encode(errors="surrogateescape"), mapper.json) if is_text else _first(record, mapper, limits)
    if isinstance(value, Rejected):
        raise CheckFailed(f"the record cannot be read: {value.reason}: {value.detail}")
    for number, outcomes in enumerate(mapper.outcomes_by_element(value, limits)):
        for outcome in outcomes:
            click.echo(_described(outcome))
        rows = mapper.explain(value, number)
        width = max(len(field) for field, _, _ in rows)
        for field, found, place in rows:
            click.echo(f"  {field:<{width}}  {_shortened(found)}  from {place}")


@sources.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
def test(files: tuple[str, ...]) -> None:
    """Run the tests in source files (or in the sources that come with Etapa, by name)."""
    passed = failed = 0
    for name in files:
        found = loaded(name)
        for finding in found.findings:
            if finding.severity != "info":
                click.echo(shown(finding), err=True)
        if found.source is None:
            failed += 1
            continue
        mapper = Mapper(found.source, b"pepper of the tests")
        for result in run_trials(mapper, value_reader(mapper)):
            passed += not result.differences
            failed += bool(result.differences)
            for difference in result.differences:
                click.echo(f"{name}:{result.line}: test {result.number}: {difference}")
    click.echo(f"{counted(passed, 'test')} passed, {failed} failed")
    if failed:
        raise CheckFailed("not everything is as expected")


def _records(path: str, mapper: Mapper, limits: TouchpointLimits) -> Iterator[tuple[str, Any]]:
    with EventFile(path, takes=files_of(mapper), columns=True) as lines:
        noun = "line" if mapper.source.decode == "csv" else "record"
        for read in records_of(lines, lines, mapper, limits):
            yield f"{lines.name}: {noun} {read.number}", read.record


def _first(path: str, mapper: Mapper, limits: TouchpointLimits) -> Any:
    for _, record in _records(path, mapper, limits):
        return record
    raise WrongUse(f"{path}: there is no record in it")


def _described(outcome: Outcome) -> str:
    if isinstance(outcome, SkippedRecord):
        return f"skipped: {outcome.rule}"
    if isinstance(outcome, Rejected):
        return f"dead letter {outcome.reason}: {printable(outcome.detail)}"
    found = outcome.touchpoint
    return f"a link: {printable(found.customer_id)} is {printable(found.properties[SAME_AS])}" if found.type == LINK else "a touchpoint"


def _say(tally: Tally, *, as_json: bool) -> None:
    if as_json:
        counts = {"records": tally.records, "touchpoints": tally.touchpoints, "skipped": tally.skipped, "dead_letters": tally.dead}
        click.echo(json.dumps(counts, ensure_ascii=False), err=True)
        return
    touchpoints, dead = counted(tally.touchpoints, "touchpoint"), counted(tally.dead.total(), "dead letter")
    said = [f"{counted(tally.records, 'record')}: {touchpoints}, {tally.skipped.total():,} skipped, {dead}"]
    said += [f"  {count:,} skipped by {rule}" for rule, count in tally.skipped.most_common()]
    said += [f"  {counted(count, 'dead letter')} {reason}" for reason, count in tally.dead.most_common()]
    click.echo("\n".join(said), err=True)


def _mapper(source: str, path: str) -> Mapper:
    return Mapper(csv_source(path)) if source == CSV_SOURCE else mapper_of(source, _pepper())


def _limits() -> TouchpointLimits:
    settings = settings_from({}).settings
    return TouchpointLimits.naming(settings.placeholder_ids, max_bytes=settings.max_touchpoint_bytes, takes_links=True)


def _pepper() -> str:
    pepper = settings_from({}).settings.source_pepper
    return "" if pepper is None else pepper.reveal()


def _shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 60 else text[:59] + "…"
