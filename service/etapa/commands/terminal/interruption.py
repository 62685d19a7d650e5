"""What a command says when Ctrl-C ends it in the middle of what others carry on, or what is half done."""

import contextlib
from collections.abc import Iterator

import click


@contextlib.contextmanager
def told_if_interrupted(words: str) -> Iterator[None]:
    """Say on stderr what goes on, and what to do, if Ctrl-C ends the block. Without words nothing is said."""
    try:
        yield
    except KeyboardInterrupt:
        if words:
            click.echo(f"\n{words}", err=True)
        raise
