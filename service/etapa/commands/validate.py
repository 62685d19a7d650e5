"""`etapa validate`: check journey files and say where they are wrong."""

from typing import Any

import click
import msgspec

from etapa.commands.files.journey_files import FileUnreadable, load_file, shown
from etapa.commands.files.source_files import source_called
from etapa.commands.terminal.failures import WrongUse
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.words import counted
from etapa.journey.language.load import Loaded
from etapa.sources.journey_fit import JourneyFit

COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


@click.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option(
    "--source",
    "sources",
    metavar="SOURCE",
    multiple=True,
    help="Also warn of types and fields that this source never makes; repeat it for several sources of one topic.",
)
@click.option("--strict", is_flag=True, help="Count warnings as errors.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def validate(files: tuple[str, ...], sources: tuple[str, ...], strict: bool, as_json: bool) -> None:
    """Check journey files; `-` reads standard input.

    Prints what is wrong with file, line and column. Exit code 0 if every file is good, 1 if one has errors, 2 if one cannot be read.
    """
    more = [JourneyFit([source_called(name) for name in sources])] if sources else []
    unreadable = False
    results: list[dict[str, Any]] = []
    for path in files:
        try:
            loaded = load_file(path, more)
        except FileUnreadable as error:
            unreadable = True
            results.append({"file": path, "ok": False, "unreadable": str(error), "findings": []})
            click.echo(f"Error: {error}", err=True)
            continue
        good = _is_good(loaded, strict)
        results.append(_result(path, loaded, good))
        if not as_json:
            _print(path, loaded, good)
    good_count = sum(result["ok"] for result in results)
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode({"ok": good_count == len(results), "files": results})))
    elif len(files) > 1:
        click.echo(f"{good_count} of {len(files)} files are good", err=True)
    if unreadable:
        raise click.exceptions.Exit(WrongUse.exit_code)
    if good_count < len(results):
        raise click.exceptions.Exit(1)


def _is_good(loaded: Loaded, strict: bool) -> bool:
    return loaded.journey is not None and not (strict and any(finding.severity == "warning" for finding in loaded.findings))


def _print(path: str, loaded: Loaded, good: bool) -> None:
    for finding in loaded.findings:
        first, newline, rest = shown(finding).partition("\n")
        word = f"{finding.severity}:"
        click.echo(first.replace(word, click.style(word, fg=COLOURS[finding.severity]), 1) + newline + rest)
    if good and loaded.journey:
        journey = loaded.journey
        stages, rules = counted(len(journey.stages), "stage"), counted(len(journey.rules), "rule")
        campaigns = f", {counted(len(journey.campaigns), 'campaign')}" if journey.campaigns else ""
        click.echo(f"{path}: good: journey {journey.id} version {journey.version}, {stages}, {rules}{campaigns}")
        return
    errors = sum(finding.severity == "error" for finding in loaded.findings)
    warnings = sum(finding.severity == "warning" for finding in loaded.findings)
    found = [counted(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number]
    click.echo(f"{path}: {', '.join(found)}")


def _result(path: str, loaded: Loaded, good: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"file": path, "ok": good}
    if loaded.journey is not None:
        result |= {
            "journey": loaded.journey.id,
            "version": loaded.journey.version,
            "stages": len(loaded.journey.stages),
            "rules": len(loaded.journey.rules),
            "campaigns": len(loaded.journey.campaigns),
        }
    result["findings"] = [
        {"severity": finding.severity, "line": finding.line, "column": finding.column, "message": finding.message}
        for finding in loaded.findings
    ]
    return result
