"""`python -m etapa` is `etapa`."""

from etapa.cli import main

main(prog_name="etapa")
