"""Reading a journey file for a command: bytes, text, findings, and messages about files that cannot be read."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from etapa.commands.terminal.failures import CheckFailed, WrongUse, reason
from etapa.errors import EtapaError
from etapa.journey.language.load import Loaded, load_journey
from etapa.journey.language.model import Journey
from etapa.journey.language.reading.findings import Finding, Report
from etapa.journey.language.reading.yaml_nodes import MAX_BYTES, Node

LONGEST_SHOWN = 110
"""Of longer lines only the part around the finding is shown."""


class FileUnreadable(EtapaError):
    """The file could not be read at all; the message gives its name and the reason."""


def load_file(path: str, more: Sequence[Callable[[Node, Report], None]] = ()) -> Loaded:
    """Read and load the journey file at `path` (`-` is standard input). Raises FileUnreadable; what is wrong inside is a finding.

    `more`: further checks, as in `load_journey`.
    """
    content = _read(path)
    name = "<stdin>" if path == "-" else path
    if len(content) > MAX_BYTES:
        # The text is cut off, but the only finding will be that it is too large.
        return load_journey(content.decode(errors="replace"), name)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        return Loaded(journey=None, findings=(_not_utf8(content, name, error),))
    return load_journey(text, name, more)


def journey_from(path: str | Path) -> Journey:
    """The journey in this file, for a command that needs one without errors. Findings go to stderr.

    Ends the command with exit code 2 if the file cannot be read and 1 if it has errors.
    """
    try:
        loaded = load_file(str(path))
    except FileUnreadable as error:
        raise WrongUse(str(error)) from None
    for finding in loaded.findings:
        if finding.severity != "info":
            click.echo(shown(finding), err=True)
    if loaded.journey is None:
        raise CheckFailed(f"{path} has errors and is not used; `etapa validate {path}` shows them")
    return loaded.journey


def shown(finding: Finding) -> str:
    """A finding for people: place and message, the line of the file, and a caret under the column."""
    # Control characters in a file from elsewhere must not reach the terminal.
    line = "".join(character if character.isprintable() else " " for character in finding.source_line)
    if not line.strip():
        return str(finding)
    column = finding.column - 1
    start = 0 if len(line) <= LONGEST_SHOWN else max(0, column - LONGEST_SHOWN // 2)
    window = line[start : start + LONGEST_SHOWN].rstrip()
    return f"{finding}\n    {window}\n    {' ' * (column - start)}^"


def _read(path: str) -> bytes:
    try:
        if path == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileUnreadable(f"{path or repr(path)}: cannot read it: {reason(error)}") from None


def _not_utf8(content: bytes, name: str, error: UnicodeDecodeError) -> Finding:
    before = content[: error.start]
    line_start = before.rfind(b"\n") + 1
    return Finding(
        severity="error",
        file=name,
        line=before.count(b"\n") + 1,
        column=len(before[line_start:].decode(errors="replace")) + 1,
        message=f"found the byte 0x{content[error.start]:02x}, which is not UTF-8; allowed: text in UTF-8",
        source_line="",
    )
