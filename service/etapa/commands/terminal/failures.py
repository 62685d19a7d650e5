"""How a command ends when it cannot do what was asked: one clear line on stderr, and a reliable exit code."""

import click

from etapa.hosting.foreign_text import printable


class _Failed(click.ClickException):
    def format_message(self) -> str:
        """The message, made safe to print, since it may quote foreign text."""
        return "\n".join(printable(line) for line in super().format_message().split("\n"))


class CheckFailed(_Failed):
    """The work was done and the answer is no, or a server failed. Exit code 1."""

    exit_code = 1


class WrongUse(_Failed):
    """The command cannot start, because of a file, an argument or a setting. Exit code 2."""

    exit_code = 2


def reason(error: OSError) -> str:
    """Why the system refused, in a few words for use in a sentence: `no such file or directory`."""
    text = error.strerror or str(error) or type(error).__name__
    return text[0].lower() + text[1:]
