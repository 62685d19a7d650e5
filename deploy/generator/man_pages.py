"""`python -m deploy.generator.man_pages FOLDER`: a man page for every command, made from the same words as its `--help`."""

import re
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any

import click
from click_man.man import ManPage

import etapa
from etapa.cli import main

DATE = "2026"
"""The date of every page; fixed, so that the same commands give the same pages."""


def man_pages() -> dict[str, str]:
    """The text of each page, by its file name, such as `etapa-simulate.1`."""
    return {f"{ctx.command_path.replace(' ', '-')}.1": _page(ctx) for ctx in _contexts(click.Context(main, info_name="etapa"))}


def _contexts(ctx: click.Context) -> Iterator[click.Context]:
    """The pages of a command and of all its subcommands."""
    yield ctx
    for name, command in _below(ctx):
        yield from _contexts(click.Context(command, info_name=name, parent=ctx))


def _below(ctx: click.Context) -> list[tuple[str, click.Command]]:
    group = ctx.command
    if not isinstance(group, click.Group):
        return []
    found = ((name, group.get_command(ctx, name)) for name in group.list_commands(ctx))
    return [(name, command) for name, command in found if command is not None]


def _page(ctx: click.Context) -> str:
    page: Any = ManPage(ctx.command_path)
    page.version, page.date = etapa.__version__, DATE
    page.short_help = _text(ctx.command.get_short_help_str(200))
    page.description = _text(ctx.command.help or "")
    page.synopsis = " ".join(ctx.command.collect_usage_pieces(ctx))
    records = (option.get_help_record(ctx) for option in ctx.command.get_params(ctx) if isinstance(option, click.Option))
    page.options = [(record[0], _text(record[1])) for record in records if record is not None]
    page.commands = [(name, _text(command.get_short_help_str(200))) for name, command in _below(ctx)]
    return str(page)


def _text(text: str) -> str:
    """Escape text for troff: double its escape character, and let no line look like a request."""
    plain = cleandoc(text).replace("\b\n", "").replace("\\", "\\\\")
    return re.sub(r"^([.'])", r"\\&\1", plain, flags=re.MULTILINE)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in man_pages().items():
        (folder / name).write_text(text, encoding="utf-8")
