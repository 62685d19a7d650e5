"""Asks for confirmation before something is changed that cannot easily be undone."""

import sys

import click

from etapa.commands.terminal.failures import CheckFailed, WrongUse

yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask before anything is changed.")


def somebody_can_be_asked(*, yes: bool) -> bool:
    """Whether to ask; False when --yes was given. Ends the command when there is no terminal to ask on."""
    if yes:
        return False
    if not sys.stdin.isatty():
        raise WrongUse("the input is not a terminal, so no confirmation can be asked for; add --yes to go ahead")
    return True


def ask(question: str) -> None:
    """Continue if the answer is yes; otherwise end the command."""
    if not click.confirm(question, err=True):
        raise CheckFailed("nothing was changed")
