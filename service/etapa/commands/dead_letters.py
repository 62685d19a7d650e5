"""`etapa dead-letters`: look at what could not be used, and send it back once the cause is fixed."""

import click

from etapa.commands.letters.dead_letter_options import DeadLetterCommands
from etapa.commands.letters.dead_letter_redrive import redrive_command
from etapa.commands.letters.dead_letter_views import list_command, show_command
from etapa.contracts.incoming.rejected import REASONS
from etapa.stream.upkeep.dead_letter_topics import touchpoint_letters

COMMANDS = DeadLetterCommands(touchpoint_letters, REASONS, ("kafka_bootstrap_servers", "group"), of_triggers=False)


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Look at touchpoints that could not be used, and send them back after a fix.

    A dead letter is named by where it is in its topic: PARTITION/OFFSET.
    """


for command in (list_command(COMMANDS), show_command(COMMANDS), redrive_command(COMMANDS)):
    dead_letters.add_command(command)
