"""One file for each command (or group of commands): it reads the arguments, calls the room that does the work, and prints.

Data goes to stdout, prose and progress to stderr. `etapa.cli` imports a module here only when its command is called.
"""
