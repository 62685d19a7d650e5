"""Prints foreign text so that it cannot control the terminal; see `hosting.foreign_text`."""

import click

from etapa.hosting.foreign_text import json_text


def json_line(encoded: bytes) -> bytes:
    """The same as bytes, for many lines: what is ASCII, as most are, passes as it is."""
    return encoded if encoded.isascii() and b"\x7f" not in encoded else json_text(encoded).encode()


def echo_json(encoded: bytes, *, err: bool = False) -> None:
    """Print it, followed by a line feed."""
    click.echo(json_text(encoded), err=err)
