"""CSV files whose columns the source `csv` does not know by name: at a terminal the user is asked; elsewhere the likeliest are used, and shown."""

import sys
from pathlib import Path

import click

from etapa.commands.files.event_files import EventFile
from etapa.commands.terminal.failures import WrongUse
from etapa.contracts.incoming.odd_bytes import CSV
from etapa.hosting.foreign_text import printable
from etapa.sources import presets
from etapa.sources.csv_roles import REQUIRED, ROLES, Role, Roles, can_be_named, known_roles, likely_roles, not_taken, with_roles
from etapa.sources.file_records import RecordsError, column_names
from etapa.sources.language.loading import load_source
from etapa.sources.language.model import Source

NAME = "csv"
LONGEST_HEADING = 1 << 20
_QUESTIONS: dict[Role, str] = {
    "customer": "Which column says who the customer is?",
    "time": "Which column says when it happened?",
    "type": "Which column says what happened (empty: every row is a purchase)?",
}


def csv_source(path: str) -> Source:
    """The source `csv`, adapted to this file's columns. Ends the command with exit code 2 when they cannot be identified."""
    text = presets.text_of(NAME)
    source = load_source(text, NAME).source
    if source is None:
        raise ValueError("the source csv has errors")
    place = Path(path)
    # Standard input and pipes can be read only once, so they are not looked at here.
    names = [] if path == "-" or (place.exists() and not place.is_file() and not place.is_dir()) else _names(path)
    known = known_roles(source, names)
    roles = likely_roles(names, known)
    missing = [role for role in REQUIRED if getattr(known, role) is None]
    if not names or (roles == known and not missing):
        return source
    if missing and sys.stdin.isatty() and sys.stderr.isatty():
        roles = _asked(path, names, roles)
    if roles.customer is None or roles.time is None:
        raise WrongUse(
            f"{path}: none of its columns is known to be {'the customer' if roles.customer is None else 'the time'}; it has {printable(', '.join(names))}."
            " Name the columns in a source of your own: etapa sources show csv > mine.yaml"
        )
    said = [f"{role} = {name}" for role in ROLES if (name := getattr(roles, role)) is not None]
    found = load_source(with_roles(text, roles), NAME).source
    if found is None:
        raise WrongUse(f"{path}: a source cannot name these columns: {printable(', '.join(said))}; rename them in the file's first line")
    others = printable(", ".join(not_taken(found, names)))
    click.echo(
        f"{path}: columns taken: {printable(', '.join(said))}{'' if roles.type else '; every row is a purchase'}."
        f"{f' Not taken: {others}.' if others else ''} To take others: etapa sources show csv > mine.yaml",
        err=True,
    )
    return found


def _names(path: str) -> list[str]:
    """The columns named in a file's first line; empty when there is no such line, which reading the file will report in detail."""
    with EventFile(path, takes=(CSV,), columns=True) as file:
        part = next(file.parts())
        if part.kind != "lines":
            return []
        try:
            return [name for name in column_names(file.readline(LONGEST_HEADING)) if can_be_named(name)]
        except RecordsError:
            return []


def _asked(path: str, names: list[str], likely: Roles) -> Roles:
    click.echo(f"{path} has the columns {printable(', '.join(names))}.", err=True)
    answers: dict[Role, str | None] = {}
    for role, question in _QUESTIONS.items():
        answers[role] = (
            click.prompt(
                question,
                default=getattr(likely, role) or (None if role in REQUIRED else ""),
                type=click.Choice(names if role in REQUIRED else [*names, ""]),
                show_choices=False,
                err=True,
            )
            or None
        )
    return likely_roles(names, Roles(answers["customer"], answers["time"], answers["type"]), ("amount", "channel"))
