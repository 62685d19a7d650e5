"""One file per command (or group of commands): reads its arguments, calls the room that does the work, prints.

Data goes to stdout, prose and progress to stderr. `etapa.cli` imports a module here only when its command is called.
"""
