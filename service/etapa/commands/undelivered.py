"""`etapa deliver list`, `show` and `redrive`: look at triggers that could not be delivered, and send them back once the cause is fixed."""

from etapa.commands.letters.dead_letter_options import DeadLetterCommands
from etapa.commands.letters.dead_letter_redrive import redrive_command
from etapa.commands.letters.dead_letter_views import list_command, show_command
from etapa.contracts.outgoing.undelivered import REASONS
from etapa.stream.upkeep.dead_letter_topics import trigger_letters

_COMMANDS = DeadLetterCommands(trigger_letters, REASONS, ("kafka_bootstrap_servers", "group"), of_triggers=True)

SUBCOMMANDS = {"list": list_command(_COMMANDS), "show": show_command(_COMMANDS), "redrive": redrive_command(_COMMANDS)}
